"""Comparisons: the pairs, and a reason for every pair without a verdict."""

from __future__ import annotations

import math

import msgspec
import pytest
from example_runs import bare_run, full_session, good_run, spec

from dlbench.analysis import compare, evidence, pairs
from dlbench.record.schema import Sample
from dlbench.spec import workload
from dlbench.stats import decisions, estimates

pytestmark = pytest.mark.untimed

TF, TORCH = "tf.transformer jit", "torch.transformer jit"


def steady(*seconds, rounds=None, steps=2):
    rounds = range(len(seconds)) if rounds is None else rounds
    return tuple(
        Sample(stage="steady", steps=steps, seconds=one * steps, cpu_seconds=0.0, round=at)
        for one, at in zip(seconds, rounds, strict=True)
    )


def run(plugin="tf.transformer", group=0, session="s", samples=(), **changes):
    return bare_run(spec=spec(plugin), group=group, session=session, groups=3, samples=samples, **changes)


def test_the_number_of_a_group_is_the_median_over_rounds_of_paired_log_ratios():
    before, after = run(samples=steady(1.0, 2.0, 4.0)), run("torch.transformer", samples=steady(2.0, 2.0, 12.0))
    assert evidence.group_log_ratios([before], [after]) == [pytest.approx(math.log(2.0))]


def test_pairs_have_session_group_and_round_in_common():
    baselines = [
        run(samples=steady(1.0, 1.0)),
        run(group=1, samples=steady(1.0)),
        run(session="t", samples=steady(1.0)),
    ]
    others = [
        run("torch.transformer", samples=steady(3.0, 9.0, rounds=(1, 5))),
        run("torch.transformer", group=2, samples=steady(7.0)),
        run("torch.transformer", session="t", samples=steady(5.0)),
    ]
    assert evidence.group_log_ratios(baselines, others) == [pytest.approx(math.log(3.0)), pytest.approx(math.log(5.0))]


def test_only_steady_samples_count_and_the_number_of_steps_in_one_does_not():
    warm_up = Sample(stage="warm-up", steps=1, seconds=100.0, cpu_seconds=0.0)
    alone = Sample(stage="latency", steps=1, seconds=100.0, cpu_seconds=0.0)
    before = run(samples=(warm_up, *steady(1.0, steps=2), alone))
    after = run("torch.transformer", samples=(warm_up, *steady(1.5, steps=10)))
    assert evidence.group_log_ratios([before], [after]) == [pytest.approx(math.log(1.5))]


def test_arms_that_never_were_in_lockstep_have_no_ratio_and_a_reason():
    runs = [run(samples=steady(1.0)), run("torch.transformer", session="another", samples=steady(1.0))]
    ((found,),) = compare.compare(runs).values()
    assert (found.ratio, found.verdict) == (None, "inconclusive")
    assert "never in lockstep" in found.reason


def test_the_baseline_is_the_first_arm_that_ran():
    failed = run(status="error", reason="no")
    others = [run("torch.transformer", samples=steady(1.0)), run("acme.transformer", samples=steady(2.0))]
    assert pairs.baseline([failed, *others]) == TORCH
    ((found,),) = compare.compare([failed, *others]).values()
    assert (found.baseline, found.candidate) == (TORCH, "acme.transformer jit")
    assert pairs.baseline([failed]) is None
    assert compare.compare([failed]) == {}


def test_a_failed_process_leaves_its_group_out_and_no_more():
    runs = full_session()
    spoilt = [
        msgspec.structs.replace(one, status="crashed")
        if one.group == 2 and one.spec.plugin == "torch.transformer"
        else one
        for one in runs
    ]
    found = next(iter(compare.compare(spoilt).values()))[0]
    assert found.ratio.n == 4


def test_a_baseline_that_failed_in_the_first_group_stays_the_baseline():
    runs = full_session()
    first = runs[0].spec
    spoilt = [
        msgspec.structs.replace(one, status="crashed") if (one.group, one.spec) == (0, first) else one for one in runs
    ]
    found = next(iter(compare.compare(spoilt).values()))
    assert {one.baseline for one in found} == {first.label}
    assert {one.ratio.n for one in found} == {4}


