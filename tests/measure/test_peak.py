"""The rate of a large matrix product: its operations, and the size that is large enough."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dlbench.measure import peak, timing

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
    monkeypatch.setattr(peak, "ENOUGH", 1.0)
    assert np.isclose(peak.matmul_flop_rate(multiplier, "fake.linear"), 1e9)
    assert multiplier.orders == [256, 512, 1024]
