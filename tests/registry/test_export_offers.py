"""Exports of other packages: written, listed, and refused if they are broken."""

from __future__ import annotations

import pytest
from example_runs import full_session

from dlbench.api import render
from dlbench.cli import listing
from dlbench.errors import DlbenchError, PluginLoadError, UnknownName
from dlbench.report import summarize

pytestmark = pytest.mark.untimed

LINES = 'file_name = "lines.txt"\n\n\ndef render(runs, report):\n    return f"{report.title} {len(runs)}\\n"\n'


def exported(name, tmp_path):
    return render.write(full_session(), summarize(full_session()), tmp_path / "out", [name])


def test_an_export_of_a_third_party_writes_its_file(install, tmp_path):
    """A module, or an object in one."""
    install("acme", exports={"lines": "acme_lines"}, acme_lines=LINES)
    (path,) = exported("lines", tmp_path)
    assert path.name == "lines.txt"
    assert path.read_text().endswith(f" {len(full_session())}\n")
    assert "  lines  acme 1.2" in list(listing.lines())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise RuntimeError('no')", "export lines of acme cannot be loaded: RuntimeError: no"),
        ("file_name = 'x'", "it needs a name and a function"),
        ("file_name = '../x'\ndef render(runs, report): return ''", "it needs a name and a function"),
        ("file_name = 'runs.jsonl'\ndef render(runs, report): return ''", "runs.jsonl is a file of dlbench's own"),
        ("file_name = 'x'\ndef render(runs, report): return 1 / 0", "failed: ZeroDivisionError: division by zero"),
        ("file_name = 'x'\ndef render(runs, report): return b''", "returned bytes, no text"),
    ],
)
def test_an_export_that_misbehaves_is_one_line_with_its_name(install, tmp_path, text, said):
    install("acme", exports={"lines": "acme_lines"}, acme_lines=text)
    with pytest.raises(DlbenchError) as caught:
        exported("lines", tmp_path)
    assert "export lines of acme" in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["markdown", "csv"])
def test_an_export_may_not_take_a_name_of_dlbenchs_own(install, tmp_path, name):
    install("acme", exports={name: "acme_lines"}, acme_lines=LINES)
    assert any("broken: dlbench and acme both claim this name" in line for line in listing.lines())
    assert exported(name, tmp_path)[0].name != "lines.txt"


def test_two_exports_of_one_name_are_refused_naming_both(install, tmp_path):
    install("acme", exports={"lines": "acme_lines"}, acme_lines=LINES)
    install("other", exports={"lines": "acme_lines"})
    with pytest.raises(PluginLoadError, match="acme and other both claim this name; uninstall one"):
        exported("lines", tmp_path)
    assert sum("broken: acme and other both claim this name" in line for line in listing.lines()) == 2


def test_an_unknown_format_names_those_that_there_are(install, tmp_path):
    install("acme", exports={"lines": "acme_lines"}, acme_lines=LINES)
    with pytest.raises(
        UnknownName, match=r"unknown format 'line'; did you mean lines.*all are .*bencher,.* csv,.*, lines,"
    ):
        exported("line", tmp_path)
    with pytest.raises(UnknownName, match=r"unknown format 'qq'; known: .*bencher,.* csv,.*, lines, markdown"):
        exported("qq", tmp_path)
