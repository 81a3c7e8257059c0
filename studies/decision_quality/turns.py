"""Spread of the ratio of two equal programs, by the length of their turns.

    python -m studies.decision_quality.turns [--seconds 20] [--wall 3]

A product is timed in pieces of about half a millisecond, one after the other, on one processor. Two programs in
lockstep are replayed on that record of its speed: a turn is a number of pieces in a row, and between turns some time
passes that nobody counts. Both compute the same, so their ratio differs from 1 by the speed alone. A group lasts
the same time whatever its turns: shorter ones give it more rounds, and less time in which the speed may change between
the two sides of a round. Groups overlap by three quarters; waits for a core are part of a turn here.
"""

from __future__ import annotations

import itertools
import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import click
import numpy as np

from dlbench.session.lockstep import turn_orders
from dlbench.system.environment import describe
from studies.decision_quality.markdown import table
from studies.decision_quality.speeds import pieces

PRODUCTS = 60
TURNS, BETWEEN = (0.02, 0.01, 0.005, 0.002), (0.025, 0.01, 0.003)
"""Seconds of a turn at the fastest speed, and from the end of one to the start of the next.

These were 25 ms, and are 10 (`dlbench.analysis.effort.HANDOVER`).
"""


def ratios(ends: np.ndarray, turn: float, between: float, wall: float) -> list[float]:
    """The log ratio of each group of `wall` seconds that fits; `ends` are the times at which pieces ended."""
    length = max(1, round(turn / float(np.diff(ends).min())))
    starts = np.arange(float(ends[0]), float(ends[-1]) - 1.5 * wall, wall / 4)
    return [_group(ends, length, between, (start, start + wall), seed) for seed, start in enumerate(map(float, starts))]


def _group(ends: np.ndarray, length: int, between: float, span: tuple[float, float], seed: int) -> float:
    """The median over rounds, as the product takes it (`dlbench.analysis.evidence`)."""
    now, found = span[0], list[float]()
    for order in turn_orders(2, seed):
        taken = [0.0, 0.0]
        for arm in order:
            at = int(np.searchsorted(ends, now))
            if at + length >= len(ends) or now > span[1]:
                return statistics.median(found)
            taken[arm] = float(ends[at + length] - ends[at])
            now = float(ends[at + length]) + between
        found.append(float(np.log(taken[1] / taken[0])))
    raise AssertionError("orders are endless")


def rows(ends: np.ndarray, wall: float) -> list[list[str]]:
    """The spread of a group's ratio for each length of a turn and of what is between turns."""
    found = [
        (turn, between, np.std(ratios(ends, turn, between, wall)))
        for turn, between in itertools.product(TURNS, BETWEEN)
    ]
    return [[f"{1e3 * turn:g}", f"{1e3 * between:g}", f"{spread:.2%}"] for turn, between, spread in found]


@click.command()
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(5))
@click.option("--wall", default=3.0, show_default=True, type=click.FloatRange(0.5), help="Seconds of a group's rounds.")
def main(seconds: float, wall: float) -> None:
    """Print the spread of a group's ratio by the length of turns."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    processor = max(os.sched_getaffinity(0))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        found = pool.submit(pieces, processor, seconds, PRODUCTS).result()
    ends = np.array([one.start + one.seconds for one in found])
    at = describe()
    click.echo(f"{at.processor}, {at.cores} cores, {at.system}: groups of {wall:g} s of two equal programs.\n")
    click.echo(table(["Turn, ms", "between turns, ms", "spread of a group's ratio"], rows(ends, wall)))


if __name__ == "__main__":
    main()
