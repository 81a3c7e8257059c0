"""Numbers as people read them."""

from __future__ import annotations

import pytest

from dlbench.report.convergence import sparkline
from dlbench.report.units import format_interval, format_value
from dlbench.stats.estimates import Estimate

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "–"),
        (0.0, "s", "0 µs"),
        (2.5e-6, "s", "2.50 µs"),
        (0.01234, "s", "12.3 ms"),
        (75.25, "s", "75.2 s"),
        (3 << 20, "bytes", "3.00 MiB"),
        (2.5 * 2**30, "bytes", "2.50 GiB"),
        (-5 * 2**20, "bytes", "-5.00 MiB"),
        (12345.6, "samples/s", "12,346 samples/s"),
        (2.5e12, "FLOP/s", "2.50 TFLOP/s"),
        (60.0, "steps", "60 steps"),
        (0.0123, "", "0.0123"),
    ],
)
def test_numbers_are_scaled_for_people(value, unit, text):
    assert format_value(value, unit) == text


def test_an_interval_is_shown_in_the_unit_of_its_value():
    assert format_interval(Estimate(0.0011, 0.0009, 0.0013, 5), "s") == "1.10 ms (0.900–1.30)"
    assert format_interval(Estimate(0.0011), "s") == "1.10 ms"
    assert format_interval(None, "s") == "–"


def test_a_sparkline_goes_from_the_least_to_the_greatest():
    assert sparkline([3.0, 2.0, 1.0, 1.0]) == "█▄▁▁"
    assert sparkline([1.0]) == "▁"
    assert sparkline([]) == "–"
