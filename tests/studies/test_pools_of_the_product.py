"""Pools collected with the plan of the product: sessions drawn as it measures them, and the report's first words."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from disturbed import INFO
from synthetic_pool import as_the_product, synthetic_pool

from dlbench.record.schema import Load
from dlbench.session.plan import IN_FULL
from dlbench.spec import Policy
from studies.decision_quality import collect, differences, groups, pool, replay, report, rules
from studies.decision_quality.replay import ADAPTIVE, AGAIN
from studies.decision_quality.workloads import FORMER_POLICY, POLICY

pytestmark = pytest.mark.untimed


@pytest.fixture(scope="module")
def product():
    return as_the_product(synthetic_pool(48))


def late_change(batches):
    """The candidate becomes slower by a third in the last four rounds of every group."""

    def slowed(one):
        if one.arm != AGAIN:
            return one
        kept, last = one.nanoseconds[:16], one.nanoseconds[16:]
        return msgspec.structs.replace(one, nanoseconds=[*kept, *(round(1.33 * value) for value in last)])

    return [msgspec.structs.replace(batch, processes=[slowed(one) for one in batch.processes]) for batch in batches]


def test_groups_are_collected_with_the_policy_of_an_adaptive_run():
    assert (POLICY.samples, POLICY.settle_seconds, POLICY.adaptive, POLICY.discard) == (20, 0.3, True, True)
    assert POLICY.isolation == "fresh"
    assert msgspec.structs.replace(POLICY, samples=40, settle_seconds=1.0, latency_seconds=2.0) == Policy(
        adaptive=True, discard=True, turn_seconds=0.01
    )


def test_a_batch_keeps_its_policy_and_one_that_states_none_has_the_former(tmp_path, product):
    path = tmp_path / "pool.jsonl.gz"
    pool.append(path, product[:2])
    assert pool.read(path) == product[:2]
    assert synthetic_pool(1)[0].policy == FORMER_POLICY


def test_a_session_begins_with_three_groups_in_full_and_pays_its_pilot_processes(product):
    pair = groups.lockstep(product, AGAIN)
    assert sum(pair.in_full) == 12
    assert pair.pilots == 4.0
    drawn = pair.drawn(random.Random(1))
    assert drawn.in_full == [True] * IN_FULL + [False] * 36
    assert drawn.seconds[0] == pair.seconds[0] + 4.0
    assert sorted(drawn.log_ratios[IN_FULL:]) == sorted(
        value for value, full in zip(pair.log_ratios, pair.in_full, strict=True) if not full
    )
    former = groups.lockstep(synthetic_pool(48), AGAIN).drawn(random.Random(1))
    assert len(former.log_ratios) == 48


def test_a_session_whose_ratio_is_never_steady_ends_without_a_verdict_after_two_interim_analyses(product):
    changed = late_change(product)
    cell = next(cell for cell in replay.replay(changed, 10) if (cell.rule, cell.arm) == (ADAPTIVE, AGAIN))
    assert cell.share("none") == 1.0
    assert set(cell.sizes) == {10}
    steady = next(cell for cell in replay.replay(product, 10) if (cell.rule, cell.arm) == (ADAPTIVE, AGAIN))
    assert steady.share("none") == 0.0


def test_the_report_says_at_its_top_where_a_pool_differs_from_the_product(product):
    former = synthetic_pool(12)
    said = differences.of(former)
    assert "16 rounds a group instead of 20" in said
    assert "5 s of warm-up at most instead of 60" in said
    assert "forked processes instead of new ones (gemm)" in said
    assert "no pilot process" in said
    assert "no process measured in full" in said
    assert "no ratio is judged for steadiness, which takes 20 rounds" in said
    assert differences.of(product) == ["7 arms a group (base, again, 1%, 2%, 3%, 5%, 10%)"]
    cells = replay.Cells(replay.replay(former, 10))
    text = report.render({"old": (former, cells), "new": (product, replay.Cells(replay.replay(product, 10)))}, "it", 10)
    top = text.split("## How it was measured")[0]
    assert "- Pool `old`: 7 arms a group (base, again, 1%, 2%, 3%, 5%, 10%); 16 rounds a group instead of 20;" in top
    assert "- Pool `new`: 7 arms a group (base, again, 1%, 2%, 3%, 5%, 10%)." in top
    rows = [
        line
        for line in text.splitlines()
        if line.startswith("| gemm |") and line.endswith(("not judged |", "0.0 %, 0.0 % |"))
    ]
    assert [row.split("|")[-2].strip() for row in rows] == ["not judged", "0.0 %, 0.0 %"]


def of_three_arms(batches):
    """Groups in lockstep with as few arms as a pool may have."""
    return [
        msgspec.structs.replace(one, processes=[taken for taken in one.processes if taken.arm in ("base", AGAIN, "3%")])
        for one in batches
        if one.kind == "lockstep"
    ]


def test_a_pool_of_three_arms_has_its_goals_and_rivals_that_take_turns_alone(product):
    few = of_three_arms(product)
    cells = replay.Cells(replay.replay(few, 10))
    assert cells.of(ADAPTIVE, "gemm", "10%") is None
    assert cells.of(ADAPTIVE, "gemm", "3%").share("slower") >= 0.9
    text = report.render({"product": (few, cells)}, "it", 10)
    assert "- Pool `product`: 3 arms a group (base, again, 3%)." in text
    goals = next(line for line in text.splitlines() if line.startswith("| gemm |"))
    assert ", met" in goals
    assert "| gemm | interleaved minimum, 5% band |" in text
    assert "| gemm | pyperf compare_to |" not in text


def with_runs(batches, unknown):
    """The same with what a verdict reads of each process; the waits of these groups beside others are not known."""

    def of(batch, taken):
        run = groups.run_of(batch, taken)
        waits = {"waited_seconds": None, "unsure_seconds": 0.01} if batch.number in unknown else {"waited_seconds": 0.0}
        samples = tuple(msgspec.structs.replace(one, cpu_seconds=one.seconds, **waits) for one in run.samples)
        run = msgspec.structs.replace(run, samples=samples, info=INFO, load=Load(cpu_pressure=0.9))
        return msgspec.structs.replace(taken, run=run)

    return [msgspec.structs.replace(one, processes=[of(one, taken) for taken in one.processes]) for one in batches]


def test_a_group_whose_waits_are_not_known_is_none_and_a_session_of_mostly_such_has_no_verdict(product):
    few = of_three_arms(product)
    one = groups.lockstep(with_runs(few, {3}), "3%")
    assert [math.isnan(value) for value in one.log_ratios] == [number == 3 for number in range(48)]
    most = groups.lockstep(with_runs(few, set(range(5, 48))), "3%")
    assert rules.dlbench(most.log_ratios[:9]) == "slower"
    assert rules.dlbench(most.log_ratios) == "inconclusive"
    assert rules.groups_used(most.log_ratios[3:], most.seconds[3:]) == 10, "two analyses without a ratio are enough"


def test_a_pool_keeps_what_a_verdict_reads_and_no_more(tmp_path, product):
    kept = with_runs(of_three_arms(product)[:1], set())
    pool.append(tmp_path / "pool.jsonl.gz", kept)
    (batch,) = pool.read(tmp_path / "pool.jsonl.gz")
    assert groups.run_of(batch, batch.processes[0]).samples == kept[0].processes[0].run.samples


def test_later_groups_of_a_pool_have_the_rounds_that_the_first_ask_for(product):
    noisy = of_three_arms(as_the_product(synthetic_pool(14, rounds=0.2)))
    longer = with_wall_seconds(with_runs(noisy, set()), 10.0)
    assert collect.rounds_due([]) is None
    assert collect.rounds_due(longer[:12]) is None, "a session begins anew"
    assert collect.rounds_due(longer[:13]) > 2 * POLICY.samples
    assert collect.rounds_due(with_wall_seconds(with_runs(of_three_arms(product)[:1], set()), 10.0)) == POLICY.samples


def with_wall_seconds(batches, seconds):
    return [
        msgspec.structs.replace(
            batch,
            processes=[
                msgspec.structs.replace(one, run=msgspec.structs.replace(one.run, wall_seconds=seconds))
                for one in batch.processes
            ],
        )
        for batch in batches
    ]
