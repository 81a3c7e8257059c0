"""Figures that cannot be, seen by the parent of a process."""

import pytest

from dlbench.record.honesty import clocks_apart

pytestmark = pytest.mark.untimed


def readings(rate, seconds=10.0, late=0.0):
    """The parent's clock and one that goes at this rate, both from a start of their own; the last reply came late."""
    return [(100.0, 7.0), (100.0 + seconds / 2, 0.0), (100.0 + seconds + late, 7.0 + rate * seconds)]


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.2])
def test_a_clock_that_goes_at_another_rate_is_told(rate):
    assert f"counted {10 * rate:.3g} s while dlbench's own counted 10 s" in clocks_apart(readings(rate), timed=5.0)


@pytest.mark.parametrize("found", [readings(1.0), readings(1.0, late=0.2), readings(1.0)[:1], []])
def test_a_late_reply_is_no_fault(found):
    assert clocks_apart(found, timed=5.0) == ""
