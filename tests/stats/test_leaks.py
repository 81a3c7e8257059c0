"""The slope of memory: Theil and Sen's as another library computes it, and none where no neighbours rise enough."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import theilslopes

from dlbench.stats import leaks
from dlbench.stats.estimates import median, theil_sen

pytestmark = pytest.mark.untimed

SERIES = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from([0, 1, 4096, 1 << 20]), st.integers(-3, 5)), min_size=10, max_size=40
)


@settings(max_examples=100, deadline=None)
@given(SERIES)
def test_the_slope_and_its_lower_end_are_those_of_scipy(series):
    steps = list(itertools.accumulate(rise for rise, _, _ in series))
    resident = [float(unit * times + 100_000 * at) for at, (_, unit, times) in enumerate(series)]
    other = theilslopes(resident, steps, alpha=0.95)
    assert theil_sen(steps, resident) == (float(other.slope), float(other.low_slope))
    grows = other.low_slope > 0 and other.slope * (steps[-1] - steps[0]) > leaks.NOISE_BYTES
    assert leaks.slope(steps, list(map(int, resident))) == (float(other.slope) if grows else None)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_the_median_is_that_of_numpy(values):
    assert median(values) == pytest.approx(float(np.median(values)))
