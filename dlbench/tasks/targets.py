"""Targets: the quality that counts as trained, and the budget after which it is read when it was not reached."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dlbench.errors import SpecError
from dlbench.plugin import Adam, Signature
from dlbench.record.schema import TaskInfo
from dlbench.spec.ranges import MOST


class Metric(NamedTuple):
    """A quality by name, which way is better, and its unit."""

    name: str
    higher_is_better: bool
    unit: str = ""


ACCURACY = Metric("accuracy", higher_is_better=True)
NORMALISED_ERROR = Metric("normalised mean squared error", higher_is_better=False)
"""Mean squared error over the variance of the targets."""
ERROR = Metric("mean squared error", higher_is_better=False)
_WORDS = {ACCURACY: "accuracy", ERROR: "mse"}
"""Metrics as `--target` says them."""


@dataclass(frozen=True)
class Target:
    """Goal of a task: a quality to reach, the learning rate that reached it, and the steps that training may take.

    `target` is in the unit of the task's metric. With `from_arrays` that is, for classes, the accuracy: above 0 and at
    most 1, more is better; and for numbers the mean squared error, in the unit of the targets squared: 0 or more, less
    is better. `learning_rate` is above 0. `budget_steps` is the most training steps, a multiple of `evaluate_every`,
    the steps between two evaluations. Nothing is checked when a Target is made.
    """

    target: float
    learning_rate: float
    budget_steps: int
    evaluate_every: int

    @property
    def optimizer(self) -> Adam:
        """Adam at the learning rate that reached the target."""
        return Adam(learning_rate=self.learning_rate)

    def info(self, name: str, data: str, sha256: str, metric: Metric) -> TaskInfo:
        """The record of a task of this name on this data, of this checksum, with this target."""
        return TaskInfo(
            name=name,
            data=data,
            sha256=sha256,
            metric=metric.name,
            unit=metric.unit,
            higher_is_better=metric.higher_is_better,
            target=self.target,
            budget_steps=self.budget_steps,
        )


def target_for(goals: Mapping[str, Target], size: str) -> Target:
    """The goal stated for this size.

    `large` takes the goal of `base`, untried at that size; a third party's own size takes the goal of `small`.
    """
    small = goals["small"]
    return goals.get(size, goals.get("base", small) if size == "large" else small)


def metric_of(signature: Signature) -> Metric:
    """Accuracy for integer targets, the mean squared error for others."""
    return ACCURACY if signature.targets.dtype.startswith(("int", "uint")) else ERROR


def stated_target(text: str, metric: Metric, default: Target) -> Target:
    """The target that `METRIC:VALUE[:STEPS]` states, as `accuracy:0.95:2000` does; the default if it is empty.

    The budget of steps is a multiple of the steps between two evaluations. Raises SpecError.
    """
    if not text:
        return default
    word, *parts = text.split(":")
    try:
        value, steps = float(parts[0]), int(parts[1]) if len(parts) > 1 else default.budget_steps
    except (ValueError, IndexError):
        value, steps = math.nan, 0
    if word != _WORDS[metric] or not math.isfinite(value) or not 1 <= steps <= MOST or len(parts) > 2:
        raise SpecError(
            f"--target {text!r} is not {_WORDS[metric]}:VALUE[:STEPS]; the quality here is the {metric.name}, "
            f"as in {_WORDS[metric]}:{default.target}:{default.budget_steps}"
        )
    if value < 0 or (metric.higher_is_better and not 0 < value <= 1):
        allowed = "above 0 and at most 1" if metric.higher_is_better else "0 or more"
        raise SpecError(f"--target {text!r} cannot be reached: the {metric.name} is {allowed}")
    every = min(default.evaluate_every, steps)
    return replace(default, target=value, budget_steps=-(-steps // every) * every, evaluate_every=every)


def random_stream(*keys: int) -> np.random.Generator:
    """A random stream of its own for these keys, such as seed and step; independent of every other stream.

    Raises ValueError for a negative key, and TypeError for one that is no whole number, such as 1.0 or "1".
    """
    keys = tuple(map(operator.index, keys))  # NumPy reads text of digits as a number
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(keys)))
