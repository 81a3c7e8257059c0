"""Reasons of verdicts, and the first sentence for a reader if it is inconclusive."""

from __future__ import annotations

import json
import typing

import msgspec
import pytest
from cases import unsteady_by_the_machine
from example_runs import full_session
from sessions import session

from dlbench.analysis import compare, judge, steady_state
from dlbench.analysis.gate import GateRequest
from dlbench.cli import main
from dlbench.record.journal import append
from dlbench.report import FORMATS, comparison, markdown, summarize, terminal
from dlbench.report.document import Paragraph
from dlbench.report.page import page
from dlbench.report.units import duration
from dlbench.spec import Policy
from dlbench.stats.decisions import Verdict
from dlbench.stats.reasons import REASONS, ReasonCode

pytestmark = pytest.mark.untimed


def case(groups):
    return [run for run in unsteady_by_the_machine() if run.group < groups]


def first_line(report):
    """The block below the title, if it is a sentence."""
    block = list(page(report))[1]
    return block.text if isinstance(block, Paragraph) else ""


def test_a_session_without_a_verdict_says_so_before_all_else_and_what_it_would_take():
    report = summarize(case(3))
    (found,) = report.sections[0].comparisons
    takes = f"about {found.more_groups} more groups ({duration(found.more_seconds)}) would tell"
    assert first_line(report) == f"1 of 1 pairs is inconclusive (too-few-groups; {takes})."
    assert (found.verdict, found.code) == ("inconclusive", "too-few-groups")
    assert found.more_seconds == pytest.approx(found.more_groups * 8.6, rel=0.01), "of the median group"
    text = FORMATS["markdown"].render(report)
    assert text.count(takes) == 2, "in the first line and in the answer"
    console = terminal.console()
    with console.capture() as shown:
        console.print(terminal.render(report))
    assert "1 of 1 pairs is inconclusive" in shown.get()
    kept = json.loads(FORMATS["json"].render(report))
    (undecided,) = kept["undecided"]
    assert (undecided["candidate"], undecided["code"]) == ("b.steady eager", "too-few-groups")
    assert kept["sections"][0]["comparisons"][0]["code"] == "too-few-groups"


def test_a_session_with_its_verdicts_does_not():
    report = summarize(case(7))
    assert first_line(report) == ""
    assert report.undecided == ()
    (found,) = report.sections[0].comparisons
    assert (found.verdict, found.code, found.more_groups, found.ranks_agree) == ("slower", "ci-beyond", None, True)
    assert 0 < found.p_value == found.adjusted_p < 0.05
    assert "more group" not in FORMATS["markdown"].render(report)


def test_an_indicative_session_has_its_own_first_line():
    report = summarize(case(1))
    assert report.sections[0].comparisons[0].code == "one-process"
    assert report.undecided == ()


def test_a_pair_that_never_became_steady_counts_as_one_without_a_verdict():
    runs = [
        msgspec.structs.replace(run, samples=slowed(run.samples) if run.spec.plugin == "b.steady" else run.samples)
        for run in case(7)
    ]
    report = summarize(runs)
    assert [one.code for one in report.undecided] == ["unsteady"]
    assert first_line(report).startswith("1 of 1 pairs is inconclusive (unsteady).")


def slowed(samples):
    return tuple(
        msgspec.structs.replace(one, seconds=one.seconds * (1.5 if (one.round or 0) >= 20 else 1.0)) for one in samples
    )


def test_a_control_that_fails_is_the_reason_of_all_verdicts_of_its_session():
    (found,) = compare.compare(steady_state.flag_unsteady(case(7))).values()
    (vetoed,) = compare.without_verdicts(found, "the A/A control told equal programs apart")
    assert (vetoed.verdict, vetoed.code) == ("inconclusive", "control-failed")
    (undecided,) = compare.without_verdicts(next(iter(compare.compare(case(3)).values())), "no")
    assert undecided.more_groups is undecided.more_seconds is None, "more groups would not mend it"


def test_every_code_has_a_sentence():
    assert list(REASONS) == list(typing.get_args(ReasonCode))
    assert not set(REASONS) & set(typing.get_args(Verdict))


def test_an_explanation_prints_the_numbers_that_each_verdict_rests_on():
    judged = judge.reports(
        ("before", "after"), session("a", processes=6), session("b", 1.1, processes=5), GateRequest(allow=("session",))
    )
    text = markdown.text(list(comparison.explanation(judged.comparisons, judged.controls)))
    (line,) = [line for line in text.splitlines() if "step time" in line]
    assert f"slower (ci-beyond: {REASONS['ci-beyond']})" in line
    assert "5 processes a side, ratio 1.10 (1.0" in line
    assert "beyond 1 %" in line
    assert "after Holm; the rank test agrees" in line
    assert "minimum detectable change " in line
    (found,) = [row.comparison for row in judged.comparisons if row.comparison.metric == "step_time"]
    for ends, limits in ((found.interval_90, "above 1.01"), (found.interval_98, "within 0.9709 and 1.03")):
        assert f"{ends[0]:.4g} and {ends[1]:.4g}: " in line
        assert limits in line
    assert found.interval_98[0] < found.ratio.low < found.interval_90[0] < found.interval_90[1] < found.ratio.high
    assert "None: no arm of these sessions was measured twice." in text


def test_a_report_explains_its_own_verdicts(tmp_path, capsys):
    append(tmp_path / "runs.jsonl", case(7))
    assert main.cli.main(["report", str(tmp_path), "--explain"], standalone_mode=False) is None
    said = " ".join(capsys.readouterr().out.split())
    assert f"b.steady eager over a.steady eager, step time, median: slower (ci-beyond: {REASONS['ci-beyond']})" in said
    assert "7 groups in lockstep" in said


def test_an_explanation_of_nothing_says_so():
    assert "There is no comparison." in markdown.text(list(comparison.explanation((), ())))


def test_a_report_says_of_how_many_processes_its_latencies_are():
    policy = Policy(adaptive=True, processes=2)
    runs = [msgspec.structs.replace(run, policy=policy) for run in full_session() if run.spec.phase == "train"]
    latencies = [
        run if run.group < 2 else msgspec.structs.replace(run, samples=without_latencies(run.samples)) for run in runs
    ]
    (section,) = summarize(latencies).sections
    found = [arm.metrics["latency_p99"] for arm in section.arms]
    assert [one.n for one in found] == [2, 2]
    assert all(one.low is not None for one in found), "of each process, not of all together"
    text = FORMATS["markdown"].render(summarize(latencies))
    assert "| Step latency p99 (2 processes) |" in text
    assert (
        "latencies of single steps, a second compilation and the rate of a matrix product in the first 2 alone." in text
    )
    in_all = FORMATS["markdown"].render(summarize(runs))
    assert "| Step latency p99 |" in in_all
    assert "latencies of single steps." in in_all


def without_latencies(samples):
    return tuple(one for one in samples if one.stage != "latency")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5400, "90 min"), (22000, "6.1 h")]
)
def test_a_time_to_wait_is_rough(seconds, said):
    assert duration(seconds) == said
