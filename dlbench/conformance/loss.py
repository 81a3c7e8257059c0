"""The clause on the loss: `train_step` returns the task's loss of the outputs of `predict` before the step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dlbench.architectures.gan import GAN
from dlbench.conformance.model import ROUGHER, Model, ModelsUnderTest, NotLookedAt, require
from dlbench.conformance.training import same_function
from dlbench.parity import check


class Stated(NamedTuple):
    """The stated loss or losses of a task, float64, and the mean size of their terms."""

    loss: Any
    scale: Any


def the_loss_is_the_stated_one(session: ModelsUnderTest) -> None:
    """The loss of each of the first steps, without dropout, is computed again in NumPy from the outputs before it.

    The tolerance is 1e-5 of the terms that the loss averages, or of 1 if those are smaller: outputs may differ by 5e-6
    and a logit moves the loss by at most twice as much.
    """
    with same_function(session):
        for step in range(len(session.exact.observed["losses"])):
            _compare(session.exact, step)


def _compare(model: Model, step: int) -> None:
    """Raise Broken if the loss of a step is not the stated one."""
    found, wanted = model.observed["losses"][step], _stated(model, step)
    if wanted is None:
        return  # of a later step the discriminator's parameters are not known
    off = np.abs(found - wanted.loss) / (1.0 + wanted.scale)
    require(
        off.shape == wanted.loss.shape and off.max() <= _allowed(model),
        f"step {step + 1} returned the loss {_shown(found)}; the {model.task.signature.loss} of the outputs before "
        f"the step is {_shown(wanted.loss)}; return the mean loss of the batch, before the update",
    )


def _allowed(model: Model) -> float:
    return check.TOLERANCES["losses"] * (1 if model.info.device == "cpu" else ROUGHER)


def _shown(loss: Any) -> str:
    return ", ".join(f"{value:.6g}" for value in np.ravel(loss))


def _stated(model: Model, step: int) -> Stated | None:
    """The stated loss of a step; None if its arguments are not known."""
    outputs = model.observed["predictions"][step][0].astype(np.float64)
    targets = model.task.batch(model.request.spec.seed, step).targets
    match model.task.signature.loss:
        case "mse":
            return _mean(np.square(outputs - targets))
        case "cross_entropy":
            return _mean(_surprise(outputs, targets))
        case "policy_gradient":
            return _mean(_surprise(outputs, targets[:, 0]) * targets[:, 1])
        case "adversarial":
            return _adversarial(model, step, outputs, targets)
        case other:
            raise NotLookedAt(f"no clause knows the loss {other}")


def _mean(terms: Any) -> Stated:
    return Stated(np.mean(terms), np.mean(np.abs(terms)))


def _surprise(logits: Any, labels: Any) -> Any:
    """Negative log-likelihood (...) of labels (...) under logits (..., classes)."""
    apart = logits - logits.max(axis=-1, keepdims=True)
    picked = np.take_along_axis(apart, labels.astype(np.int64)[..., None], axis=-1)[..., 0]
    return np.log(np.exp(apart).sum(axis=-1)) - picked


def _adversarial(model: Model, step: int, images: Any, real: Any) -> Stated | None:
    """Both losses, as `dlbench.architectures.gan` states them."""
    judge = model.request.configuration
    if not isinstance(judge, GAN):
        raise NotLookedAt("the adversarial loss takes a discriminator, and dlbench describes only the gan's")
    before = model.request.parameters if step == 0 else model.observed["course"][step - 1]
    if not before:
        return None
    fake, true = (judge.judge(before, part) for part in (images, real))
    losses = np.stack([_softplus(-fake).mean(), _softplus(-true).mean() + _softplus(fake).mean()])
    return Stated(losses, losses)


def _softplus(logits: Any) -> Any:
    return np.logaddexp(0.0, logits)
