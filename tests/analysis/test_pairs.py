"""Two reports: their pairs, and the reasons against a comparison."""

from __future__ import annotations

import math

import msgspec
import pytest
from example_runs import full_session, spec
from sessions import session

from dlbench.analysis import compare, evidence, labels, pairs, pooling
from dlbench.errors import RecordError, UnknownName
from dlbench.record.schema import Load
from dlbench.spec import InputSpec, ModelSource

pytestmark = pytest.mark.untimed


def test_compiled_arms_are_paired_with_their_own_eager_one_unless_it_is_their_baseline():
    graph, eager, jit = (spec(path=path) for path in ("graph", "eager", "jit"))
    other = spec(plugin="torch.transformer", path="eager")
    runs = [run for of in (graph, eager, jit, other) for run in session("a", of=of)]
    (found,) = [pair for of_load in pairs.with_eager(runs).values() for pair in of_load]
    assert (found.baseline, found.candidate, len(found.before)) == (eager, jit, 5)
    assert pairs.with_eager([run for of in (eager, jit) for run in session("a", of=of)]) == {}
    model = msgspec.structs.replace(jit, model=ModelSource(reference="net.py:Net", inputs=()))
    assert pairs.program(eager) == pairs.program(jit) != pairs.program(model)


def test_arms_that_differ_in_their_environment_alone_are_named_once():
    head, base, other = (spec(python="head"), spec(python="base"), spec(python="base", path="eager"))
    names = labels.of_specs([head, base, other])
    assert pairs.name_of(pairs.Pair(base, head, (), ()), names) == "train, tf.transformer jit @head against @base"
    assert pairs.name_of(pairs.Pair(other, head, (), ()), names).endswith("against tf.transformer eager @base")


def test_equal_specs_are_compared_and_the_others_are_named():
    eager = spec(path="eager")
    before = [*session("a"), *session("a", of=eager)]
    found = pairs.match(before, [*session("b"), *session("b", of=spec(batch_size=64))])
    assert [(pair.baseline, pair.candidate) for pair in found.pairs] == [(spec(), spec())]
    assert [len(pair.before) for pair in found.pairs] == [5]
    assert found.left_out == [
        "train, tf.transformer eager small, batch 32: only in the baseline; the nearest differs in path, batch_size",
        "train, tf.transformer jit small, batch 64: only in the candidate; the nearest differs in path, batch_size",
    ]


def test_without_a_common_spec_the_nearest_keys_are_listed_and_how_to_allow_them():
    with pytest.raises(RecordError) as caught:
        pairs.match(session("a"), session("b", of=spec(batch_size=64, threads=1)))
    assert str(caught.value) == (
        "the reports have no Spec in common: the nearest differ in batch_size (32 against 64), threads (2 against 1); "
        "give --allow batch_size --allow threads to compare across"
    )


def test_another_phase_is_never_allowed():
    with pytest.raises(RecordError, match=r"differ in phase \('train' against 'predict'\); measure the same phase"):
        pairs.match(session("a"), session("b", of=spec(phase="predict")))


def test_what_was_stated_of_a_model_before_and_is_inferred_now_is_compared_and_differences_are_told_by_field():
    source = ModelSource(reference="net.py:Net", inputs=(InputSpec((8, 4)),), loss="mse", inferred=("loss mse",))
    before, stated = (spec(model=one) for one in (source, msgspec.structs.replace(source, inferred=())))
    (pair,) = pairs.match(session("a", of=before), session("b", of=stated)).pairs
    assert (pair.baseline, pair.candidate) == (before, stated)
    other = spec(model=msgspec.structs.replace(source, inputs=(InputSpec((8, 5)),)))
    with pytest.raises(RecordError, match=r"differ in model \(inputs 8x4:float32 against 8x5:float32\); give --allow"):
        pairs.match(session("a", of=before), session("b", of=other))


def test_allowed_keys_may_differ():
    other = spec("torch.transformer", threads=1)
    (pair,) = pairs.match(session("a"), session("b", of=other), ["plugin", "threads"]).pairs
    assert (pair.baseline, pair.candidate) == (spec(), other)
    with pytest.raises(RecordError, match="no Spec in common"):
        pairs.match(session("a"), session("b", of=other), ["plugin"])


def test_what_an_allowed_key_leaves_ambiguous_is_not_compared():
    before = [*session("a"), *session("a", of=spec(path="eager"))]
    after = [*session("b"), *session("b", of=spec(path="graph"))]
    assert len(pairs.match(before, after, ["path"]).pairs) == 2
    found = pairs.match(before, session("b", of=spec()), ["path"])
    assert [pair.candidate for pair in found.pairs] == [spec()]
    with pytest.raises(RecordError, match="no Spec in common"):
        pairs.match(before, session("b", of=spec(path="graph")), ["path"])


