"""Models of the plugin's own whose training computes something else than `predict`, as dropout and batch norms do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from dlbench import architectures
from dlbench.conformance.model import Broken, Model, ModelsUnderTest, NotLookedAt
from dlbench.measure import arrays
from dlbench.parity import check
from dlbench.plugin import Adam, Batch

STILL = Adam(learning_rate=1e-20)
"""An optimizer whose steps are below the last bit of any parameter."""
REPEATED = 9
"""Steps on a batch; random losses fall or rise all the way once in 20,000 times."""


@contextlib.contextmanager
def same_function(session: ModelsUnderTest) -> Iterator[None]:
    """Turn Broken into NotLookedAt for a model of the plugin's own that is another function in training.

    Dropout of an architecture that the core describes is switched off; nobody can do so for another.
    """
    try:
        yield
    except Broken:
        if not architectures.describes(session.spec):
            _check(session)
        raise


def _check(session: ModelsUnderTest) -> None:
    """Raise NotLookedAt if a loss is random, or is no mean over samples, while nothing is learnt.

    Losses that only fall or only rise are not random: an optimizer goes on. The loss of a batch
    that is no mean over samples is not the mean of the losses of its halves.
    """
    still = Model.build(session.spec, optimizer=STILL)
    whole = still.task.batch(session.spec.seed, 0)
    losses = _losses(still, whole)
    near = check.TOLERANCES["losses"] * (1.0 + abs(losses[-1]))
    steps = np.diff(losses)
    if np.ptp(losses) > near:
        if steps.min() < 0 < steps.max():
            raise NotLookedAt("the loss of a batch is random, as with dropout: training and prediction differ")
        return
    middle = len(arrays.parts(whole.inputs)[0]) // 2
    halves = [_losses(still, _twice(whole, part))[-1] for part in (slice(middle), slice(middle, 2 * middle))]
    if abs(_losses(still, whole)[0] - losses[-1]) > near:
        return  # a change by earlier batches says nothing of this one
    if 2 * middle == len(arrays.parts(whole.inputs)[0]) and abs(losses[-1] - np.mean(halves)) > near:
        raise NotLookedAt(
            "the loss of a sample depends on the rest of its batch, as with batch normalisation: training "
            "and prediction differ"
        )


def _losses(model: Model, batch: Batch) -> Any:
    """Losses of one batch again and again; the first may belong to a batch before."""
    return np.array([model.train(model.stage(batch)).sum() for _ in range(REPEATED)])[1:]


def _twice(batch: Batch, part: slice) -> Batch:
    """The samples of a part of a batch, each twice."""
    return Batch(*(arrays.each(lambda array: np.concatenate([array[part], array[part]]), side) for side in batch))
