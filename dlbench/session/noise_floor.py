"""The noise floor of this machine: two equal NumPy programs in lockstep, in several groups of fresh processes.

A difference must exceed the scatter of the ratio of equal programs. The minimum detectable change follows from it as
for every comparison (`verdicts.smallest_change`). Run as a module it is one of the programs.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import IO

from dlbench.record.schema import Record
from dlbench.session.lockstep import turn_orders
from dlbench.stats import decisions
from dlbench.stats.decisions import Paired
from dlbench.workers.child_environment import child_environment
from dlbench.workers.process import limit_cores

GROUPS = 5
"""Default number of groups of a session, so that the smallest change is that of such a session."""
SECONDS = 3.0
SAMPLE_SECONDS = 0.005
WARM_STEPS = 20
ORDER = 128
"""Order of the square matrices that the program multiplies: they stay in a core's own cache."""

Program = Callable[[int], float]
"""Takes a number of steps and returns the seconds that they took."""


class Noise(Record, frozen=True):
    """Log ratios of two equal programs, one a group, and the minimum detectable slowdown of that many groups."""

    log_ratios: tuple[float, ...]
    smallest_change: float | None


def probe(seconds: float = SECONDS) -> Noise:
    """Start pairs of processes and measure them for about so long in all."""
    end = time.monotonic() + seconds
    found = []
    for group in range(GROUPS):
        with ExitStack() as stack:
            pair = [stack.enter_context(_Process()) for _ in range(2)]
            now = time.monotonic()
            found.append(log_ratio(pair, group, now + max(0.0, (end - now) / (GROUPS - group))))
    return judged(found)


def judged(log_ratios: Sequence[float]) -> Noise:
    """Noise to expect from these log ratios."""
    return Noise(log_ratios=tuple(log_ratios), smallest_change=decisions.minimum_detectable_change(Paired(log_ratios)))


def log_ratio(pair: Sequence[Program], seed: int, until: float) -> float:
    """The median over rounds of log(second / first), sample by sample in a balanced order, at least one round."""
    took = [[program(WARM_STEPS) for program in pair] for _ in range(2)][-1]
    steps = max(1, math.ceil(WARM_STEPS * SAMPLE_SECONDS / max(*took, 1e-9)))
    rounds: list[float] = []
    for order in turn_orders(2, seed):
        of = {place: pair[place](steps) for place in order}
        rounds.append(math.log(of[1] / of[0]))
        if time.monotonic() >= until:
            return statistics.median(rounds)
    raise AssertionError("orders do not end")


class _Process:
    """A program in a process of its own, which ends with its input."""

    def __enter__(self) -> Program:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "dlbench.session.noise_floor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(os.environ, 1),
            text=True,
        )
        limit_cores(self._popen.pid, 1)
        return self._take

    def __exit__(self, *_: object) -> None:
        self._popen.kill()
        self._popen.communicate()

    def _take(self, steps: int) -> float:
        orders, replies = self._popen.stdin, self._popen.stdout
        assert orders is not None
        assert replies is not None
        orders.write(f"{steps}\n")
        orders.flush()
        return float(replies.readline())


def _serve(orders: IO[str], replies: IO[str]) -> None:
    import numpy as np

    matrix = np.random.default_rng(0).normal(size=(ORDER, ORDER)).astype(np.float32) / ORDER
    for line in orders:
        begin = time.perf_counter()
        for _ in range(int(line)):
            matrix @ matrix
        replies.write(f"{time.perf_counter() - begin!r}\n")
        replies.flush()


if __name__ == "__main__":
    _serve(sys.stdin, sys.stdout)
