"""The comment of a pull request: at most 20 lines of 120 columns outside of folds, whatever names and reasons say."""

from __future__ import annotations

import re
from functools import cache

import msgspec
import pytest
from example_runs import bare_run, failed_runs, full_session, good_run, spec
from hostile import TEXTS
from hypothesis import given, settings

from dlbench.analysis.compare import Comparison
from dlbench.analysis.gate import Gate, Outcome
from dlbench.analysis.judge import Judgement, Row
from dlbench.report import FORMATS, pull_request, summarize
from dlbench.report.document import Statement
from dlbench.report.pull_request import COLUMNS, LINES, LONGEST, MARKER
from dlbench.stats.estimates import Estimate

pytestmark = pytest.mark.untimed


def outcome(result="regression", pair="train, a against b", ratio=1.1, **more):
    found = Estimate(ratio, n=5, low=ratio - 0.01, high=ratio + 0.01)
    return Outcome(condition="slower:2%", pair=pair, result=result, ratio=found, **more)


def prose(text):
    """The text without blocks of code, where nothing is markup."""
    return re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def outside(text):
    """Lines that are not within a fold; the line of each fold itself counts."""
    shown, depth = [], 0
    for line in prose(text).rstrip("\n").split("\n"):
        if not depth:
            shown.append(line)
        depth += line.count("<details") - line.count("</details>")
    assert depth == 0
    return shown


def check(text):
    assert text.startswith(f"{MARKER}\n## ")
    shown = outside(text)
    assert len(shown) <= LINES, shown
    assert all(len(line) <= COLUMNS for line in shown if not line.startswith("<details>")), shown
    assert len(text) <= 65_536
    return shown


def gated(*outcomes, refused=""):
    return summarize(full_session(), gate=Gate(outcomes=outcomes, refused=refused))


def test_the_gate_comes_first_and_its_worst_pairs_follow():
    found = [
        outcome("passed"),
        outcome("inconclusive"),
        outcome(ratio=1.2),
        outcome(ratio=1.5),
        outcome("underpowered"),
    ]
    shown = check(pull_request.render(gated(*found)))
    assert shown[1] == "## Gate failed: 2 regression, 1 underpowered, 1 inconclusive, 1 passed"
    assert [re.sub(r" of.*ratio ([\d.]+).*", r" \1", line) for line in shown[3:7]] == [
        "- regression 1.50",
        "- regression 1.20",
        "- underpowered 1.10",
        "- inconclusive 1.10",
    ]
    assert check(pull_request.render(gated(outcome("passed"))))[1] == "## Gate passed: 1 passed"
    assert check(pull_request.render(gated(outcome("underpowered"))))[1].startswith("## Gate undecided")
    refused = check(pull_request.render(gated(refused="two sessions")))
    assert refused[1:4] == ["## Gate refused", "", "- not gated: two sessions"]


def test_of_many_failures_the_first_are_shown_and_all_are_folded():
    text = pull_request.render(gated(*(outcome(pair=f"pair{at}") for at in range(40))))
    shown = "\n".join(check(text))
    assert shown.count("- regression of") == 5
    assert "- and 35 more, folded below" in shown
    assert text.count("| regression |") == 40


def test_a_line_that_is_cut_keeps_its_ratio_and_no_part_of_a_comment():
    long = (
        f"train, {'torch.Net eager @head '} ({'acme.of.a.long.name' * 2}:Net) against @base, @more @of @them @all @here"
    )
    (line,) = [one for one in check(pull_request.render(gated(outcome(pair=long)))) if "regression of" in one]
    assert "ratio 1.10" in line
    assert line.endswith("…")
    assert line.count("<!--") == line.count("-->")


def test_a_title_and_notes_of_the_caller_are_shown():
    shown = check(pull_request.render(gated(), "gate of two commits", ["head 1234 against base 5678"]))
    assert shown[1] == "## gate of two commits"
    assert "- head 1234 against base 5678" in shown


def test_without_a_gate_the_answer_follows_the_title_and_links_lead_nowhere_else():
    report = summarize([*full_session(), *failed_runs()])
    text = FORMATS["comment"].render(report)
    shown = check(text)
    assert shown[3].startswith("- torch.transformer jit is slower")
    assert "](#" not in text
    assert "- and" not in "\n".join(shown), "all sentences have space"


