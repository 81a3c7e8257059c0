"""Files of models of one's own: where they may lie, what they may do when they are imported, and when they change."""

from __future__ import annotations

import re

import pytest
from command import dlbench, planned, refused

pytestmark = pytest.mark.untimed


def test_an_error_in_the_users_file_is_told_by_its_own_line(folder):
    (folder / "bad.py").write_text("x = 1\nimport nothing_of_this_name\n")
    said = refused("--model", "bad.py:Net")
    assert said.startswith("bad.py:Net: bad.py, line 2, 'import nothing_of_this_name': ModuleNotFoundError")


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (
            "import os\nos._exit(3)\n",
            (),
            "bad.py:Net: while it was imported, made or called once, the child exited with",
        ),
        ("import sys\nsys.exit(3)\n", (), "bad.py:Net: bad.py, line 2, 'sys.exit(3)': SystemExit: 3"),
        (
            "while True: pass\n",
            ("--timeout", "2"),
            "bad.py:Net: while it was imported, made or called once, not done within the 2 s that a process may work",
        ),
        (
            "from .own import One\n",
            (),
            "bad.py:Net: bad.py, line 1, 'from .own import One': ImportError: attempted relative import with no known "
            "parent package; a file alone is of no package: give sub.bad:Net, from the folder above",
        ),
        ("def Net(width): return width\n", (), "bad.py:Net cannot be called without width; give --set width=VALUE"),
    ],
)
def test_a_file_that_ends_hangs_or_belongs_to_a_package_is_named(folder, text, more, said):
    (folder / "sub").mkdir()
    (folder / "sub" / "bad.py").write_text(text)
    assert said.removeprefix("bad.py:Net") in refused("--model", "sub/bad.py:Net", *more)
    assert refused("--model", "sub/bad.py:Net", *more).startswith("sub/bad.py:Net")


@pytest.mark.parametrize(
    "reference",
    ["a b/ünï/net.py:One", "link.py:One", "pkg.rel:One", "pkg/net.py:One", "own:One", "loud.py:One", "~/net.py:One"],
)
def test_files_are_found_wherever_they_lie_and_may_print(folder, reference, monkeypatch):
    monkeypatch.setenv("HOME", str(folder / "pkg"))
    text = (folder / "own.py").read_text()
    for name in ("a b/ünï/net.py", "pkg/net.py", "pkg/__init__.py", "loud.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if "init" in name else f"print('loud')\n{text}")
    (folder / "pkg" / "rel.py").write_text("from .net import One\n")
    (folder / "link.py").symlink_to("own.py")
    said = planned("--model", reference, "--input", "16x8", "--phase", "predict")
    assert said.startswith("predict One small, ")
    assert f"fake.One eager ({reference})" in said


@pytest.mark.slow
def test_a_file_that_changed_between_two_parts_of_a_session_makes_two_figures_and_one_that_is_gone_none(folder):
    arguments = ("--model", "own.py:Two", "--phase", "predict", "--processes", "3", "--cold")
    assert dlbench("run", *arguments, "--quiet", "--out", "report", cwd=folder).returncode == 0
    runs, own = folder / "report" / "runs.jsonl", folder / "own.py"
    runs.write_text("".join(runs.read_text().splitlines(keepends=True)[:1]))
    (folder / "report" / "digests.json").unlink()  # a session that was cut short after its first Run
    own.write_text(own.read_text() + "\n# another\n")
    kept = runs.read_text()
    assert dlbench("run", "--resume", "report", "--quiet", cwd=folder).returncode == 0
    page = (folder / "report" / "report.md").read_text()
    assert re.search(
        r"not pooled, because they were not made alike: .*code differs: plugin fake.Two: own.py, files", page
    )
    runs.write_text(kept)
    (folder / "report" / "digests.json").unlink()
    own.unlink()
    assert dlbench("run", "--resume", "report", "--quiet", cwd=folder).returncode == 2
    assert "own.py:Two: there is no file own.py in the folder" in (folder / "report" / "report.md").read_text()
