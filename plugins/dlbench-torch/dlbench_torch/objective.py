"""Objectives: losses of a module, and the parameters that each of them trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench_torch.gan import DISCRIMINATOR, GENERATOR

Forward = Callable[..., Any]
"""The module with the parameters in question."""


class Objective(NamedTuple):
    """`losses(forward, inputs, targets, training)` gives one loss for each of `owners`: a prefix of parameter names."""

    losses: Callable[[Forward, Tensor, Tensor, bool], tuple[Tensor, ...]]
    owners: tuple[str, ...] = ("",)


def together(losses: tuple[Tensor, ...]) -> Tensor:
    """What a training step returns: the loss, or all of them in one tensor."""
    return losses[0] if len(losses) == 1 else torch.stack(losses)


def _cross_entropy(forward: Forward, inputs: Tensor, targets: Tensor, training: bool) -> tuple[Tensor, ...]:
    """Mean over all labels of the negative log-likelihood in nats; logits (..., classes), labels (...)."""
    logits = forward(inputs, training)
    return (F.cross_entropy(logits.flatten(0, -2), targets.flatten().long()),)


def _mse(forward: Forward, inputs: Tensor, targets: Tensor, training: bool) -> tuple[Tensor, ...]:
    return (F.mse_loss(forward(inputs, training), targets),)


def _policy_gradient(forward: Forward, inputs: Tensor, targets: Tensor, training: bool) -> tuple[Tensor, ...]:
    """Mean of advantage times negative log-likelihood of the action; targets (batch, 2) hold action and advantage."""
    actions, advantages = targets.unbind(-1)
    surprise = F.cross_entropy(forward(inputs, training), actions.long(), reduction="none")
    return ((surprise * advantages).mean(),)


def _adversarial(forward: Forward, inputs: Tensor, targets: Tensor, training: bool) -> tuple[Tensor, ...]:
    """Generator and discriminator loss, as `dlbench.architectures.gan` states them."""
    fake, real = forward(inputs, training, targets)
    generator = F.softplus(-fake).mean()
    discriminator = F.softplus(-real).mean() + F.softplus(fake).mean()
    return generator, discriminator


OBJECTIVES = {
    "cross_entropy": Objective(_cross_entropy),
    "mse": Objective(_mse),
    "policy_gradient": Objective(_policy_gradient),
    "adversarial": Objective(_adversarial, (GENERATOR, DISCRIMINATOR)),
}
