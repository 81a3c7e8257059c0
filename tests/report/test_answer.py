"""The answer of a report: what its rules say of verdicts, and what they leave unsaid."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import failed_runs, full_session, good_run, spec

from dlbench.analysis.compare import Comparison
from dlbench.record.fidelity import Deviation, Fidelity
from dlbench.record.parity import Difference, Parity
from dlbench.report import FORMATS, answer, summarize
from dlbench.report.break_even import Payback
from dlbench.report.cases import Unlike, beyond, cases, compiled
from dlbench.report.document import Details, Heading, Table
from dlbench.report.matrix import matrix
from dlbench.report.page import page
from dlbench.report.section import Arm, Failure, Section, Spread
from dlbench.report.tables import turned
from dlbench.spec import workload
from dlbench.stats.estimates import Estimate

pytestmark = pytest.mark.untimed

NONE = Unlike(())


def arm(label, **changes):
    values = {"ok": 5, "planned": 5, "metrics": {}, "to_target": {}, "curve": (), "compilation": (), "failures": ()}
    return Arm(label=label, **values | changes)


def pair(candidate, verdict, ratio=(1.2, 1.1, 1.3), baseline="tf graph", **more):
    codes = {"inconclusive": "too-few-groups", "same": "equivalent", "indicative": "one-process"}
    code = codes.get(verdict, "ci-beyond")
    found = None if ratio is None else Estimate(ratio[0], n=5, low=ratio[1], high=ratio[2])
    return Comparison(baseline=baseline, candidate=candidate, ratio=found, verdict=verdict, code=code, **more)


def section(architecture, pairs, arms=(), **more):
    labels = dict.fromkeys(label for one in pairs for label in (one.baseline, one.candidate))
    load = workload(spec(plugin=f"tf.{architecture}"))
    arms = (*map(arm, labels), *arms)
    return Section(workload=load, seeds=(0,), task=None, arms=arms, comparisons=tuple(pairs), **more)


def said(*sections, unlike=NONE):
    return [one.text for one in answer.statements(sections, list(cases(sections, unlike)))]


def test_arms_are_counted_over_workloads_and_the_largest_difference_is_named():
    found = said(
        section("a", [pair("torch.a eager", "faster", (0.5, 0.4, 0.6), "tf.a graph")]),
        section("b", [pair("torch.b eager", "faster", (0.2, 0.1, 0.99), "tf.b graph")]),
        section("c", [pair("torch.c eager", "slower", (3.0, 2.0, 4.0), "tf.c graph")]),
        section("d", [pair("torch.d eager", "inconclusive", (9.0, 0.1, 99.0), "tf.d graph")]),
    )
    assert found == [
        "torch eager against tf graph on 4 workloads: faster on 2 (most on a small: 0.500 times as long), "
        "slower on 1 (most on c small: 3.00 times as long), inconclusive on 1."
    ]


def test_one_way_verdicts_and_equal_ones_are_said_in_a_clause():
    assert said(*(section(name, [pair(f"x.{name}", "same", baseline=f"y.{name}")]) for name in "abc")) == [
        "x takes as long as y (the same) on all 3 workloads."
    ]
    assert said(*(section(name, [pair(f"x.{name}", "slower", baseline=f"y.{name}")]) for name in "ab")) == [
        "x is slower than y on both workloads (most on a small: 1.20 times as long)."
    ]


def test_of_one_workload_the_ratio_is_said_with_its_interval():
    assert said(section("a", [pair("x", "slower")])) == [
        "x is slower than tf graph on a small: a step takes 1.20 (1.10–1.30) times as long."
    ]
    found = said(section("a", [pair("x", "inconclusive", (1.0, 0.9, 1.1), more_groups=7)]))
    assert found == [
        "x against tf graph is inconclusive on a small: a step takes 1.00 (0.900–1.10) times as long; "
        "about 7 more groups would tell."
    ]
    assert said(section("a", [pair("x", "inconclusive", None, reason="never together")])) == [
        "x is not compared with tf graph: never together."
    ]


def test_nothing_is_said_of_one_process_and_of_different_computations():
    alone = section("a", [pair("x", "indicative")])
    assert said(alone) == ["1 of 1 pairs are indicative (one process each): they decide nothing."]
    runs = full_session()
    arms = list(dict.fromkeys(msgspec.structs.replace(run.spec, phase="train") for run in runs))[:2]
    wrong = Fidelity(spec=arms[1], reference="exact", deviations=(Deviation(what="outputs", error=1, explained=0.1),))
    check = Parity(
        baseline=arms[0], candidate=arms[1], seeds=(0,), steps=20,
        differences=(Difference(what="output", difference=1.0, tolerance=0.1, worst=1.0),),
    )  # fmt: skip
    other = msgspec.structs.replace(good_run("torch.transformer").info, parameter_count=1)
    built = [
        msgspec.structs.replace(run, info=other) if run.spec.plugin == "torch.transformer" else run for run in runs
    ]
    marked = {
        "NOT THE SAME COMPUTATION": summarize(runs, errors=[wrong]),
        "NOT THE SAME MODEL": summarize(runs, [check]),
        "NOT BUILT ALIKE": summarize(built),
    }
    for mark, report in marked.items():
        texts = [one.text for one in report.answer]
        assert texts[0] == "2 of 2 pairs compare different computations; nothing is said of their speed."
        assert not any("slower" in text or "faster" in text for text in texts)
        cells = [cell for row in matrix(report.sections, Unlike(report.fairness)).rows for cell in row]
        assert [cell.text for cell in cells if cell.verdict == mark] == ["–", "–"]
        assert "slower" not in {cell.verdict for cell in cells}
    assert "slower" in summarize(runs).answer[0].text


def test_compiling_pays_where_verdicts_say_so_and_not_where_they_cannot():
    both = {"paybacks": (Payback(label="t jit", against="t eager", steps=40.0),)}
    opposite = section("a", [pair("t eager", "slower"), pair("t jit", "faster", (0.5, 0.4, 0.6))], **both)
    beside = section("b", [pair("t eager", "faster", (0.9, 0.8, 0.95)), pair("t jit", "faster", (0.1, 0, 0.2))], **both)
    direct = section("c", [pair("t jit", "slower", baseline="t eager")], **both)
    level = section("d", [pair("t jit", "same", baseline="t eager")], **both)
    alone = section("e", [pair("t jit", "indicative", baseline="t eager")], **both)
    (text,) = [one for one in said(opposite, beside, direct, level, alone) if one.startswith("Compiling")]
    assert text == (
        "Compiling, against eager: t jit pays on a small (after about 40 steps), is slower on c small, "
        "the same on 1, inconclusive on 2."
    )
    assert not any(one.startswith("Compiling") for one in said(beside))


def test_compiled_is_compared_with_its_own_eager_arm_where_that_is_no_baseline():
    beside = section("a", [pair("t eager", "faster", (0.9, 0.8, 0.95)), pair("t jit", "faster", (0.1, 0.05, 0.2))])
    direct = pair("t jit", "faster", (0.2, 0.1, 0.3), baseline="t eager")
    pays = (Payback(label="t jit", against="t eager", steps=7.0),)
    sections = [msgspec.structs.replace(beside, paybacks=pays, compiled=(direct,))]
    texts = answer.statements(sections, list(cases(sections, NONE)), list(compiled(sections, NONE)))
    assert "Compiling, against eager: t jit pays on a small (after about 7 steps)." in [one.text for one in texts]
    assert not list(compiled(sections, Marked()))


class Marked(Unlike):
    def __init__(self):
        super().__init__(())

    def mark(self, load, one):
        return "NOT THE SAME MODEL"


def test_memory_is_said_only_of_several_processes_whose_intervals_lie_apart():
    def with_memory(low, high):
        return {"memory_peak": Estimate((low + high) / 2, n=5, low=low, high=high)}

    def of(after):
        arms = (arm("x", metrics=with_memory(100.0, 110.0)), arm("y", metrics=after))
        return [
            text
            for text in said(msgspec.structs.replace(section("a", [pair("y", "same", baseline="x")]), arms=arms))
            if "memory" in text
        ]

    assert of(with_memory(200.0, 220.0)) == [
        "Peak memory of y beside x: more on 1 of 1 (2.00 times); intervals apart, not judged."
    ]
    assert of(with_memory(109.0, 220.0)) == []
    assert of({"memory_peak": Estimate(300.0, n=1)}) == []


def test_failed_rows_and_seeds_that_missed_the_target_are_counted():
    failed = (Failure(status="timeout", reason="late", output_tail="", runs=1),)
    refused = (Failure(status="unsupported", reason="no", output_tail="", runs=1),)
    arms = (arm("z", ok=0, failures=failed), arm("w", ok=0, failures=refused), arm("v", ok=4, failures=failed))
    assert said(section("a", [pair("x", "same")], arms))[-1] == (
        "2 of 5 arms did not run (1 timeout, 1 unsupported), 1 of 5 arms lost some of their processes (1 timeout)."
    )
    missed = Spread(reached=3, of=5, low=1.0, median=2.0, high=None)
    tried = section("a", [], (arm("x", to_target={"steps_to_target": missed}),))
    assert said(tried) == ["0 of 1 arms reached the target with every seed; not x on a small (3 of 5)."]


@pytest.mark.parametrize("number", [1, 4, 30])
def test_an_answer_has_at_most_six_sentences_and_the_rest_is_counted(number):
    pairs = [pair(f"arm{at}", "slower", (2.0 + at, 1.5 + at, 3.0 + at)) for at in range(number)]
    failed = (Failure(status="timeout", reason="late", output_tail="", runs=1),)
    found = said(section("a", pairs, (arm("z", ok=0, failures=failed),)))
    assert len(found) <= answer.MOST
    assert found[0].startswith(f"arm{number - 1} is slower"), "the largest first"
    assert sum(one.startswith("arm") for one in found) == min(number, 4)
    others = [one for one in found if one.startswith("Other pairs of arms: ")]
    assert len(others) == (number > 5)
    if others:
        named, more = others[0].rsplit("; ", 1)
        assert named.count(" against tf graph (1 slower)") == 3
        assert more == f"{number - 4 - 3} more ({number - 4 - 3} slower)."


def test_what_matters_is_the_size_beyond_its_uncertainty():
    sure, unsure = pair("x", "slower", (1.5, 1.4, 1.6)), pair("y", "slower", (9.0, 1.1, 80.0))
    assert beyond(sure) > beyond(unsure) > beyond(pair("z", "inconclusive", (9.0, 0.1, 80.0))) == 0
    assert beyond(pair("w", "faster", (0.5, 0.4, 0.6))) > beyond(sure)


def test_every_sentence_and_cell_has_its_evidence_on_the_page():
    report = summarize([*full_session(), *failed_runs()])
    titles = {block.title for block in page(report) if isinstance(block, Details)}
    titles |= {block.text for block in page(report) if isinstance(block, Heading)}
    assert report.answer
    assert {one.evidence for one in report.answer} <= titles
    found = matrix(report.sections, Unlike(report.fairness))
    assert {cell.evidence for row in (found.head, *found.rows) for cell in row} - {""} <= titles
    assert FORMATS["json"].render(report).index('"answer"') > 0


def test_many_arms_have_a_row_each_in_tables_and_matrix():
    wide = Table(["", *(f"arm{at}" for at in range(6))], [[f"row{at}", *"abcdef"] for at in range(8)])
    parts = list(turned(wide, 6))
    assert [part.head for part in parts] == [
        ["", "row0", "row1", "row2", "row3"],
        ["", "row4", "row5", "row6", "row7"],
    ]
    assert parts[0].rows[1] == ["arm1", *"bbbb"]
    assert list(turned(wide, 5)) == [wide]
    many = section("a", [pair(f"arm{at}", "slower") for at in range(6)])
    assert [row[0].text for row in matrix([many], NONE).rows] == ["tf graph", *(f"arm{at}" for at in range(6))]
    few = section("a", [pair("arm", "slower")])
    assert [cell.text for cell in matrix([few], NONE).head] == ["", "tf graph", "arm"]
