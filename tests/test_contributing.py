"""Examples of CONTRIBUTING and README, carried out as they stand there, with nothing else changed."""

from __future__ import annotations

import re
import types
from pathlib import Path

import msgspec
import pytest
from example_runs import bare_run, full_session, good_run, spec
from sessions import saved, session

from dlbench import report
from dlbench.analysis import evidence, gate, judge, metrics, pairs
from dlbench.analysis.gate import GateRequest
from dlbench.cli import run as command
from dlbench.cli.main import cli
from dlbench.record import flags
from dlbench.report import exports

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[1]
CORE = ROOT / "dlbench"
PAGE = (ROOT / "CONTRIBUTING.md").read_text()


SECTIONS = {
    heading: text
    for heading, text in re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    if re.search(r": \d+ files?$", heading)
}
"""The worked examples by their headings, which end in the number of files."""


def example(heading: str) -> str:
    """The Python of the example whose heading starts so."""
    (section,) = [text for name, text in SECTIONS.items() if name.startswith(heading)]
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


def test_a_status_is_one_row(monkeypatch):
    """Reports, gates and exit codes go by its properties."""
    for name, row in eval("{" + example("A status") + "}", dict(vars(flags))).items():
        monkeypatch.setitem(flags.STATUSES, name, row)
    other = spec(phase="predict")
    before = [*session("a"), *session("a", of=other)]
    after = [*session("b"), bare_run(session="b", spec=other, status="preempted", reason="the node went away")]
    assert command.exit_code(after, 0) == 2
    said = judge.reports(("a", "b"), before, after, GateRequest(gate.parse(["counts"]), allow=["session"]))
    assert "did not run in the candidate (preempted: the node went away)" in said.refused
    seeds = [good_run(phase="converge", group=group, groups=2) for group in range(2)]
    seeds[1] = msgspec.structs.replace(seeds[1], status="preempted", reason="the node went away", evaluations=())
    page = report.FORMATS["markdown"].render(report.summarize(seeds))
    assert "| preempted | 1 | the node went away |" in page
    assert "| Seeds that reached it | 1 of 2 |" in page


def modules_naming(pattern: str) -> set[str]:
    """Modules of the core in which this stands."""
    return {str(path.relative_to(ROOT)) for path in CORE.rglob("*.py") if re.search(pattern, path.read_text())}


def test_an_axis_is_a_field_with_its_row_and_who_acts_on_it():
    assert modules_naming(r"\ballow_breaks\b") == {"dlbench/spec/spec.py", "dlbench/record/proof.py"}


def test_a_task_of_a_third_party_is_not_named_in_the_core():
    assert (ROOT / "tests/fake_plugin/dlbench_fake/spirals.py").exists()
    assert modules_naming(r"\bspirals\b") == set()


def test_a_command_is_its_work_its_words_and_its_options():
    assert modules_naming(r"\bdoctor\b") == {
        "dlbench/api/doctor.py",
        "dlbench/cli/doctor.py",
        "dlbench/cli/installed.py",
    }


def test_a_chart_is_a_module_and_a_line():
    assert modules_naming(r"\bmemory\.charts\b") == {"dlbench/report/charts/workload.py"}


@pytest.mark.parametrize("heading", SECTIONS)
def test_an_example_names_as_many_files_as_it_says_and_those_that_are_not_new_exist(heading):
    text = " ".join(SECTIONS[heading].split())
    named = re.findall(r"([Aa] new (?:module|package), )?`([\w/]+/[\w]+\.py|cluster)`", text)
    files = {name: bool(new) for new, name in named}
    assert len(files) == int(re.search(r": (\d+) files?$", heading)[1]), files
    assert [name for name, new in files.items() if (ROOT / name).exists() == new] == []


def test_a_format_is_one_function_and_one_row(monkeypatch, tmp_path, capsys):
    lines = types.SimpleNamespace(render=lambda made: f"title,started\n{made.title},{made.started}\n")
    scope = {**vars(report), "tsv": lines}
    exec(example("A file format"), scope)
    monkeypatch.setitem(report.FORMATS, "tsv", scope["FORMATS"]["tsv"])
    folder = saved(tmp_path / "kept", full_session())
    with pytest.raises(SystemExit) as ended:
        cli(["report", str(folder), "--format", "tsv", "--quiet"])
    assert ended.value.code == 0
    assert (folder / "report.tsv").read_text().startswith("title,started\n")


def test_an_export_is_one_function_and_one_row(monkeypatch, tmp_path):
    lines = types.SimpleNamespace(render=lambda runs, report: f"{report.title} {len(runs)}\n")
    scope = {"Export": exports.Export, "openmetrics": lines}
    for name, row in eval("{" + example("An export for another tool") + "}", scope).items():
        monkeypatch.setitem(exports.EXPORTS, name, row)
    folder = saved(tmp_path / "kept", full_session())
    with pytest.raises(SystemExit) as ended:
        cli(["report", str(folder), "--format", "openmetrics", "--quiet"])
    assert ended.value.code == 0
    assert (folder / "metrics.txt").read_text().endswith(f" {len(full_session())}\n")


def test_the_readmes_python_reads_and_renders_a_kept_report(monkeypatch):
    monkeypatch.chdir(ROOT)
    section = (ROOT / "README.md").read_text().partition("## In Python")[2]
    (code, *_) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    scope: dict[str, object] = {}
    exec(code, scope)
    assert scope["records"]
    assert scope["page"] == (ROOT / "reports/tf-transformer-jit/report.md").read_text()
