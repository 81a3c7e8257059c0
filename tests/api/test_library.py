"""`import dlbench` measures, compares and renders: values by name, errors in one line, nothing on standard output."""

from __future__ import annotations

import json
import math

import click
import pytest
from short import policy

import dlbench
from dlbench.api import keywords
from dlbench.cli.main import cli
from dlbench.session.listener import Quiet
from dlbench.stats.reasons import REASONS
from dlbench_fake import nets

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("a session of the library")]

TWO = ("fake.linear", "twin.linear")
MODEL = "dlbench_fake.nets:Net8"
OF_THE_COMMAND_LINE = {"plugin", "suite", "dry_run", "quiet"}
"""Options that are no keyword: the first argument is the plugins, a call has no use for the others."""


@pytest.fixture(autouse=True, scope="module")
def short_sessions():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dlbench.api.request.Policy", policy)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def results(folder):
    options = {"phase": "predict", "processes": 2, "threads": 1, "cold": True, "parity": False}
    return dlbench.run(TWO, out=folder / "out", format="json", progress=False, **options)


def test_a_session_gives_its_figures_as_values(results, folder):
    assert list(results.arms) == ["predict, fake.linear eager", "predict, twin.linear eager"]
    assert results.arms["predict, twin.linear eager"].metrics["throughput"].value > 0
    assert {run.status for run in results.runs} == {"ok"}
    assert (results.folder, results.refused, results.outcomes) == (folder / "out", "", ())
    assert json.loads((folder / "out" / "report.json").read_text())["kind"] == "dlbench report"


def test_a_ratio_is_that_of_the_report_and_turns_round_with_its_arms(results):
    (shown,) = results.report.sections[0].comparisons
    assert results.ratio("twin.linear", "fake.linear") == shown
    turned = results.ratio("fake.linear eager", "predict, twin.linear eager")
    assert turned.ratio.value == pytest.approx(1 / shown.ratio.value)
    more = results.ratio("twin.linear", "fake.linear", "throughput")
    assert more.ratio.low < more.ratio.value < more.ratio.high


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fake.liner", "twin.linear"), "unknown arm 'fake.liner'"),
        (("twin.linear", "fake.linear", "step_tim"), "unknown metric 'step_tim'; did you mean step_time"),
        (("twin.linear", "fake.linear", "step_time", "train"), "mean no single pair of one workload"),
    ],
)
def test_an_arm_or_a_metric_that_is_not_there_is_named(results, arguments, message):
    with pytest.raises(dlbench.DlbenchError, match=message):
        results.ratio(*arguments)


def test_records_are_flat_and_one_a_run(results):
    records = results.to_records()
    assert len(records) == len(results.runs) == 4
    assert all(isinstance(value, str | int | float | bool | None) for one in records for value in one.values())
    assert {one["plugin"] for one in records} == set(TWO)
    assert all(one["step_time"] > 0 and one["batch_size"] == 32 for one in records)


def test_a_saved_report_reads_back_to_the_same_pages(results, folder):
    again = dlbench.read(folder / "out")
    assert dlbench.render(again, "markdown") == dlbench.render(results, "markdown") == again._repr_markdown_()
    assert dlbench.render(results, "json") == (folder / "out" / "report.json").read_text()
    assert dlbench.read(folder / "out" / "runs.jsonl").folder == folder / "out"
    with pytest.raises(dlbench.UnknownName, match="unknown format 'pdf'"):
        dlbench.render(results, "pdf")


def test_a_notebook_shows_tables_without_markup_of_others(results):
    page = results._repr_html_()
    assert page.count("<table>") == page.count("</table>") > 0
    assert "twin.linear eager" in page
    assert page.index("twin.linear eager") < page.index("Measure it again")
    from dlbench.report import notebook
    from dlbench.report.document import Paragraph

    assert notebook.text([Paragraph("<script>x</script>")]) == "<p>&lt;script&gt;x&lt;/script&gt;</p>"