def test_groups_of_the_same_number_in_two_workloads_took_no_turns():
    small, large = (spec(batch_size=size) for size in (32, 64))
    sides = [[bare_run(spec=of, group=at, groups=3, samples=steady(1.0)) for at in range(3)] for of in (small, large)]
    assert not pairs.Pair(small, large, *sides).in_lockstep
    assert pairs.Pair(small, small, sides[0], sides[0]).in_lockstep


def test_verdicts_are_corrected_for_their_number(monkeypatch):
    asked = []
    original = estimates.holm
    monkeypatch.setattr(decisions, "holm", lambda p_values: asked.append(len(p_values)) or original(p_values))
    compare.compare(full_session())
    assert asked == [2]  # train and predict; converge is not timed


def test_converge_is_not_compared_by_time_and_its_seeds_stand_together():
    runs = full_session()
    loads = list(pairs.by_workload(runs))
    assert [load.phase for load in loads] == ["train", "predict", "converge"]
    assert len(pairs.by_workload(runs)[loads[2]]) == 10
    assert {load.phase for load in compare.compare(runs)} == {"train", "predict"}


def test_another_batch_is_another_workload_and_the_difference_is_named():
    runs = [good_run(), msgspec.structs.replace(good_run(), spec=spec(batch_size=64, threads=1))]
    loads = list(pairs.by_workload(runs))
    assert len(loads) == 2
    assert compare.differing(loads) == {"batch_size": [32, 64], "threads": [2, 1]}
    assert compare.differing([workload(spec())]) == {}


def test_what_was_planned_adds_up_over_sessions():
    assert pairs.planned([run(), run(group=1), run(session="t")]) == 6
    assert pairs.planned([run(), run(part=1)]) == 6, "of the baseline of two parts"


def test_a_seed_is_planned_once_in_whichever_part_its_arm_trains():
    trained = spec(phase="converge")
    assert pairs.planned([bare_run(spec=trained, group=group, part=group, groups=3) for group in (0, 1)]) == 3


def test_a_saved_order_of_runs_does_not_change_a_ratio():
    runs = full_session()
    one, other = (next(iter(compare.compare(some).values()))[0] for some in (runs, [*runs[6:], *runs[:6]]))
    assert one.ratio.value == pytest.approx(other.ratio.value)


def arms(**log_ratios):
    """Groups in lockstep: a baseline of one second a step, and each other framework's log ratio to it."""
    sides = {"tf": [0.0] * len(next(iter(log_ratios.values()))), **log_ratios}
    return [
        run(f"{framework}.transformer", group=group, samples=steady(math.exp(value)))
        for framework, values in sides.items()
        for group, value in enumerate(values)
    ]


BORDER = [0.01, 0.05, 0.09, 0.02, 0.07]
NOTHING = [0.03, -0.04, 0.05, -0.05, 0.02]


def test_a_difference_that_stands_alone_may_not_stand_among_others():
    ((alone,),) = compare.compare(arms(torch=BORDER)).values()
    ((first, second),) = compare.compare(arms(torch=BORDER, acme=NOTHING)).values()
    assert (alone.verdict, first.verdict, second.verdict) == ("slower", "inconclusive", "inconclusive")
    assert "not after correction for the number of comparisons" in first.reason
    assert (first.ratio, first.smallest_change) == (alone.ratio, alone.smallest_change)


def test_a_comparison_of_one_group_does_not_count_among_the_others():
    ((first, second),) = compare.compare(arms(torch=BORDER, acme=NOTHING[:1])).values()
    assert (first.verdict, second.verdict) == ("slower", "indicative")
    assert second.smallest_change is None


def test_more_than_one_is_a_slower_candidate_with_the_interval_of_its_groups():
    ((found,),) = compare.compare(arms(torch=BORDER)).values()
    assert (found.baseline, found.candidate) == (TF, TORCH)
    assert found.ratio.value == pytest.approx(math.exp(0.048))
    ends = estimates.one_sample(BORDER).interval()
    assert (found.ratio.low, found.ratio.high) == pytest.approx([math.exp(end) for end in ends])
    assert found.ratio.n == 5
    assert found.smallest_change == pytest.approx(decisions.minimum_detectable_change(decisions.Paired(BORDER)))


def test_samples_without_a_round_are_not_paired():
    before, after = (run(name, samples=steady(1.0, rounds=[None])) for name in ("tf.transformer", "torch.transformer"))
    assert evidence.group_log_ratios([before], [after]) == []