def test_a_key_that_nobody_knows_is_refused_with_those_that_are():
    with pytest.raises(UnknownName, match="did you mean batch_size"):
        pairs.match(session("a"), session("b"), ["batchsize"])


def test_a_report_is_not_compared_with_itself():
    with pytest.raises(RecordError, match="the same Runs"):
        pairs.match(session("a"), session("a"))


def test_a_side_on_which_nothing_ran_is_named():
    failed = [msgspec.structs.replace(run, status="crashed") for run in session("b")]
    with pytest.raises(RecordError, match="CANDIDATE holds no Run that ended well"):
        pairs.match(session("a"), failed)


def test_seeds_of_converge_are_its_replication_and_not_a_key():
    runs = [run for run in full_session() if run.spec.phase == "converge"]
    found = pairs.match(runs, [msgspec.structs.replace(run, session="t") for run in runs])
    assert [len(pair.after) for pair in found.pairs] == [5, 5]


def test_another_machine_is_said():
    before, after = session("a"), session("b")
    other = msgspec.structs.replace(after[0].environment, cores=4)
    after = [msgspec.structs.replace(run, environment=other) for run in after]
    assert pooling.machines(before, before) == ""
    assert pooling.machines(before, after) == "Example CPU, 2 cores against Example CPU, 4 cores"


def test_counts_are_compared_exactly():
    before = session("a")
    info = msgspec.structs.replace(before[0].info, parameter_count=18_815)
    compiled = msgspec.structs.replace(before[0].compilation, graphs=2)
    after = session("b", info=info, compilation=compiled, flops_per_step=2.0e8)
    found = list(compare.counts(pairs.match(before, after).pairs))
    assert [(count.name, count.before, count.after) for count in found] == [
        ("parameters", "18,814", "18,815"),
        ("graphs", "1", "2"),
    ]
    assert list(compare.counts(pairs.match(before, session("b")).pairs)) == []
    larger = session("b", compilation=compiled, of=spec(batch_size=64))
    (other,) = compare.counts(pairs.match(before, larger, ["batch_size"]).pairs)
    assert other.label == "train, tf.transformer jit, batch 64"


def test_a_history_tells_what_sessions_of_one_code_differ_by():
    """Four sessions: the variance of their means, twice; the candidate's own is none of them, though it lies there."""
    shifts = [0.0, 0.04, 0.08, 0.04]
    history = [run for at, shift in enumerate(shifts) for run in session(f"h{at}", math.exp(shift), seed=at)]
    compared = pairs.match(session("a"), session("b")).pairs
    part = evidence.between_sessions(history, compared, "step_time")[spec()]
    means = sum((shift - 0.04) ** 2 for shift in shifts) / 3
    assert part.variance == pytest.approx(2 * means)
    assert part.degrees_of_freedom == 3
    assert evidence.between_sessions([*history, *session("b", 1.5)], compared, "step_time")[spec()] == part


@pytest.mark.parametrize("pressure", [0.0, 0.5])
def test_a_history_is_read_by_the_measure_that_the_pair_is_read_by(pressure, monkeypatch):
    asked = []
    monkeypatch.setattr(evidence, "log_summaries", lambda runs, metric, *, busy: asked.append(busy) or [0.0])
    history = [run for at in range(3) for run in session(f"h{at}", seed=at)]
    compared = pairs.match(session("a"), session("b", load=Load(cpu_pressure=pressure))).pairs
    evidence.between_sessions(history, compared, "step_time")
    assert asked == [pressure > 0] * 3


def test_fewer_than_three_sessions_are_no_history():
    history = [run for at in range(2) for run in session(f"h{at}", seed=at)]
    compared = pairs.match(session("a"), session("b")).pairs
    assert evidence.between_sessions(history, compared, "step_time") == {}


def test_on_a_busy_machine_both_sides_take_the_lower_quartile():
    calm, busy = (session("x", load=Load(cpu_pressure=pressure)) for pressure in (0.0, 0.5))
    seconds = [0.01, 0.02, 0.03, 0.04, 0.05] * 2
    samples = [msgspec.structs.replace(one, seconds=at) for one, at in zip(calm[0].samples, seconds, strict=True)]
    run = msgspec.structs.replace(calm[0], samples=tuple(samples))
    assert not evidence.contended(calm)
    assert evidence.contended([*calm, *busy])
    assert evidence.log_summaries([run], "step_time", busy=False) == [pytest.approx(math.log(0.03))]
    assert evidence.log_summaries([run], "step_time", busy=True) == [pytest.approx(math.log(0.02))]
