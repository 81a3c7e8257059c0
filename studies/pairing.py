"""Programs that take turns in one process: paired ratios of their step times, ABBA."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

Loop = Callable[[int], float]
"""Runs a number of steps and returns the seconds that they took."""


FEWEST = 6
"""Fewest rounds whose least and greatest enclose the median in 95 of 100 cases: 1 - 2 / 2**6 = 0.97."""


class Ratio(NamedTuple):
    """The median of paired ratios and its 95 % interval from order statistics (binomial); from FEWEST rounds on."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> Ratio:
        """Figures of one ratio a round."""
        found, rounds = sorted(ratios), len(ratios)
        low, high = (int(stats.binom.ppf(share, rounds, 0.5)) for share in (0.025, 0.975))
        return cls(statistics.median(found), found[max(low - 1, 0)], found[min(high, rounds - 1)])


def loop_over(step: Callable[[], Any]) -> Loop:
    """Steps one after the other; reading the last loss waits for all of them."""

    def loop(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            loss = step()
        np.asarray(loss)
        return time.perf_counter() - start

    return loop


def steps_for(loop: Loop, seconds: float, warm_up: int = 20) -> int:
    """Number of steps of a warm loop that last this long."""
    loop(warm_up)
    return max(1, round(seconds / (loop(warm_up) / warm_up)))


def take_turns(loops: Sequence[Loop], steps: int, rounds: int) -> list[list[float]]:
    """Seconds of `steps` steps, of every loop in every round; each round has the reverse order of the one before.

    One untimed step before each sample warms the caches that the others have used.
    """
    found = []
    for number in range(rounds):
        seconds = [0.0] * len(loops)
        for place in range(len(loops)) if number % 2 else reversed(range(len(loops))):
            loops[place](1)
            seconds[place] = loops[place](steps)
        found.append(seconds)
    return found
