"""Figures that cannot be, seen by the parent of a process."""

import pytest

from dlbench.record.honesty import clocks_apart

pytestmark = pytest.mark.untimed


def readings(rate, seconds=10.0, late=0.0):
    """The parent's clock and one that goes at this rate, both from a start of their own; the last reply came late."""
    found = [(100.0 + seconds * part / 39, 7.0 + rate * seconds * part / 39) for part in range(40)]
    return [*found[:-1], (found[-1][0] + late, found[-1][1])]


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.3])
def test_a_clock_that_goes_at_another_rate_is_told(rate):
    assert f"counted {rate * 310 / 39:.3g} s while dlbench's own counted 7.95 s" in clocks_apart(
        readings(rate), timed=5.0
    )


def test_first_replies_that_waited_to_be_read_are_no_fault():
    """Several children build beside each other, and their first replies are read one after the other."""
    found = readings(1.0)
    assert clocks_apart([(own + 30.0, child) for own, child in found[:3]] + found[3:], timed=5.0) == ""


@pytest.mark.parametrize("found", [readings(1.0), readings(1.0, late=20.0), readings(1.0)[:1], []])
def test_a_late_reply_is_no_fault(found):
    assert clocks_apart(found, timed=5.0) == ""
