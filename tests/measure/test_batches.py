"""Batches of timed steps: new ones while the ring lasts, staged outside the clock, and no more of them alive."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dlbench.measure.batches import FreshBatches, RenewedBatches
from dlbench.plugin import Batch

pytestmark = pytest.mark.untimed

SIZE = 4


class Counting:
    """Batches that are their own number."""

    def __init__(self):
        self.numbers = itertools.count()
        self.feed = RenewedBatches([self.fresh() for _ in range(SIZE)], self.fresh)

    def fresh(self):
        return next(self.numbers)

    def sample(self, calls):
        self.feed.ready(calls)
        return [next(self.feed.batches) for _ in range(calls)]


@pytest.mark.parametrize("samples", [[1, 1, 3, 4, 2, 1, 4], [4, 4, 4], [3, 3, 3, 3], [1] * 11])
def test_a_sample_no_longer_than_the_ring_sees_new_batches_alone(samples):
    counting = Counting()
    seen = [number for calls in samples for number in counting.sample(calls)]
    assert len(set(seen)) == len(seen)
    assert next(counting.numbers) <= len(seen) + SIZE


@pytest.mark.parametrize("calls", [5, 9, 11, 8])
def test_a_longer_sample_begins_with_a_new_ring_and_goes_round_it(calls):
    counting = Counting()
    counting.sample(3)
    before = set(counting.sample(calls))
    seen = counting.sample(calls)
    assert not before & set(seen)
    assert seen == [seen[call % SIZE] for call in range(calls)]
    assert counting.feed.last == seen[-1]
    assert counting.feed.longest == calls


def test_what_was_staged_and_not_used_yet_is_kept():
    counting = Counting()
    assert counting.sample(2) + counting.sample(2) == [0, 1, 2, 3]


def drawn(call):
    inputs = 10.0 * call + np.arange(6, dtype=np.float32).reshape(3, 2)
    return Batch((inputs, inputs[:, 0]), inputs.sum(axis=1))


def test_fresh_batches_are_all_different_and_one_is_drawn_for_as_many_as_it_has_samples():
    calls = []
    fresh = FreshBatches(lambda call: calls.append(call) or drawn(call), 5, axis=0)
    found = [fresh.draw() for _ in range(9)]
    assert len({batch.targets.tobytes() for batch in found}) == 9
    assert calls == [5, 6, 7]
    for batch in found:
        np.testing.assert_array_equal(batch.inputs[0].sum(axis=1), batch.targets)
        np.testing.assert_array_equal(batch.inputs[0][:, 0], batch.inputs[1])


def test_a_batch_of_one_sample_is_drawn_each_time():
    calls = []
    one = Batch(np.zeros((1, 2)), np.zeros(1))
    fresh = FreshBatches(lambda call: calls.append(call) or one, 0, axis=0)
    assert [fresh.draw() is None for _ in range(3)] == [False] * 3
    assert calls == [0, 1, 2]


def test_fresh_batches_are_arrays_of_their_own():
    """A plugin may write into what it is handed: that is found, and spoils no other batch."""
    source = drawn(0)
    first = FreshBatches(lambda _: source, 0, axis=0).draw()
    assert not np.shares_memory(first.targets, source.targets)


def test_of_several_steps_a_call_the_samples_lie_along_the_second_axis():
    several = Batch(np.arange(24).reshape(2, 3, 4), np.arange(6).reshape(2, 3))
    fresh = FreshBatches(lambda _: several, 0, axis=1)
    turned = [fresh.draw() for _ in range(2)][1]
    np.testing.assert_array_equal(turned.targets, [[2, 0, 1], [5, 3, 4]])
