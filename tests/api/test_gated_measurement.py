"""A gate on a session that is really measured: its A/A control is as noisy as the machine."""

from __future__ import annotations

import json
import shutil

import pytest
from command import dlbench

from dlbench.record import encoding
from dlbench.record.reading import read_plan
from dlbench.report import DIGITS


@pytest.mark.slow
def test_a_real_session_passes_a_wide_gate_and_says_so(tmp_path):
    arguments = ("--plugin", "fake.linear,twin.linear", "--phase", "predict", "--processes", "2", "--threads", "1")
    for _ in range(3):  # a busy machine takes the steady state of a twin away, and such a session is refused
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        done = dlbench(
            "run", *arguments, "--fail-on", "counts,slower:900%", "--no-parity", "--out", "out", cwd=tmp_path
        )
        if "has no A/A control" not in done.stderr:
            break
    assert done.returncode in (0, 3), done.stderr
    assert "counts: 1 of 1 passed" in done.stdout
    kept = json.loads((tmp_path / "out" / "report.json").read_text())["gate"]
    assert [one["condition"] for one in kept["outcomes"]] == ["counts", "slower:900%"]
    text = (tmp_path / "out" / "report.md").read_text()
    assert "A/A control: ratio " in text or "never became steady" in text
    assert "(twin)" not in text
    assert read_plan(tmp_path / "out" / "plan.json").asked == ("--fail-on", "counts", "--fail-on", "slower:900%")
    dropped = dlbench("run", "--resume", "out", cwd=tmp_path)
    assert dropped.returncode == 2
    assert "give dlbench run --resume out --fail-on counts --fail-on slower:900%" in dropped.stderr
    shown = encoding.page(json.loads((tmp_path / "out" / "gate.json").read_text()), digits=DIGITS)
    assert json.loads(shown) == kept
    again = dlbench("report", "out", "--out", "again", "--format", "markdown", "--quiet", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "report.md").read_text() == text
