"""Neighbours of an arm: medians of all others, at a cost that grows as the number of arms and not of their pairs."""

from __future__ import annotations

import cProfile
import pstats
import statistics

import msgspec
import numpy as np
import pytest
from example_runs import bare_run, spec

from dlbench.analysis.neighbours import _LOGARITHMS, Group
from dlbench.analysis.rounds import by_round
from dlbench.record.schema import Sample
from dlbench.report import summarize

pytestmark = pytest.mark.untimed


def group(arms, number=0, rounds=20, alike=False, missing=0.0, control=False):
    """Arms that took turns; every second one is compiled, or all are one Spec."""
    random, found = np.random.default_rng([arms, number]), []
    for arm in range(arms):
        samples = tuple(
            Sample(
                stage="steady", steps=1, seconds=float(round(0.01 * (1 + random.random()), 4)), cpu_seconds=0, round=at
            )
            for at in range(rounds)
            if random.random() >= missing
        )
        of = spec(f"framework{0 if alike else arm // 2}.transformer", path="jit" if arm % 2 and not alike else "eager")
        place = {"group": number, "groups": 3, "arm": arm, "arms": arms}
        found.append(bare_run(spec=of, samples=samples, **place))
    if control:
        found.append(msgspec.structs.replace(found[0], control=True, samples=found[-1].samples))
    return found


def expected(run, runs):
    others = [other for other in runs if other.spec != run.spec] or [other for other in runs if other is not run]
    logarithms = _LOGARITHMS[by_round]
    mine, theirs = logarithms(run), list(map(logarithms, others))
    beside = {at: found for at in sorted(mine) if (found := [one[at] for one in theirs if at in one])}
    return [mine[at] for at in beside], list(map(statistics.median, beside.values()))


@pytest.mark.parametrize("more", [{}, {"missing": 0.4}, {"control": True}, {"alike": True}, {"rounds": 0}])
@pytest.mark.parametrize("arms", [1, 2, 3, 8])
def test_an_arm_stands_beside_the_median_of_all_others(arms, more):
    runs = group(arms, **more)
    made = Group(runs)
    for run in runs:
        assert made.beside(run) == expected(run, runs)


def calls(arms):
    """Calls of functions, of which each may look at a few things."""
    runs = [run for number in range(3) for run in group(arms, number)]
    profile = cProfile.Profile()
    profile.enable()
    summarize(runs)
    profile.disable()
    return pstats.Stats(profile).total_calls


def test_twice_the_arms_of_one_workload_take_twice_the_calls():
    calls(4)  # imports
    few, many, more = calls(10), calls(40), calls(70)
    assert more - many < 1.2 * (many - few)
