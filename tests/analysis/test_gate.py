"""The gate: failures, passes, and outcomes that never pass."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import full_session, spec
from sessions import session

from dlbench.analysis import compare, evidence, gate, gate_refusals, judge, metrics, pairs
from dlbench.analysis.gate import Condition, GateRequest, Outcome
from dlbench.analysis.metrics import METRICS
from dlbench.errors import SpecError, UnknownName
from dlbench.report import comparison, markdown
from dlbench.stats import decisions, power
from dlbench.stats.decisions import Paired, Unpaired

pytestmark = pytest.mark.untimed

NO_HISTORY = {}


def outcomes(before, after, *conditions, history=NO_HISTORY):
    found = pairs.match(before, after).pairs
    return judged(found, *conditions, history=history)


def judged(found, *texts, history=NO_HISTORY):
    table = evidence.collect(found, METRICS, history)
    return gate.judge(table, gate.parse(texts), list(compare.counts(found)))


@pytest.mark.parametrize(
    ("factor", "spread", "result"),
    [
        (1.06, 0.001, "regression"),
        (1.00, 0.001, "passed"),
        (0.90, 0.001, "passed"),
        (1.0195, 0.001, "inconclusive"),
        (1.00, 0.05, "underpowered"),
        (1.05, 0.05, "underpowered"),
        (1.60, 0.05, "regression"),
    ],
)
def test_a_threshold_of_two_percent(factor, spread, result):
    (found,) = outcomes(session("a", spread=spread), session("b", factor, spread=spread, seed=1), "slower:2%")
    assert found.result == result
    assert found.ratio.value == pytest.approx(factor)


def test_what_is_too_weak_is_never_green_however_well_it_looks():
    """Ten percent faster with a spread of ten: the bound is within the threshold, but a slowdown could not be seen."""
    (found,) = outcomes(session("a", spread=0.1), session("b", 0.8, spread=0.1, seed=1), "slower:2%")
    assert found.ratio.high < 1.02
    assert found.result == "underpowered"
    assert found.could_show > 0.1


def test_outcomes_of_two_sizes_are_told_apart_and_two_batches_against_each_other():
    sizes = [spec(), spec(size="base")]
    before, after = ([run for of in sizes for run in session(name, of=of)] for name in "ab")
    assert [one.pair for one in outcomes(before, after, "slower:9%")] == [
        "train, tf.transformer jit, small",
        "train, tf.transformer jit, base",
    ]
    larger = session("b", of=spec(batch_size=64))
    (pair,) = pairs.match(session("a"), larger, ["batch_size"]).pairs
    said = "train, tf.transformer jit, batch 64 against tf.transformer jit, batch 32"
    assert pairs.name_of(pair, pairs.names_of([pair])) == said


def test_memory_and_compile_time_are_gates_of_their_own():
    before, after = session("a"), session("b", seed=1)
    marks = [msgspec.structs.replace(mark, peak_bytes=mark.peak_bytes + (40 << 20)) for mark in after[0].memory]
    after = [msgspec.structs.replace(run, memory=tuple(marks)) for run in after]
    found = outcomes(before, after, "slower:9%", "memory:5%", "compile:20%")
    assert [(one.condition, one.metric, one.result) for one in found] == [
        ("slower:9%", "step_time", "passed"),
        ("memory:5%", "memory_peak", "regression"),
        ("compile:20%", "compile_time", "passed"),
    ]


@pytest.fixture
def gated_throughput(monkeypatch):
    """The row that a newcomer would change: throughput gates, and throughput alone."""
    monkeypatch.setitem(METRICS, "step_time", METRICS["step_time"]._replace(gate=""))
    monkeypatch.setitem(METRICS, "throughput", METRICS["throughput"]._replace(gate="throughput", compared=True))


@pytest.mark.parametrize(
    ("factor", "result", "verdict", "word"),
    [(1 / 1.1, "passed", "faster", "more"), (1.1, "regression", "slower", "less"), (1.0, "passed", "same", "same")],
)
def test_more_of_a_metric_of_which_more_is_better_is_no_regression(gated_throughput, factor, result, verdict, word):
    before, after = session("a", spread=0.001), session("b", factor, spread=0.001, seed=1)
    (found,) = outcomes(before, after, "throughput:2%")
    assert (found.result, found.metric) == (result, "throughput")
    assert found.ratio.value == pytest.approx(1 / factor, rel=1e-3)
    assert found.ratio.low <= found.ratio.value <= found.ratio.high
    (pair,) = pairs.match(before, after).pairs
    (one,) = compare.comparisons(evidence.collect([pair], ["throughput"], {}), "throughput")
    assert (one.verdict, one.ratio) == (verdict, found.ratio)
    assert after[0].spec.batch_size / one.after.value == pytest.approx(0.01 * factor, rel=1e-2)
    answer = judge.reports(("a", "b"), before, after, GateRequest(allow=["session"]))
    (line,) = [line for line in markdown.text(list(comparison.page(answer))).splitlines() if "samples/s" in line]
    assert f"| {word} |" in line


def test_arms_in_lockstep_are_gated_by_it_in_the_same_direction(gated_throughput):
    """torch takes twice as long as tf in these runs: its throughput is half, which is worse."""
    both = [pair for of_load in pairs.with_baselines(full_session()).values() for pair in of_load]
    slower = [one.ratio.value for one in compare.comparisons(evidence.collect(both, ["step_time"]), "step_time")]
    found = judged(both, "throughput:2%")
    assert {one.result for one in found} == {"regression"}
    assert [1 / one.ratio.value for one in found] == pytest.approx(slower, rel=0.05)


def test_a_gated_metric_that_no_table_shows_has_its_history_taken_into_account(monkeypatch):
    monkeypatch.setitem(METRICS, "first_step_time", METRICS["first_step_time"]._replace(gate="start"))
    past = [run for at, name in enumerate("wxyz") for run in session(name, 1 + 0.001 * at, seed=at)]
    for allow in ([], ["session"]):
        asked = GateRequest(gate.parse(["start:900%"]), allow, past)
        answer = judge.reports(("a", "b"), session("a"), session("b", seed=1), asked)
        assert answer.refused == ""
        assert [(one.metric, one.result) for one in answer.outcomes] == [("first_step_time", "passed")]
        assert "first_step_time" not in {row.comparison.metric for row in answer.comparisons}


def test_the_evidence_of_a_pair_and_a_metric_is_computed_once(monkeypatch):
    """Two reports of six pairs under three conditions, of four metrics."""
    asked_for = []

    def counted(pair, metric, history=None):
        asked_for.append((pair.candidate, metric))
        return whole(pair, metric, history)

    whole = evidence.of
    monkeypatch.setattr(evidence, "of", counted)
    specs = [msgspec.structs.replace(spec(), seed=seed) for seed in range(6)]
    before, after = ([run for of in specs for run in session(name, of=of)] for name in "ab")
    asked = GateRequest(gate.parse(["slower:2%", "memory:5%", "compile:20%"]), ["session"])
    assert judge.reports(("a", "b"), before, after, asked).outcomes
    assert len(asked_for) == len(set(asked_for)) == 6 * len(metrics.compared()) == 24
    asked_for.clear()
    judge.session(list(dict.fromkeys(run.spec for run in full_session())), full_session(), asked)
    assert len(asked_for) == len(set(asked_for)) > 0


def test_every_gated_metric_says_which_direction_is_worse_and_every_condition_is_known():
    assert [name for name, metric in METRICS.items() if metric.gate and metric.better is None] == []
    assert metrics.conditions() == ["slower", "compile", "memory"]
    assert metrics.gated_by("memory") == ["memory_peak", "device_memory_peak"]
    assert metrics.gated_by("") == metrics.gated_by("counts") == []


def unsteady(runs):
    return [msgspec.structs.replace(run, flags=("unstable",)) for run in runs]


@pytest.mark.parametrize("side", [0, 1, 2], ids=["baseline", "candidate", "both"])
def test_a_pair_without_a_step_time_is_never_green_beside_one_that_passes(side):
    other = msgspec.structs.replace(session("a")[0].spec, phase="predict")
    pair = [session("a"), session("b", seed=1)]
    pair = [unsteady(runs) if side in (at, 2) else runs for at, runs in enumerate(pair)]
    before, after = session("a", of=other) + pair[0], session("b", of=other, seed=1) + pair[1]
    fine, undecided = outcomes(before, after, "slower:9%")
    assert (fine.result, undecided.result, undecided.ratio) == ("passed", "underpowered", None)
    assert undecided.pair == "train, tf.transformer jit"
    assert undecided.reason == "tf.transformer jit has no step time, median: the steps never became steady"
    assert gate.exit_code([fine, undecided], strict=False) == 3


def test_a_metric_that_only_one_side_has_is_undecided_and_one_that_neither_has_is_no_question():
    other = msgspec.structs.replace(session("a")[0].spec, phase="predict")
    before, after = session("a", of=other), session("b", of=other, seed=1)
    eager = msgspec.structs.replace(session("b")[0].info, compiler=None)
    alone = outcomes(before + session("a"), after + session("b", info=eager), "compile:20%")
    assert [(one.pair, one.result) for one in alone] == [
        ("predict, tf.transformer jit", "passed"),
        ("train, tf.transformer jit", "underpowered"),
    ]
    neither = outcomes(before + session("a", info=eager), after + session("b", info=eager), "compile:20%")
    assert [one.pair for one in neither] == ["predict, tf.transformer jit"]


def test_counts_must_be_equal():
    info = msgspec.structs.replace(session("a")[0].info, parameter_count=7)
    (found,) = outcomes(session("a"), session("b", info=info), "counts")
    assert (found.result, found.reason) == ("regression", "parameters 18,814 became 7")
    (found,) = outcomes(session("a"), session("b"), "counts")
    assert found.result == "passed"


def test_arms_in_lockstep_are_gated_by_their_paired_ratio():
    both = [pair for of_load in pairs.with_baselines(full_session()).values() for pair in of_load]
    found = judged(both, "slower:2%")
    assert [one.pair for one in found] == [
        "train, torch.transformer jit against tf.transformer jit",
        "predict, torch.transformer jit against tf.transformer jit",
    ]
    assert {one.result for one in found} == {"regression"}
    assert [isinstance(evidence.of(pair, "step_time"), Paired) for pair in both] == [True, True]


def test_the_threshold_is_tested_among_all_pairs_of_its_metric():
    """One pair is just beyond the threshold: alone it fails the gate, among eight it does not."""
    specs = [msgspec.structs.replace(session("a")[0].spec, seed=seed) for seed in range(8)]
    before = [run for spec in specs for run in session("a", of=spec, spread=0.003)]
    factors = [1.026, *[1.0] * 7]
    after = [
        run
        for spec, factor in zip(specs, factors, strict=True)
        for run in session("b", factor, of=spec, spread=0.003, seed=1)
    ]
    (alone,) = outcomes(before[:5], after[:5], "slower:2%")
    among = outcomes(before, after, "slower:2%")
    assert alone.result == "regression"
    assert among[0].result == "inconclusive"


def test_what_cannot_gate_is_refused_with_a_reason():
    def refused(before, after, *texts, sessions=False, history=NO_HISTORY):
        table = evidence.collect(pairs.match(before, after).pairs, METRICS, history)
        return list(gate_refusals.not_gateable(table, gate.parse(texts), sessions=sessions))

    many, one = session("b", seed=1), session("b", processes=1)
    assert refused(session("a"), many, "slower:2%", sessions=True) == []
    assert "indicative and never gates" in refused(session("a"), one, "slower:2%", sessions=True)[0]
    assert "nothing shows the difference of sessions alone" in refused(session("a"), many, "slower:2%")[0]
    eager = msgspec.structs.replace(many[0].info, compiler=None)
    assert refused(unsteady(session("a")), unsteady(many), "slower:2%") == []  # undecided, which is not refused
    (said,) = refused(session("a", info=eager), session("b", info=eager), "compile:20%")
    assert said == "no pair of Runs has figures for compile:20%; leave it out"
    assert refused(session("a"), many, "counts") == []


def test_a_history_of_unchanged_code_lets_two_sessions_gate_and_widens_them():
    before, after = session("a"), session("b", 1.1, seed=1)
    (pair,) = pairs.match(before, after).pairs
    known = {"step_time": {pair.candidate: decisions.VarianceComponent(2 * 0.05**2, 4)}}
    table = evidence.collect([pair], ["step_time"], known)
    assert list(gate_refusals.not_gateable(table, gate.parse(["slower:2%"]), sessions=False)) == []
    assert isinstance(evidence.of(pair, "step_time", known["step_time"]), Unpaired)
    alone, widened = (judged([pair], "slower:2%", history=one)[0].result for one in ({}, known))
    assert (alone, widened) == ("regression", "underpowered")


def test_a_session_that_sees_what_is_not_there_gives_no_outcome():
    found = outcomes(session("a"), session("b", 1.5), "slower:2%")
    (vetoed,) = gate_refusals.invalidate(found, "A/A")
    assert (vetoed.result, vetoed.reason, vetoed.ratio) == ("underpowered", "A/A", None)


@pytest.mark.parametrize(
    ("results", "lax", "strict"),
    [
        ([], 0, 0),
        (["passed"], 0, 0),
        (["passed", "inconclusive"], 0, 3),
        (["passed", "underpowered"], 3, 3),
        (["underpowered", "inconclusive", "regression"], 1, 1),
    ],
)
def test_exit_codes(results, lax, strict):
    found = [Outcome(condition="slower:2%", pair="p", result=result) for result in results]
    assert (gate.exit_code(found, strict=False), gate.exit_code(found, strict=True)) == (lax, strict)


def test_conditions_are_read_and_written_alike():
    texts = ["slower:2%", "memory:12.5%", "compile:150%", "counts"]
    assert [str(one) for one in gate.parse(texts)] == texts
    assert gate.parse(["slower:2%"]) == (Condition(name="slower", threshold=0.02),)


@pytest.mark.parametrize(
    "text", ["slower", "slower:", "slower:2", "slower:0%", "slower:-1%", "slower:nan%", "slower:1e9%"]
)
def test_a_threshold_that_makes_no_sense_is_refused(text):
    with pytest.raises(SpecError, match="must be a percentage above 0% and below 1000%"):
        gate.parse([text])


def test_so_are_unknown_conditions_repeated_ones_and_counts_with_a_threshold():
    with pytest.raises(UnknownName, match="did you mean slower"):
        gate.parse(["slow:2%"])
    with pytest.raises(SpecError, match="given 2 times"):
        gate.parse(["slower:2%", "slower:3%"])
    with pytest.raises(SpecError, match="leave the threshold out"):
        gate.parse(["counts:1%"])


def test_the_power_that_underpowered_speaks_of_is_that_of_telling_a_change_from_none():
    (found,) = outcomes(session("a", spread=0.01), session("b", spread=0.01, seed=1), "slower:9%")
    found_again = evidence.of(pairs.match(session("a"), session("b", seed=1)).pairs[0], "step_time", {})
    assert found.could_show == pytest.approx(decisions.minimum_detectable_change(found_again, 0.0))
    assert power.POWER == 0.8
