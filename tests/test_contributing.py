"""Examples of CONTRIBUTING and README, carried out as they stand there, with nothing else changed."""

from __future__ import annotations

import re
import types
from pathlib import Path

import msgspec
import pytest
from example_runs import full_session
from sessions import saved, session

from dlbench import report
from dlbench.analysis import evidence, gate, metrics, pairs
from dlbench.cli.main import cli

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()


def example(heading: str) -> str:
    """The Python below a heading that starts so."""
    section = PAGE.partition(f"### {heading}")[2].partition("\n### ")[0]
    (found,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return str(found)


def starting(run, factor):
    """The Run with a first step that takes longer by a factor."""
    times = [
        msgspec.structs.replace(time, seconds=time.seconds * (factor if time.phase == "first_step" else 1.0))
        for time in run.times
    ]
    return msgspec.structs.replace(run, times=tuple(times))


@pytest.mark.parametrize(("factor", "result"), [(2.0, "regression"), (1.0, "passed")])
def test_a_metric_that_gates_is_one_row(monkeypatch, factor, result):
    for name, row in eval("{" + example("A metric that gates") + "}", dict(vars(metrics))).items():
        monkeypatch.setitem(metrics.METRICS, name, row)
    before, after = session("a"), [starting(run, factor) for run in session("b", seed=1)]
    table = evidence.collect(pairs.match(before, after).pairs, metrics.METRICS, {})
    found = gate.judge(table, gate.parse(["first-step:10%"]), [])
    assert [(one.metric, one.result) for one in found] == [("first_step_time", result)]


def test_a_format_is_one_function_and_one_row(monkeypatch, tmp_path, capsys):
    lines = types.SimpleNamespace(render=lambda made: f"title,started\n{made.title},{made.started}\n")
    scope = {**vars(report), "csv": lines}
    exec(example("A file format"), scope)
    monkeypatch.setitem(report.FORMATS, "csv", scope["FORMATS"]["csv"])
    folder = saved(tmp_path / "kept", full_session())
    with pytest.raises(SystemExit) as ended:
        cli(["report", str(folder), "--format", "csv", "--quiet"])
    assert ended.value.code == 0
    assert (folder / "report.csv").read_text().startswith("title,started\n")


def test_the_readmes_python_reads_and_renders_a_kept_report(monkeypatch):
    monkeypatch.chdir(ROOT)
    section = (ROOT / "README.md").read_text().partition("## In Python")[2]
    (code, *_) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    scope: dict[str, object] = {}
    exec(code, scope)
    assert scope["records"]
    assert scope["page"] == (ROOT / "reports/tf-transformer-jit/report.md").read_text()
