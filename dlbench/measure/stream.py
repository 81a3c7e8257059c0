"""The bandwidth of memory: a copy of a large array by the threads of a Spec, in NumPy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from dlbench.measure import timing

BYTES, COPIES = 1 << 27, 8
"""Bytes of each of the two arrays, more than a cache holds, and copies, of which the fastest counts."""


def bandwidth(threads: int, size: int = BYTES, clock: timing.Clock | None = None) -> float:
    """Bytes a second that are read and written by as many threads, counted as STREAM does (McCalpin, 1995).

    Reading the lines that a write replaces is not counted.
    """
    source, target = np.ones(size // 8), np.zeros(size // 8)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        copy = partial(_copied, pool, parts)
        sampler = timing.Sampler(copy, lambda _: None, clock=clock)
        sampler.take(1)  # maps the pages
        fastest = min(sampler.take(1).seconds for _ in range(COPIES))
    return 2.0 * source.nbytes / fastest


def _copied(pool: ThreadPoolExecutor, parts: list[tuple[np.ndarray, np.ndarray]]) -> None:
    if len(parts) == 1:
        np.copyto(parts[0][1], parts[0][0])
    else:
        list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), parts))  # NumPy lets go of the GIL
