"""Rates of errors over many drawn sessions: false alarms, coverage, power; each check is shown to fail."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from dlbench.session import lockstep
from dlbench.stats import decisions, estimates, power
from dlbench.stats.decisions import Paired

pytestmark = pytest.mark.untimed

GROUPS, ROUNDS = 5, 40
BETWEEN, WITHIN = 0.015, 0.02
"""Spread of the log ratio between groups in lockstep (the method's 1.2 to 2.6 %), and of rounds within one."""
COMPARISONS = 12
DRIFT = 0.05
"""Slowdown of the machine at the end of a group, as a share."""


def study(change, pooled=False, trials=600):
    """Shares of trials that were called slower or faster, and that hold the truth in their interval."""
    random = np.random.default_rng(7)
    called, covered = 0, 0
    for _ in range(trials):
        groups = random.normal(math.log1p(change), BETWEEN, GROUPS)
        rounds = groups[:, None] + random.normal(0, WITHIN, (GROUPS, ROUNDS))
        values = list(rounds.ravel()) if pooled else [float(np.median(group)) for group in rounds]
        # As pooled tests are done: on the samples' own spread, without the rank test.
        called += (
            decisions.p_differs(Paired(values)) <= power.ALPHA
            if pooled
            else decisions.verdict(Paired(values), decisions.p_differs(Paired(values)))[0] in ("slower", "faster")
        )
        low, high = estimates.one_sample(values).interval()
        covered += low <= math.log1p(change) <= high
    return called / trials, covered / trials


def test_the_method_raises_no_false_alarm_covers_the_truth_and_sees_what_it_should():
    alarms, coverage = study(0.0)
    assert alarms <= 0.01
    assert coverage >= 0.92
    assert study(0.05)[0] >= 0.95
    assert study(-0.05)[0] >= 0.95


def test_the_check_of_the_method_can_fail_samples_pooled_over_processes_raise_alarms():
    alarms, coverage = study(0.0, pooled=True)
    assert alarms > 0.01
    assert coverage < 0.92


def sessions_with_an_alarm(trials=600):
    """Share of sessions in which any of twelve comparisons is called, though all differ by just the delta."""
    random = np.random.default_rng(12)
    called = 0
    for _ in range(trials):
        family = [
            Paired(list(random.normal(math.log1p(decisions.NEGLIGIBLE_CHANGE), BETWEEN, GROUPS)))
            for _ in range(COMPARISONS)
        ]
        adjusted = decisions.adjusted(family)
        called += any(
            decisions.verdict(evidence, p_value)[0] in ("slower", "faster")
            for evidence, p_value in zip(family, adjusted, strict=True)
        )
    return called / trials


def test_many_comparisons_raise_no_more_alarms_than_one():
    """The level is 5 %; three standard errors of that number of trials are 2.7 %."""
    assert sessions_with_an_alarm() <= 0.077


def test_the_check_of_many_comparisons_can_fail_without_holm(monkeypatch):
    monkeypatch.setattr(decisions, "holm", list)
    assert sessions_with_an_alarm() > 0.2


def alarms_under_drift(order, trials=200):
    """Share of sessions of two equal programs that are called, the turns of a group taken in this order of arms."""
    random = np.random.default_rng(5)
    called = 0
    for trial in range(trials):
        groups = []
        for group in range(GROUPS):
            turns = order(trial * GROUPS + group)
            times = DRIFT * np.arange(len(turns)) / len(turns) + random.normal(0, WITHIN, len(turns))
            sides = [times[np.array(turns) == arm] for arm in (0, 1)]
            groups.append(float(np.median(sides[1] - sides[0])))
        evidence = Paired(groups)
        called += decisions.verdict(evidence, decisions.p_differs(evidence))[0] in ("slower", "faster")
    return called / trials


def balanced(seed):
    return [arm for turns in itertools.islice(lockstep.turn_orders(2, seed), ROUNDS) for arm in turns]


def test_turns_in_the_balanced_order_raise_no_alarm_under_drift():
    assert alarms_under_drift(balanced) <= 0.01


def test_the_check_of_the_order_can_fail_one_arm_after_the_other_raises_alarms():
    assert alarms_under_drift(lambda _: [0] * ROUNDS + [1] * ROUNDS) > 0.9
