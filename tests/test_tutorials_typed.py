"""The tutorials of a model, a package and a task, typed from their first line to their last.

Each page's files are written, and every line of a shell on it is carried out in order. What takes minutes is planned
(`--dry-run`) or left to the test that is named beside it; a line that a page gains fails its test until it has a place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from typed_pages import PAGES, Shell, blocks, lines

pytestmark = [pytest.mark.untimed, pytest.mark.slow, pytest.mark.timeout(1800)]

DRY = ("--dry-run",)
LEFT: Mapping[str, str] = {
    "dlbench check torch.resmlp --path jit --fix-hints": "compiles for minutes: test_torch_conformance.py examines jit",
    "dlbench explain --model net.py:Net --input 16x32 --path eager,jit --quick": "minutes: tests/cli/test_explain.py",
    "make check test": "compiles for minutes: tests/api/test_scaffold.py; its half `make check` is typed here",
}
"""Lines that are not carried out, and why."""


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture
def shell(tmp_path) -> Iterator[Shell]:
    pytest.importorskip("dlbench_torch")
    yield Shell(tmp_path)


def dry(line: str) -> tuple[str, ...]:
    return DRY if line.startswith("dlbench run") and "--dry-run" not in line else ()


def test_a_model_in_a_file(shell):
    text = page("tutorial-model")
    (net,) = blocks("python", text)
    (shell.folder / "net.py").write_text(net)
    for line in [one for one in lines(text) if one not in LEFT]:
        said = shell.type(line, *dry(line))
        assert "--dry-run" not in (*line.split(), *dry(line)) or "process" in said


def test_a_model_is_measured_as_the_page_says_and_the_report_has_the_section_that_it_names(shell):
    text = page("tutorial-model")
    (shell.folder / "net.py").write_text(blocks("python", text)[0])
    (line,) = [one for one in lines(text) if one.endswith("--path eager,jit --quick") and one.startswith("dlbench run")]
    assert 'The section "Models" of the report' in text
    shell.type(line.replace("eager,jit", "eager"), "--out", "out")
    report = (shell.folder / "out/report.md").read_text(encoding="utf-8")
    section = report.partition("<b>Models</b>")[2]
    assert "Stated: input " in section
    assert "Inferred: " in section


def test_a_package_of_a_published_model(shell):
    text = page("tutorial-package")
    model = blocks("python", text)[0]
    for line in lines(text):
        if line in LEFT:
            continue
        said = shell.type(line, *dry(line))
        if line == "pip install -e '.[dev]'":
            (shell.folder / "dlbench_resmlp/model.py").write_text(model)
            shell.type(line)
        if line.startswith("dlbench check"):
            assert " 0 broken" in said
    shell.type("make check")
    assert len(list((shell.folder / "dist").glob("dlbench_resmlp-*.whl"))) == 1


def test_a_task(shell):
    text = page("tutorial-task")
    for line in lines(text):
        said = shell.type(line.replace("NAME", "waves"))
        if line.startswith("dlbench new"):
            (shell.folder / "dlbench-waves/dlbench_waves/task.py").write_text(blocks("python", text)[0])
        if line == "dlbench list --tasks":
            assert "Eight numbers to the sine of their sum" in said
    report = (shell.folder / "try/report.md").read_text(encoding="utf-8")
    assert "Steps" in report.partition("converge")[2]
    shell.type("cd dlbench-waves")
    shell.type("make check test")


@pytest.mark.parametrize("name", ["tutorial-model", "tutorial-package", "tutorial-task"])
def test_lines_of_pages_are_found(name):
    found = lines(page(name))
    assert len(found) >= 4
    assert "dlbench" in found[0]


def test_a_line_is_left_out_for_a_reason_that_holds():
    typed = {line for name in ("tutorial-model", "tutorial-package", "tutorial-task") for line in lines(page(name))}
    assert set(LEFT) <= typed