def test_two_reports_are_compared_and_results_stand_for_their_folder(results, folder):
    lines = (folder / "out" / "runs.jsonl").read_text().replace(results.runs[0].session, "another")
    (folder / "other").mkdir(exist_ok=True)
    (folder / "other" / "runs.jsonl").write_text(lines)
    compared = dlbench.compare(results, folder / "other", progress=False)
    step = next(one for one in compared.to_records() if one["metric"] == "step_time")
    assert step["code"] in REASONS
    assert math.isclose(step["ratio"], 1.0)
    assert step["verdict"] in ("same", "inconclusive")
    assert "<table>" in compared._repr_html_()
    gated = dlbench.compare(results, folder / "other", fail_on="slower:2%", progress=False)
    assert "two sessions" in gated.refused
    assert gated.outcomes == ()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"procesess": 3}, dlbench.UnknownName, "unknown option 'procesess'; did you mean processes"),
        ({"phase": "trian"}, dlbench.UnknownName, "unknown phase 'trian'; did you mean train"),
        ({"batch_size": "32"}, dlbench.SpecError, "batch_size is '32': it must be a whole number"),
        ({"processes": True}, dlbench.SpecError, "processes is True: it must be a whole number"),
        ({"quick": 1}, dlbench.SpecError, "quick is 1: it must be True or False"),
        ({"out": 5}, dlbench.SpecError, "out is 5: it must be a path"),
        ({"threads": 0}, dlbench.SpecError, "threads is 0"),
        ({"batch_size": 0}, dlbench.SpecError, "batch size is 0: it must be between 1 and"),
        ({"set": {"outputs": 3}}, dlbench.SpecError, r"set is {'outputs': 3}: it must be .* such as \['outputs=3'\]"),
        (
            {"phase": {"train": 1}},
            dlbench.SpecError,
            "phase is {'train': 1}: it must be one value, or a list of several",
        ),
        ({"model": MODEL, "classes": 0}, dlbench.SpecError, "^--classes is 0: it must be between 1 and 2147483647"),
        (
            {"model": MODEL, "tokens": "8x16", "vocabulary": 0},
            dlbench.SpecError,
            "^--vocabulary is 0: it must be between 1 and 2147483647",
        ),
        ({"model": [MODEL, MODEL]}, dlbench.SpecError, f"--model {MODEL} is given twice and would be one arm"),
        ({"model": [MODEL, nets.Net8]}, dlbench.SpecError, f"--model {MODEL} is given twice and would be one arm"),
        ({"quick": True, "rigorous": True}, dlbench.SpecError, "contradict each other"),
    ],
)
def test_a_wrong_name_or_value_is_one_line(options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message) as caught:
        dlbench.run(TWO, **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_keywords_are_the_options_of_the_command_line():
    command = {param.name: param for param in cli.commands["run"].params}
    assert set(keywords.OPTIONS) == set(command) - OF_THE_COMMAND_LINE
    assert set(keywords.RunKeywords.__annotations__) == set(keywords.OPTIONS)
    for name, option in keywords.OPTIONS.items():
        assert option.several == command[name].multiple, name
        assert (option.kind is bool) == bool(getattr(command[name], "is_flag", False)), name
    for name, known in (("compare", keywords.GateKeywords), ("parity", keywords.ParityKeywords)):
        options = {param.name for param in cli.commands[name].params if isinstance(param, click.Option)}
        assert options - {"quiet", "explain", "seeds", "timeout", "as_json"} == set(known.__annotations__)


def test_progress_goes_to_standard_error_and_to_a_listener(tmp_path, capsys):
    options = {"phase": "converge", "quick": True, "threads": 1}
    dlbench.run("fake.linear", out=tmp_path / "told", **options)
    said = capsys.readouterr()
    assert said.out == ""
    assert "[1/1] converge fake.linear eager small" in said.err

    class Counting(Quiet):
        runs = 0

        def finished(self, run):
            self.runs += 1

    listener = Counting()
    dlbench.run("fake.linear", out=tmp_path / "heard", progress=listener, **options)
    assert listener.runs == 1
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_session_keeps_what_is_finished(tmp_path):
    class Impatient(Quiet):
        notes = ()

        def finished(self, run):
            raise KeyboardInterrupt

        def note(self, text):
            self.notes = (*self.notes, text)

    listener = Impatient()
    with pytest.raises(KeyboardInterrupt):
        dlbench.run("fake.linear", phase="converge", processes=3, cold=True, threads=1, out=tmp_path, progress=listener)
    assert f"dlbench.read('{tmp_path}')" in listener.notes[-1]
    kept = dlbench.read(tmp_path)
    assert len(kept.runs) == 1
    assert len(dlbench.run(resume=tmp_path, budget=1e-6, progress=False).runs) == 1, "no time for another"
    on = dlbench.run(resume=tmp_path, progress=False)
    assert len(on.runs) == 3
    assert on.runs[0] == kept.runs[0]


def test_models_are_proven_equal_and_plugins_examined(capfd):
    (found,) = dlbench.check_parity(*TWO, seeds=1, threads=1)
    assert found.same
    examined = dlbench.check("fake.minimal", path="eager", task="line")
    assert examined.conforms
    assert [one.spec.plugin for one in examined.examined] == ["fake.minimal"]
    assert capfd.readouterr().out == ""
    with pytest.raises(dlbench.SpecError, match="name a second plugin"):
        dlbench.check_parity("fake.linear")


@pytest.mark.untimed
def test_a_class_of_a_module_is_a_model_and_what_has_no_name_is_refused(tmp_path):
    options = {"phase": "predict", "quick": True, "threads": 1, "isolation": "none", "progress": False}
    results = dlbench.run(model=nets.Net8, input="16x8", out=tmp_path / "model", **options)
    assert {run.spec.plugin for run in results.runs} == {"fake.Net8"}
    assert results.runs[0].spec.model.reference == "dlbench_fake.nets:Net8"
    for model, said in ((lambda: None, "test_a_class.*<lambda>"), (nets.Net8(), "of type Net8")):
        with pytest.raises(dlbench.SpecError, match=f"model {said} cannot be imported by a name; give") as refused:
            dlbench.run(model=model, input="16x8", out=tmp_path / "none", **options)
        assert "0x" not in str(refused.value)


def test_a_model_is_examined_as_the_command_does():
    found = dlbench.check(model=nets.Net8, input="16x8", path="eager")
    assert found.conforms
    assert [one.spec.model.reference for one in found.examined] == [MODEL]
    both = {param.name for param in cli.commands["check"].params} - {
        "plugins",
        "path",
        "size",
        "task",
        "device",
        "timeout",
        "as_json",
        "skip",
        "fix_hints",
    }
    assert both == set(keywords.SourceKeywords.__annotations__)
    with pytest.raises(dlbench.SpecError, match=r"nothing was named; give a plugin .* or --model REFERENCE"):
        dlbench.check()
    with pytest.raises(dlbench.UnknownName, match="unknown option 'clases'; did you mean classes"):
        dlbench.check(model=MODEL, clases=3)
