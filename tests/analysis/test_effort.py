"""Rounds of the next group of a session, by the noise of its groups so far."""

from __future__ import annotations

import itertools
import math
import random

import msgspec
import pytest
from example_runs import bare_run

from dlbench.analysis import effort
from dlbench.record.schema import Sample
from dlbench.spec import Policy, Spec
from dlbench.stats import rounds

pytestmark = pytest.mark.untimed

ADAPTIVE = Policy(samples=20, adaptive=True)
STEP = 0.02


def runs(spreads, groups=2, policy=ADAPTIVE, seconds=6.0, phase="predict"):
    """Groups of arms whose rounds spread by so much, of which each takes these seconds."""
    generator, found = random.Random(1), []
    for group, (arm, spread) in itertools.product(range(groups), enumerate(spreads)):
        times = [STEP * math.exp(generator.gauss(0.0, spread)) for _ in range(20)]
        steady = tuple(
            Sample(stage="steady", steps=1, seconds=one, cpu_seconds=one, round=at, turn=at)
            for at, one in enumerate(times)
        )
        of = Spec(plugin=f"a{arm}.net", phase=phase, path="eager", size="small", task="line", batch_size=1, threads=1)
        place = {"group": group, "groups": 45, "arm": arm, "arms": len(spreads)}
        found.append(bare_run(spec=of, policy=policy, samples=steady, wall_seconds=seconds, **place))
    return found


def test_rounds_that_agree_stay_as_few_as_the_policy_says():
    assert effort.rounds_due(runs([0.001, 0.001])).rounds == 20


def test_rounds_that_differ_become_more_already_after_one_group():
    assert 100 < effort.rounds_due(runs([0.2, 0.2], groups=1)).rounds <= rounds.MOST


def test_the_noisiest_pair_decides():
    asked = [effort.rounds_due(runs(spreads)).rounds for spreads in ([0.001, 0.001, 0.2], [0.001, 0.2])]
    assert min(asked) > 100
    assert effort.rounds_due(runs([0.001, 0.001])).rounds < 100


def test_a_group_that_costs_no_more_than_its_rounds_has_few_of_them():
    steady = 2 * 20 * STEP
    cheap, costly = (effort.rounds_due(runs([0.1, 0.1], seconds=steady * factor)).rounds for factor in (2.2, 8.0))
    assert cheap < costly


@pytest.mark.parametrize("of", [{"policy": Policy(samples=20)}, {"phase": "converge"}, {"groups": 0}])
def test_a_fixed_number_of_groups_has_the_rounds_of_its_policy(of):
    assert effort.rounds_due(runs([0.2, 0.2], **of)) is None


def test_an_arm_alone_has_the_rounds_of_its_policy():
    assert effort.rounds_due(runs([0.2])) is None


def test_rounds_take_half_of_the_time_that_a_process_may_work_at_most():
    """A sample of one step takes two: the step before it is untimed."""
    short = Policy(samples=20, adaptive=True, timeout_seconds=4.0)
    found = effort.rounds_due(runs([0.2, 0.2], policy=short)).rounds
    assert found == pytest.approx(0.5 * 4.0 / (2 * STEP + effort.HANDOVER), rel=0.1)
    assert (
        effort.rounds_due(runs([0.2, 0.2], policy=Policy(samples=20, adaptive=True, timeout_seconds=0.1))).rounds == 20
    )


def test_runs_without_rounds_may_have_any_number_of_them():
    assert effort.in_time([]) == rounds.MOST


def test_the_seconds_of_the_next_group_are_those_of_its_rounds_and_of_the_cheapest_group_beside_them():
    found = effort.rounds_due(runs([0.2, 0.2], seconds=6.0))
    a_round = 2 * (2 * STEP + effort.HANDOVER)
    assert found.seconds == pytest.approx(6.0 + (found.rounds - 20) * a_round, rel=0.1)


def test_an_arm_that_did_not_run_costs_nothing():
    good = runs([0.2, 0.2])
    failed = [msgspec.structs.replace(one, status="unsupported", samples=(), arm=2) for one in good[:2]]
    assert effort.overhead([*good, *failed]) == effort.overhead(good)
