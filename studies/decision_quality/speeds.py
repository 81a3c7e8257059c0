"""Speeds of a processor while nothing that the machine can see disturbs it.

    python -m studies.decision_quality.speeds [--seconds 20] [--threads 1]

A product of two small matrices, which fit into the first cache, is timed in pieces of about two milliseconds. Beside
each piece stand the time in which its thread waited for a core, by the kernel, and its CPU time. A piece that is much
longer than the fastest, waited for nothing and had its core throughout was computed by a slower processor: one whose
execution units somebody outside of this machine shares, or whose clock fell. No program here can see who. With
several threads each has a processor and a process of its own, and the page says how often they are slow at the same
time.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from dlbench.system.environment import describe
from studies.decision_quality.markdown import percent, table

SIDE, PRODUCTS = 64, 250
"""Matrices of 16 KiB each, and products of a piece."""
SLOW = 1.3
"""Ratio to the fastest piece from which one is slow."""
KNOWN = 0.02
"""Share of a piece that may be waited, or not worked, by a thread that had its core."""


class Piece(NamedTuple):
    """Seconds of a piece by the clock, of its thread's CPU, and in which the thread waited for a core; its start."""

    start: float
    seconds: float
    cpu: float
    waited: float


def pieces(processor: int, seconds: float, products: int = PRODUCTS) -> list[Piece]:
    """Time pieces on this processor for so long; each has a process, as threads of one Python wait for each other."""
    os.sched_setaffinity(0, {processor})  # this thread alone
    left, found = np.ones((SIDE, SIDE), np.float32), list[Piece]()
    product, end = np.empty_like(left), time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        cpu, waited = time.thread_time(), _waited()
        for _ in range(products):
            np.matmul(left, left, out=product)
        taken = time.perf_counter() - begin
        found.append(Piece(begin, taken, time.thread_time() - cpu, _waited() - waited))
    return found


def undisturbed(found: Sequence[Piece]) -> list[Piece]:
    """Pieces whose thread waited for nobody and worked all of the time."""
    return [one for one in found if one.waited <= KNOWN * one.seconds and one.cpu >= (1 - KNOWN) * one.seconds]


def row(name: str, found: Sequence[Piece]) -> list[str]:
    """Quantiles of the undisturbed pieces over the fastest, and the share of slow ones among them."""
    own = sorted(one.seconds for one in undisturbed(found))
    if not own:
        return [name, str(len(found)), "0", *[""] * 5]
    ratios = [value / own[0] for value in own]
    marks = [f"{float(np.quantile(ratios, at)):.2f}" for at in (0.1, 0.5, 0.9, 0.99)]
    slow = sum(ratio >= SLOW for ratio in ratios) / len(ratios)
    return [name, str(len(found)), str(len(own)), *marks, percent(slow)]


def together(sides: Sequence[Sequence[Piece]]) -> float:
    """Correlation of being slow, of the first two processors, in windows of 10 ms; NaN where one never is."""
    first = min(side[0].start for side in sides)
    slow = [_slow_windows(side, first) for side in sides[:2]]
    shared = sorted(slow[0].keys() & slow[1].keys())
    columns = [[of[at] for at in shared] for of in slow]
    return statistics.correlation(*columns) if all(len(set(column)) > 1 for column in columns) else float("nan")


def _slow_windows(side: Sequence[Piece], first: float) -> dict[int, float]:
    own = undisturbed(side)
    fastest, found = min(one.seconds for one in own), dict[int, list[float]]()
    for one in own:
        found.setdefault(int((one.start - first) / 0.01), []).append(float(one.seconds >= SLOW * fastest))
    return {at: statistics.fmean(values) for at, values in found.items()}


def _waited() -> float:
    """Seconds in which this thread was ready and had no core (Linux, Documentation/scheduler/sched-stats)."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) * 1e-9


def _stolen() -> float:
    """Seconds that the hypervisor says it took from all processors."""
    return int(Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


@click.command()
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(0.1))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 64))
def main(seconds: float, threads: int) -> None:
    """Print how fast a processor is, piece by piece."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    usable = sorted(os.sched_getaffinity(0))[:threads]
    stolen = _stolen()
    with ProcessPoolExecutor(len(usable), get_context("spawn")) as pool:
        sides = list(pool.map(pieces, usable, [seconds] * len(usable)))
    at = describe()
    click.echo(f"{at.processor}, {at.cores} cores, {at.system}; the hypervisor took {_stolen() - stolen:.2f} s.")
    click.echo("Pieces that waited for nothing and had their core, as ratios to the fastest of them:\n")
    head = ["Processor", "Pieces", "undisturbed", "10 %", "median", "90 %", "99 %", f"from {SLOW:g} on"]
    click.echo(table(head, [row(str(one), side) for one, side in zip(usable, sides, strict=True)]))
    if len(usable) > 1:
        click.echo(f"\nSlow at the same time: correlation {together(sides):.2f}.")


if __name__ == "__main__":
    main()
