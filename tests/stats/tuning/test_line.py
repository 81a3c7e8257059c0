"""The line of peak memory: the largest batch of programs whose memory is known, and no run beyond the limit."""

from __future__ import annotations

import random

import pytest

from dlbench.stats.tuning.line import LEAST, NoLine, largest

pytestmark = pytest.mark.untimed

MIB, GIB = 2.0**20, 2.0**30


class Program:
    """Peaks of a program by its batch; running out of memory fails the test."""

    def __init__(self, base: float, each: float, limit: float, spread: float = 1e-3, least: float = 0.0) -> None:
        self.base, self.each, self.limit, self.spread, self.least = base, each, limit, spread, least
        self.batches: list[int] = []

    def true(self, batch: int) -> float:
        return self.base + max(self.each * batch, self.least)

    def __call__(self, batch: int) -> float:
        self.batches.append(batch)
        peak = self.true(batch) * (1 + random.Random(batch).uniform(-1, 1) * self.spread)
        assert peak <= 1.02 * self.limit, "it ran out of memory"
        return peak


@pytest.mark.parametrize("limit", [1.5 * GIB, 20 * GIB, 140 * GIB])
@pytest.mark.parametrize("each", [0.01 * MIB, 1 * MIB, 20 * MIB])
@pytest.mark.parametrize("first", [1, 32])
def test_the_batch_is_within_three_percent_of_the_true_one(limit: float, each: float, first: int) -> None:
    program = Program(300 * MIB, each, limit)
    found = largest(first, limit, program)
    true = (limit - program.base) / each
    assert 0.97 * true <= found.batch_size <= 1.03 * true
    assert len(found.measured) >= LEAST + 1
    assert found.measured[-1][0] == program.batches[-1]


def test_buffers_that_hide_small_batches_are_no_part_of_the_line() -> None:
    program = Program(300 * MIB, 1 * MIB, 8 * GIB, least=64 * MIB)
    true = (8 * GIB - 300 * MIB) / MIB
    assert 0.97 * true <= largest(2, 8 * GIB, program).batch_size <= 1.03 * true


def test_memory_that_grows_faster_than_its_line_is_seen_before_it_is_used_up() -> None:
    """Half of the batch that small ones promise takes more than they say: the line is drawn again through it."""

    class Steeper(Program):
        def true(self, batch: int) -> float:
            return super().true(batch) + max(0, batch - 1000) * 0.5 * self.each

    program = Steeper(300 * MIB, 1 * MIB, 8 * GIB)
    found = largest(16, 8 * GIB, program)
    assert program.true(found.batch_size) <= 1.01 * 8 * GIB
    assert program.true(found.batch_size) >= 0.97 * 8 * GIB


def test_no_line_is_said() -> None:
    with pytest.raises(NoLine, match="a batch of 64 takes more than the limit already"):
        largest(64, GIB, lambda batch: 300 * MIB + batch * 20 * MIB)
    with pytest.raises(NoLine, match="no larger one to compare with"):
        largest(32, GIB, lambda _: 300 * MIB)
