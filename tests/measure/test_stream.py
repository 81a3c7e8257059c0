"""The bandwidth of a copy: bytes read and written over the seconds of the fastest."""

import itertools

import pytest

from dlbench.measure import stream, timing

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("threads", [1, 2])
def test_the_fastest_copy_counts_both_ways(threads):
    ends = itertools.chain.from_iterable((0.0, seconds) for seconds in (9.0, *[4.0] * 3, 2.0, *[4.0] * 4))
    clock = timing.Clock(wall=lambda: next(ends), cpu=lambda: 0.0, other=lambda: 0.0)
    assert stream.bandwidth(threads, 8000, clock) == 2 * 8000 / 2.0
