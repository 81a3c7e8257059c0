"""The path eager: autograd op by op, and PyTorch's fused Adam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlbench.plugin import Batch, BuildRequest, Compilation
from dlbench_torch.objective import Objective, together


class EagerSteps:
    """Training, prediction and gradients of a module, as they are written."""

    def __init__(
        self, module: nn.Module, trained: Mapping[str, nn.Parameter], objective: Objective, request: BuildRequest
    ) -> None:
        settings, self._several = request.adam, request.spec.steps_per_call > 1
        self._module, self._trained, self._objective = module, trained, objective
        self._owned = [
            [parameter for name, parameter in trained.items() if name.startswith(owner)] for owner in objective.owners
        ]
        self._adam = torch.optim.Adam(
            trained.values(),
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            eps=settings.epsilon,
            fused=True,
        )
        kind = next(iter(trained.values())).device.type
        self._scaler = torch.amp.GradScaler(kind, enabled=request.spec.precision == "fp16")

    @property
    def optimizer(self) -> str:
        """What updates the parameters."""
        return "torch.optim.Adam(fused=True)"

    def train(self, batch: Batch) -> Tensor:
        """Update once, or once for each batch along the first axis; the loss or losses before each update."""
        if self._several:
            return torch.stack([self._update(Batch(*parts)) for parts in zip(*batch, strict=True)])
        return self._update(batch)

    def predict(self, inputs: Tensor) -> Tensor:
        """The outputs, with dropout off."""
        with torch.inference_mode():
            found: Tensor = self._module(inputs, False)
        return found

    def gradients(self, batch: Batch) -> dict[str, Tensor]:
        """By the module's names, with dropout off."""
        self._backward(batch, training=False)
        return {name: parameter.grad for name, parameter in self._trained.items() if parameter.grad is not None}

    def compilation(self) -> Compilation:
        """Nothing is compiled."""
        return Compilation(graphs=0, breaks=0, recompilations=0)

    def _update(self, batch: Batch) -> Tensor:
        losses = self._backward(batch, training=True)
        self._scaler.step(self._adam)
        self._scaler.update()
        return together(losses).detach()

    def _backward(self, batch: Batch, *, training: bool) -> tuple[Tensor, ...]:
        """Leave each parameter's gradient of the loss that trains it in its `grad`."""
        losses = self._objective.losses(self._module, batch.inputs, batch.targets, training)
        scale = self._scaler.scale if training else _as_it_is
        if len(losses) == 1:
            self._adam.zero_grad()
            scale(losses[0]).backward()
            return losses
        for number, (loss, owned) in enumerate(zip(losses, self._owned, strict=True)):
            found = torch.autograd.grad(scale(loss), owned, retain_graph=number + 1 < len(losses))
            for parameter, gradient in zip(owned, found, strict=True):
                parameter.grad = gradient
        return losses


def _as_it_is(loss: Tensor) -> Any:
    return loss
