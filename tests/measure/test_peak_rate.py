"""The rate of a large matrix product: its operations, and the size that is large enough."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dlbench.errors import ContractViolation
from dlbench.measure import peak_rate, timing

pytestmark = pytest.mark.untimed


class Multiplier:
    """Takes a second for 10^9 FLOPs, by a clock of its own, and one product in three much longer."""

    def __init__(self):
        self.now, self.orders, self._calls = 0.0, [], itertools.count()

    def multiply(self, order):
        self.orders.append(order)

        def product():
            self.now += 2.0 * order**3 / 1e9 * (3 if next(self._calls) % 3 == 0 else 1)
            return np.zeros((1, 1))

        return product


def test_the_fastest_product_of_a_large_enough_order_counts(monkeypatch):
    multiplier = Multiplier()
    clock = timing.Clock(lambda: multiplier.now, lambda: 0.0)
    monkeypatch.setattr(timing, "Clock", lambda: clock)
    monkeypatch.setattr(peak_rate, "ENOUGH", 1.0)
    assert np.isclose(peak_rate.matmul_flop_rate(multiplier, "fake.linear"), 1e9)
    assert multiplier.orders == [256, 512, 1024]


def answer(monkeypatch, peaks, rate, steps=()):
    """The peak that a Run is told, of products and steps that take turns."""
    peaks, steps = iter(peaks), iter(steps)
    monkeypatch.setattr(peak_rate, "matmul_flop_rate", lambda *_: next(peaks))
    return peak_rate.rate_above_steps(None, "acme.fast", rate, lambda: next(steps))


def test_steps_below_the_peak_are_not_taken_again(monkeypatch):
    assert answer(monkeypatch, [1e9], 9e8) == 1e9


def test_steps_faster_than_every_product_beside_them_are_an_error(monkeypatch):
    with pytest.raises(
        ContractViolation, match=r"acme.fast: its steps make 1.3e\+09 FLOPs a second, 130% of the 1e\+09"
    ):
        answer(monkeypatch, [1e9] * 9, 1.3e9, [1.3e9] * 8)


def test_a_peak_that_others_held_down_is_measured_again(monkeypatch):
    assert answer(monkeypatch, [1e8, 1e9], 5e8, [4e8]) == 1e9


def test_one_step_beside_a_product_that_is_not_faster_is_enough_and_a_share_above_one_is_no_figure(monkeypatch):
    assert answer(monkeypatch, [1e9] * 9, 1.3e9, [1.3e9] * 7 + [5e8]) is None


def test_within_the_margin_nobody_is_accused_and_no_share_above_one_is_told(monkeypatch):
    assert answer(monkeypatch, [1e9] * 9, 1.05e9, [1.2e9] * 8) is None
