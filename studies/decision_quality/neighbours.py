"""Other programs on the machine, as a shared one has them: each works in bursts, and rests in between."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dlbench.workers.child_environment import child_environment

ROOT = Path(__file__).parents[2]

SHORTEST, LONGEST = 0.05, 3.0
"""Seconds of a burst, and of a rest that is as long on average; every length counts alike on a logarithmic scale."""


@contextmanager
def neighbours(count: int, duty: float = 0.5) -> Iterator[None]:
    """Run `count` programs from here to the end of the block, which work for this share of the time."""
    command = [sys.executable, "-m", "studies.decision_quality.neighbours"]
    variables = child_environment(os.environ, threads=1)
    started = [subprocess.Popen([*command, str(seed), str(duty)], env=variables, cwd=ROOT) for seed in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def main() -> None:
    """Work and rest in turns while the parent lives: products of matrices, which take the caches too."""
    generator, duty, parent = random.Random(sys.argv[1]), float(sys.argv[2]), os.getppid()
    matrix = np.ones((256, 256), np.float32)
    while os.getppid() == parent:
        end = time.monotonic() + SHORTEST * (LONGEST / SHORTEST) ** generator.random()
        while time.monotonic() < end:
            matrix @ matrix
        time.sleep((1 - duty) / duty * SHORTEST * (LONGEST / SHORTEST) ** generator.random())


if __name__ == "__main__":
    main()
