"""Objectives: losses of a module, and the parameters that each of them trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin_kit import load_reference
from dlbench_torch.gan import DISCRIMINATOR, GENERATOR
from dlbench_torch.network import Inputs

Forward = Callable[..., Any]
"""The network with the parameters in question."""


class Objective(NamedTuple):
    """`losses(forward, inputs, targets)` gives one loss for each of `owners`: a prefix of parameter names."""

    losses: Callable[[Forward, Inputs, Tensor], tuple[Tensor, ...]]
    owners: tuple[str, ...] = ("",)


def find(loss: str) -> Objective:
    """The objective of a Signature's word. Raises UnknownName, and SpecError for a function that cannot be loaded."""
    if loss in OBJECTIVES:
        return OBJECTIVES[loss]
    if ":" not in loss:
        raise UnknownName("loss", loss, OBJECTIVES, "or give file.py:function, called with outputs and targets")
    return Objective(_own(loss, load_reference(loss)))


def together(losses: tuple[Tensor, ...]) -> Tensor:
    """Result of a training step: the loss, or all of them in one tensor."""
    return losses[0] if len(losses) == 1 else torch.stack(losses)


def _own(name: str, function: Callable[[Any, Tensor], Any]) -> Callable[[Forward, Inputs, Tensor], tuple[Tensor, ...]]:
    def losses(forward: Forward, inputs: Inputs, targets: Tensor) -> tuple[Tensor, ...]:
        found = function(forward(*inputs), targets)
        if not isinstance(found, Tensor) or found.dim():
            got = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            raise SpecError(f"loss {name} returned {got}; it must return one number, such as the mean over the batch")
        return (found,)

    return losses


def _cross_entropy(forward: Forward, inputs: Inputs, targets: Tensor) -> tuple[Tensor, ...]:
    """Mean over all labels of the negative log-likelihood in nats; logits (..., classes), labels (...).

    Logits (batch, classes, ...) for labels (batch, ...) are taken as PyTorch's own loss takes them.
    """
    logits = forward(*inputs)
    if logits.shape[:-1] != targets.shape and logits.dim() == targets.dim() + 1:
        logits = logits.movedim(1, -1)
    return (F.cross_entropy(logits.flatten(0, -2), targets.flatten().long()),)


def _mse(forward: Forward, inputs: Inputs, targets: Tensor) -> tuple[Tensor, ...]:
    """Mean squared error over all values. PyTorch would stretch shapes that differ, and give another number."""
    outputs = forward(*inputs)
    if outputs.shape != targets.shape:
        found = f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}"
        raise SpecError(f"loss mse: {found} differ in shape; return outputs, or save targets, of the other's shape")
    return (F.mse_loss(outputs, targets),)


def _policy_gradient(forward: Forward, inputs: Inputs, targets: Tensor) -> tuple[Tensor, ...]:
    """Mean of advantage times negative log-likelihood of the action; targets (batch, 2) hold action and advantage."""
    actions, advantages = targets.unbind(-1)
    surprise = F.cross_entropy(forward(*inputs), actions.long(), reduction="none")
    return ((surprise * advantages).mean(),)


def _adversarial(forward: Forward, inputs: Inputs, targets: Tensor) -> tuple[Tensor, ...]:
    """Generator and discriminator loss, as `dlbench.architectures.gan` states them."""
    fake, real = forward(*inputs, targets)
    generator = F.softplus(-fake).mean()
    discriminator = F.softplus(-real).mean() + F.softplus(fake).mean()
    return generator, discriminator


OBJECTIVES = {
    "cross_entropy": Objective(_cross_entropy),
    "mse": Objective(_mse),
    "policy_gradient": Objective(_policy_gradient),
    "adversarial": Objective(_adversarial, (GENERATOR, DISCRIMINATOR)),
}
