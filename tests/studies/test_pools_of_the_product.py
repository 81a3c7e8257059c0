"""Pools collected with the plan of the product: sessions drawn as it measures them, and the report's first words."""

from __future__ import annotations

import random

import msgspec
import pytest
from synthetic_pool import as_the_product, synthetic_pool

from dlbench.session.plan import IN_FULL
from dlbench.spec import Policy
from studies.decision_quality import differences, groups, pool, replay, report
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
        adaptive=True, discard=True
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
    assert differences.of(product) == []
    cells = replay.Cells(replay.replay(former, 10))
    text = report.render({"old": (former, cells), "new": (product, replay.Cells(replay.replay(product, 10)))}, "it", 10)
    top = text.split("## How it was measured")[0]
    assert "- Pool `old`: 16 rounds a group instead of 20;" in top
    assert "- Pool `new`: nothing else." in top
    rows = [
        line
        for line in text.splitlines()
        if line.startswith("| gemm |") and line.endswith(("not judged |", "0.0 %, 0.0 % |"))
    ]
    assert [row.split("|")[-2].strip() for row in rows] == ["not judged", "0.0 %, 0.0 %"]
