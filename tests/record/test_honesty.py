"""Figures that cannot be, seen by the parent of a process."""

import pytest

from dlbench.record.honesty import clocks_apart

pytestmark = pytest.mark.untimed


def readings(rate, seconds=10.0, late=0.0):
    """The parent's clock and one that goes at this rate, both from a start of their own; the last reply came late."""
    found = [(100.0 + seconds * part / 9, 7.0 + rate * seconds * part / 9) for part in range(10)]
    return [*found[:-1], (found[-1][0] + late, found[-1][1])]


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.3])
def test_a_clock_that_goes_at_another_rate_is_told(rate):
    told = clocks_apart(readings(rate), timed=5.0)
    assert f"counted {rate * 50 / 9:.3g} s while dlbench's own counted 5.56 s" in told


@pytest.mark.parametrize("found", [readings(1.0), readings(1.0, late=20.0), readings(1.0)[:1], []])
def test_a_late_reply_is_no_fault(found):
    assert clocks_apart(found, timed=5.0) == ""