def test_sentences_without_space_are_counted():
    many = tuple(Statement("word " * 80) for _ in range(6))
    shown = check(pull_request.render(msgspec.structs.replace(gated(outcome(), outcome()), answer=many)))
    (line,) = [one for one in shown if one.endswith("in the report")]
    whole = sum(one.startswith("- word") for one in shown)
    assert line.startswith(f"- and {6 - whole} more sentence")


def test_folds_that_the_service_does_not_take_are_left_out_and_named():
    text = pull_request.render(gated(*(outcome("passed", pair="x" * 2000) for _ in range(LONGEST // 1000))))
    assert "Too long for a comment: Gate, every pair; the report has them." in "\n".join(check(text))
    assert "Verdicts" in text


def test_a_comparison_of_two_reports_has_its_answer_by_metric():
    def row(pair, ratio, verdict, metric="step_time", **more):
        found = Estimate(ratio, n=5, low=ratio - 0.01, high=ratio + 0.01)
        one = Comparison(
            baseline="a", candidate="a", ratio=found, verdict=verdict, code="ci-beyond", metric=metric, **more
        )
        return Row(pair=pair, comparison=one)

    rows = (
        row("p", 1.1, "slower"),
        row("q", 1.5, "slower"),
        row("r", 1.0, "same"),
        row("s", 0.9, "faster", "memory_peak"),
        row("t", 1.0, "indicative"),
        row("u", 9.0, "slower", unlike="model"),
    )
    found = Judgement(baseline="before", candidate="after", comparisons=rows, outcomes=(outcome(),))
    text = pull_request.of_judgement(found)
    shown = "\n".join(check(text))
    assert "Gate failed: 1 regression" in shown
    assert "Step time, median of 3 pairs: 2 slower, 1 same; the largest difference is q, ratio 1.50" in shown
    assert "Peak memory above import of s: less, ratio 0.900 (0.890–0.910)." in shown
    assert "Nothing is said of 2 of 6 figures" in shown
    assert text.index("| q |") < text.index("| p |"), "the largest first"


def test_annotations_are_commands_that_text_cannot_end():
    hostile = outcome(pair="a\n::error::b %0A\r,c")
    found = list(pull_request.workflow_commands([outcome("passed"), hostile, outcome("inconclusive")]))
    assert [line.partition(" ")[0] for line in found] == ["::error", "::warning", "::notice"]
    assert all("\n" not in line and "\r" not in line for line in found)
    assert "a ::error::b %250A,c" in found[0]
    assert found[0].startswith(
        "::error title=dlbench slower%3A2%25%3A regression::regression of slower:2%25, ratio 1.10 (1.09–1.11): a "
    )
    assert found[2] == "::notice title=dlbench gate::1 of 3 passed"
    assert list(pull_request.workflow_commands((), "no control")) == ["::error title=dlbench gate refused::no control"]


@cache
def failed():
    """A report with one arm that ended well and one that did not."""
    runs = [good_run(), bare_run(spec=spec("acme.transformer"), status="error", reason="reason", output_tail="tail")]
    return summarize(runs)


@settings(max_examples=60, deadline=None)
@given(reason=TEXTS, pair=TEXTS)
def test_no_text_of_others_breaks_out_of_a_comment(reason, pair):
    gate = Gate(outcomes=(outcome(pair=pair, reason=reason),))
    (section,) = failed().sections
    arms = [msgspec.structs.replace(arm, label=f"x.transformer {pair}{at}") for at, arm in enumerate(section.arms)]
    sections = (msgspec.structs.replace(section, arms=tuple(arms)),)
    said = {"title": pair, "warnings": (reason,), "command": reason, "answer": (Statement(reason, pair),)}
    report = msgspec.structs.replace(failed(), gate=gate, sections=sections, **said)
    text = pull_request.render(report, pair, [reason])
    shown = check(text)
    body = prose(text.removeprefix(MARKER))
    assert MARKER not in body, "an earlier comment is found by its first line alone"
    assert set(re.findall(r"</?([a-z]+)", body)) <= {"details", "summary", "a", "b"}
    assert not re.search(r"@\w|(?<!&)#\d|\bGH-\d|://|www\.", body, re.IGNORECASE)
    assert not re.search(r"(?<!\\)\]\(", body)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", text)
    assert [line for line in shown if line.startswith("#")] == shown[1:2]
