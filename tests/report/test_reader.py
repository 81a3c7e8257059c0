"""Questions of a reader who has the page alone: what was measured, who is fastest, what a word means, what to doubt."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from example_runs import full_session, good_run, spec
from sessions import session

from dlbench.analysis import compare, pairs
from dlbench.record.parity import Difference, Parity
from dlbench.report import FORMATS, glossary, memory, ranking, subject, summarize
from dlbench.report.document import Details, Table
from dlbench.report.page import page
from dlbench.stats.decisions import EQUIVALENCE_MARGIN, NEGLIGIBLE_CHANGE

pytestmark = pytest.mark.untimed


def arms(times, spread=0.004, processes=8, **changes):
    """A session in lockstep of arms such as `tf jit`; the first is the baseline."""
    return [
        run
        for at, (name, factor) in enumerate(times.items())
        for run in session(
            "s",
            factor,
            processes,
            spread,
            seed=at,
            of=spec(f"{name.split()[0]}.transformer", path=name.split()[1], **changes),
            arm=at,
        )
    ]


FOUR = {"tf eager": 1.0, "tf jit": 0.8, "torch eager": 0.9, "torch jit": 0.72}


def fold(runs, title):
    """The blocks under a title, and its first table."""
    (found,) = [one for one in page(summarize(runs)) if isinstance(one, Details) and one.title == title]
    return found, next(block for block in found.blocks if isinstance(block, Table))


def checked(difference=9e-6, **changes):
    sides = {"baseline": spec("tf.transformer"), "candidate": spec("torch.transformer"), "seeds": (0,), "steps": 20}
    found = Difference(what="losses", difference=difference, tolerance=1e-5, worst=difference, rounding=4e-6)
    other = Difference(what="output", difference=1e-9, tolerance=5e-6, worst=1e-9)
    return Parity(**{"differences": (other, found)} | sides | changes)


def test_the_first_lines_say_what_was_measured_and_what_was_not_where_when_and_with_which_versions():
    runs = [run for run in full_session() if run.spec.phase == "train"]
    report = summarize(runs)
    assert report.title == "Training steps: tf.transformer jit, torch.transformer jit"
    measured, machine, _ = subject.lines(report)
    assert measured == (
        "Measured: train (training steps) only, of transformer; small. "
        "Not measured: predict (prediction steps), converge (training to a target)."
    )
    assert machine == (
        "On cpu in fp32, threads 2; Example CPU, 2 cores, 8.00 GiB; 2026-01-02 03:04 UTC; tf 2.0, torch 2.0."
    )
    whole, _, _ = subject.lines(summarize(full_session()))
    assert "Not measured" not in whole
    assert " only" not in whole


def test_the_first_lines_count_the_pairs_that_are_the_same_model_and_name_the_weakest():
    runs = full_session()
    assert subject.lines(summarize(runs))[-1] == "Same model: not checked."
    line = subject.lines(summarize(runs, [checked()]))[-1]
    assert line.startswith("Same model: 1 of 1 pairs of arms")
    assert line.endswith(
        "Weakest: torch.transformer jit and tf.transformer jit, whose losses differ by 9.0e-06, within the 1.0e-05 "
        "that the check allows for rounding, and rounding alone moves them by 4.0e-06."
    )
    assert subject.lines(summarize(runs, [checked(1.0)]))[-1].startswith("Same model: 0 of 1 pairs of arms")
    gradient = Difference(what="gradient 0/w", difference=1e-9, tolerance=1e-2, worst=1e-9)
    eager = checked(differences=(*checked().differences, gradient))
    assert "by outputs and losses. " in line
    assert (
        "2 pairs of arms, by outputs, losses and gradients (in 1 of them). "
        in (subject.lines(summarize(runs, [checked(), eager]))[-1])
    )
    never_ran = checked(candidate=spec("acme.transformer"), differences=(), reason="refused")
    assert "1 of 1" in subject.lines(summarize(runs, [checked(), never_ran]))[-1]


def test_the_fastest_arms_stand_beside_the_next_with_their_direct_ratio():
    runs = arms(FOUR)
    _, table = fold(runs, ranking.FASTEST)
    ((_, first, following, ratio, verdict),) = table.rows
    assert (first, following, verdict) == ("torch.transformer jit", "tf.transformer jit", "slower")
    (load,) = pairs.by_workload(runs)
    sides = ("torch.transformer jit", "tf.transformer jit")
    direct = compare.compare_arms(runs, load, sides, "step_time")
    (section,) = summarize(runs).sections
    assert section.leading.next.ratio == direct.ratio
    assert ratio.startswith("1.11 (")


def test_arms_that_nothing_tells_apart_are_named_with_the_workload_and_the_reason():
    runs = arms({**FOUR, "tf jit": 0.73}, spread=0.05)
    (section,) = summarize(runs).sections
    assert section.leaders == ()
    assert "tf.transformer jit" in section.leading.rivals
    _, table = fold(runs, ranking.FASTEST)
    assert re.match(r"torch\.transformer jit or tf\.transformer jit", table.rows[0][1])
    assert re.fullmatch(r"inconclusive \([a-z-]+\)", table.rows[0][4])
    (text,) = [one.text for one in summarize(runs).answer if one.text.startswith("Fastest")]
    assert "not told on 1 (torch.transformer jit or tf.transformer jit" in text
    assert "on transformer small" in text


def test_the_baseline_and_an_arm_behind_it_are_turned_round():
    (section,) = summarize(arms({"tf eager": 1.0, "tf jit": 1.3, "torch jit": 2.0})).sections
    assert section.leading.first == "tf.transformer eager"
    assert section.leading.next == section.comparisons[0]
    (section,) = summarize(arms({"tf eager": 1.0, "tf jit": 0.8, "torch jit": 2.0})).sections
    direct, turned = section.comparisons[0].ratio, section.leading.next.ratio
    assert turned.value == pytest.approx(1 / direct.value)
    assert (turned.low, turned.high) == (pytest.approx(1 / direct.high), pytest.approx(1 / direct.low))
    assert section.leading.next.verdict == "slower"


def test_frameworks_stand_against_each_other_at_their_best_paths_and_on_equal_ones():
    found, table = fold(arms(FOUR), ranking.FRAMEWORKS)
    assert found.summary == "torch over tf"
    assert list(table.head) == ["", "Best paths", "Ratio", "Both eager", "Both jit"]
    ((_, best, ratio, eager, jit),) = table.rows
    assert best == "torch.transformer jit over tf.transformer jit"
    assert (ratio[:4], eager[:4], jit[:4]) == ("0.90", "0.90", "0.90")
    assert jit == ratio
    assert all(cell.endswith(" faster") for cell in (ratio, eager, jit))
    texts = [one.text for one in summarize(arms(FOUR)).answer]
    assert "torch against tf: at their best paths faster on 1; both eager faster on 1; both jit faster on 1." in texts


def test_frameworks_of_one_arm_each_have_no_table_of_their_own():
    assert not [one for one in summarize(full_session()).sections if one.across]


def test_pairs_without_a_sentence_of_their_own_are_named():
    times = {"tf eager": 1.0} | {f"f{at} jit": 0.95 - at / 20 for at in range(9)}
    (text,) = [one.text for one in summarize(arms(times)).answer if one.text.startswith("Other pairs")]
    assert text.count(" against tf.transformer eager (1 faster)") == 3
    assert re.search(r"; \d more \(\d faster\)\.$", text)


def test_one_word_stands_for_one_verdict_and_the_rules_stand_beside_the_first_table():
    text = FORMATS["markdown"].render(summarize(arms({**FOUR, "torch eager": 1.001})))
    assert "level " not in text.replace("at the level", "")
    first, rules = text.index("## Verdicts"), " ".join(glossary.VERDICTS)
    assert first < text.index("same: the 98 % interval lies within 3%") < text.index("Fastest</b>")
    assert text.count("minimum detectable change: the slowdown") == 1
    assert f"by more than {NEGLIGIBLE_CHANGE:.0%}" in rules
    assert f"within {EQUIVALENCE_MARGIN:.0%} either way" in rules
    assert "with 80% power, at the level 5%" in rules
    quick = [
        msgspec.structs.replace(run, policy=msgspec.structs.replace(run.policy, processes=1)) for run in arms(FOUR)
    ]
    one, lost = ([run for run in runs if run.group == 0] for runs in (quick, arms(FOUR)))
    assert "minimum detectable change: the slowdown" not in FORMATS["markdown"].render(summarize(one))
    assert "minimum detectable change: the slowdown" not in FORMATS["markdown"].render(summarize(lost))


def test_the_words_of_a_page_are_those_of_the_glossary():
    rows = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    terms = [re.fullmatch(r"\| \*\*(.+?)\*\* \| (.*) \|", row) for row in rows]
    said = {found[1]: found[2].replace("`", "") for found in terms if found}
    assert {term: said.get(term) for term in glossary.TERMS} == glossary.TERMS
    assert {"arm", "path", "workload", "pair", "group", "round", "process", "sample"} <= set(glossary.TERMS)


def compiled(times, firsts):
    """The same with seconds of the first call for each arm."""
    runs = arms(times)
    label = {f"{name.split()[0]}.transformer {name.split()[1]}": first for name, first in firsts.items()}
    return [
        msgspec.structs.replace(
            run,
            times=tuple(
                msgspec.structs.replace(one, seconds=label[run.spec.label]) if one.phase == "first_step" else one
                for one in run.times
            ),
        )
        for run in runs
    ]


def test_compiling_is_set_against_the_fastest_arm_that_compiles_nothing():
    runs = compiled({"tf graph": 1.0, "tf eager": 2.0, "tf jit": 0.8}, {"tf graph": 0.2, "tf eager": 0.1, "tf jit": 3})
    _, table = fold(runs, "Compiling")
    assert [row[1:2] + row[3:] for row in table.rows] == [
        ["tf.transformer jit over tf.transformer eager", "faster", "about 240 steps"],
        ["tf.transformer jit over tf.transformer graph", "faster", "about 1,400 steps"],
    ]
    (text,) = [one.text for one in summarize(runs).answer if one.text.startswith("Compiling")]
    assert "against the plugin's fastest arm that compiles nothing: tf.transformer jit pays on" in text
    slow_graph = compiled(
        {"tf eager": 1.0, "tf graph": 2.0, "tf jit": 0.8}, dict.fromkeys(("tf graph", "tf eager", "tf jit"), 1)
    )
    assert summarize(slow_graph).sections[0].next_best == ()


def test_no_break_even_is_given_where_no_verdict_says_that_compiling_is_faster():
    firsts = {"tf eager": 0.1, "tf jit": 3, "torch jit": 3}
    runs = compiled({"tf eager": 1.0, "tf jit": 0.997, "torch jit": 0.5}, firsts)
    (section,) = summarize(runs).sections
    assert section.paybacks[0].steps is not None
    text = FORMATS["markdown"].render(summarize(runs))
    assert "| not told |" in text
    assert "steps |" not in text


def test_memory_has_one_table_of_the_smallest_and_the_largest_arm():
    runs = [run for size in (16, 64) for run in arms(FOUR, batch_size=size)]
    assert not list(memory.blocks(summarize(arms(FOUR)).sections))
    larger = [
        msgspec.structs.replace(
            run, memory=tuple(msgspec.structs.replace(one, peak_bytes=one.peak_bytes * 2) for one in run.memory)
        )
        if run.spec.label == "tf.transformer jit" and run.spec.batch_size == 64
        else run
        for run in runs
    ]
    _, table = fold(larger, memory.TITLE)
    assert len(table.rows) == 2
    assert table.rows[1][3] == "tf.transformer jit"
    assert table.rows[1][5] == f"{(2 * 820 - 600) / 220:.2f} times"
    text = FORMATS["markdown"].render(summarize(runs))
    assert "| Host memory above import |" not in text
    assert "| First step, peak above import |" in text or "First step, peak above import |" in text
    assert "| Resident after import |" in text or "Resident after import |" in text


def doubts(runs):
    return " ".join(summarize(runs).warnings)


def test_figures_that_are_not_to_be_believed_have_a_line():
    sure, wide = arms({"tf jit": 1.0, "torch jit": 1.0}), arms({"tf jit": 1.0, "torch jit": 1.0}, spread=1.0)
    assert "intervals wider than their value" not in doubts(sure)
    assert "intervals wider than their value" in doubts(wide)
    fast, slow = ([msgspec.structs.replace(run, peak_flop_rate=2.0e8 / at) for run in sure] for at in (0.011, 0.005))
    assert "no step is faster than the machine" in doubts(fast)
    assert "no step is faster than the machine" not in doubts(slow)
    steady = good_run()
    far = tuple(
        msgspec.structs.replace(one, seconds=one.seconds * (9 if at % 20 == 0 else 1))
        for at, one in enumerate(steady.samples)
    )
    assert "the slowest steps (p99) take more than 3 times" in doubts([msgspec.structs.replace(steady, samples=far)])
    assert "the slowest steps (p99)" not in doubts([steady])


def test_percentiles_that_are_pooled_over_processes_say_so():
    few = [
        msgspec.structs.replace(run, samples=run.samples[: 1 + 10 + 30])
        for run in full_session()
        if run.spec.phase == "train"
    ]
    text = FORMATS["markdown"].render(summarize(few))
    row = next(line for line in text.splitlines() if line.startswith("| Step latency p99 "))
    assert row.count(", pooled |") == 2
    row = next(line for line in text.splitlines() if line.startswith("| Step latency p50 "))
    assert "pooled" not in row


def test_no_cell_of_the_findings_is_empty():
    runs = arms({**FOUR, "tf jit": 1.02, "torch jit": 1.01}, spread=0.03)
    _, table = fold(runs, "Findings")
    assert table.rows
    assert all(cell for row in table.rows for cell in row)
