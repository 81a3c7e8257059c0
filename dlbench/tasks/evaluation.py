"""Evaluation on held-out samples, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from dlbench.errors import Unsupported
from dlbench.plugin import Batch, Signature
from dlbench.tasks.task import Predict

Places = npt.NDArray[np.int64]
Score = Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[Any]]
"""Outputs and targets (n, ...) to a figure for each, whose mean is the quality."""


def outputs_of(predict: Predict, inputs: Callable[[Places], Any], count: int, batch_size: int) -> npt.NDArray[Any]:
    """Outputs (count, ...) of the samples 0, 1, ...; the last batch is filled up and the filling not counted.

    `inputs` returns the samples at these places.
    """
    places = [np.arange(at, at + batch_size) % count for at in range(0, count, batch_size)]
    return np.concatenate([np.array(predict(inputs(chosen))) for chosen in places])[:count]


def accuracy(outputs: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """Share of the labels (n, ...) that have the largest logit of the outputs (n, ..., classes)."""
    return float(np.mean(hits(outputs, labels)))


def normalised_error(outputs: npt.NDArray[Any], targets: npt.NDArray[Any]) -> float:
    """Mean squared error over the variance of the targets."""
    return float(((outputs - targets) ** 2).mean() / targets.var())


def mean_score(predict: Predict, batches: Iterable[Batch], count: int, score: Score) -> float:
    """The mean score of the first `count` samples; outputs of one batch at a time are kept."""
    total, left = 0.0, count
    for inputs, targets in batches:
        kept = min(left, len(targets))
        total += float(np.mean(score(np.asarray(predict(inputs))[:kept], targets[:kept]), dtype=np.float64)) * kept
        left -= kept
    return total / count


def hits(outputs: npt.NDArray[Any], labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """1 for each label (n, ...) that has the largest logit of the outputs (n, ..., classes), and 0."""
    return np.asarray(outputs.argmax(axis=-1) == labels)


def squared_errors(outputs: npt.NDArray[Any], targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The squared error of each value."""
    return np.asarray((outputs.astype(np.float64) - targets) ** 2)


def score_of(signature: Signature) -> Score:
    """The score of outputs by the kind of the targets. Raises Unsupported if their shapes tell of none."""
    targets, outputs = signature.targets, signature.outputs
    if targets.dtype.startswith(("int", "uint")) and outputs.shape[:-1] == targets.shape:
        return hits
    if targets.dtype == "float32" and outputs.shape == targets.shape:
        return squared_errors
    raise Unsupported(
        f"the quality of outputs {outputs.shape} for {targets.dtype} targets {targets.shape} with the loss "
        f"{signature.loss} is not known; train and predict need none"
    )
