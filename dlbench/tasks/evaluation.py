"""Evaluation on held-out samples, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from dlbench.tasks.task import Predict

Places = npt.NDArray[np.int64]


def outputs_of(predict: Predict, inputs: Callable[[Places], Any], count: int, batch_size: int) -> npt.NDArray[Any]:
    """Outputs (count, ...) of the samples 0, 1, ...; the last batch is filled up and the filling not counted.

    `inputs` returns the samples at these places.
    """
    places = [np.arange(at, at + batch_size) % count for at in range(0, count, batch_size)]
    return np.concatenate([np.array(predict(inputs(chosen))) for chosen in places])[:count]


def accuracy(outputs: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """Share of the labels (n, ...) that have the largest logit of the outputs (n, ..., classes)."""
    return float(np.mean(outputs.argmax(axis=-1) == labels))


def normalised_error(outputs: npt.NDArray[Any], targets: npt.NDArray[Any]) -> float:
    """Mean squared error over the variance of the targets."""
    return float(((outputs - targets) ** 2).mean() / targets.var())
