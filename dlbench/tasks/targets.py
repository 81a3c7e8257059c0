"""Targets: the quality that counts as trained, and the budget after which it is read when it was not reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Target:
    """Target in the task's metric, learning rate that reached it, steps to train in any case, steps between looks."""

    target: float
    learning_rate: float
    budget_steps: int
    evaluate_every: int


def target_for(goals: Mapping[str, Target], size: str) -> Target:
    """The goal stated for this size.

    `large` has that of `base`, which nobody has tried at that size; a size of a third party's own has that of `small`.
    """
    small = goals["small"]
    return goals.get(size, goals.get("base", small) if size == "large" else small)


def random_stream(*keys: int) -> np.random.Generator:
    """A random stream of its own for these keys, such as seed and step; independent of every other stream."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(keys)))
