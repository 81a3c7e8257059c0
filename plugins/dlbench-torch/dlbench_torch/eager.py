"""The path eager: autograd op by op, and PyTorch's fused optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from dlbench.plugin import AdamW, Batch, BuildRequest, Compilation
from dlbench_torch import optimizers
from dlbench_torch.network import Network, as_tuple
from dlbench_torch.objective import Objective, together
from dlbench_torch.requirements import frames, require_eager


class EagerSteps:
    """Training, prediction and gradients of a network, as they are written; `forward` is the network in other form.

    `exchanging` is the one that a training step calls, whose gradients are means over several workers.
    """

    def __init__(
        self,
        network: Network,
        trained: Mapping[str, nn.Parameter],
        objective: Objective,
        request: BuildRequest,
        forward: Callable[..., Any] | None = None,
        exchanging: Callable[..., Any] | None = None,
    ) -> None:
        self._several = request.spec.steps_per_call > 1
        self._network, self._trained, self._objective = network, trained, objective
        self._forward: Callable[..., Any] = network.called() if forward is None else forward
        self._trained_forward = exchanging or self._forward
        self._owned = [
            [parameter for name, parameter in trained.items() if name.startswith(owner)] for owner in objective.owners
        ]
        self._asked = request.optimizer, request.spec.settings.get("optimizer", "fused")
        if request.spec.trains:
            _ = self._optimizer  # built now: in the first step it would be in its time
        self._idle: list[nn.Parameter] | None = None if isinstance(request.optimizer, AdamW) else []
        kind = next((one.device.type for one in trained.values()), "cpu")
        self._scaler = torch.amp.GradScaler(kind, enabled=request.spec.precision == "fp16")
        self._watched = forward is None
        self._plugin = request.spec.plugin

    @cached_property
    def _optimizer(self) -> torch.optim.Optimizer:
        """The optimizer, built when it is first needed: to make one imports a compiler, which takes a second."""
        settings, kernel = self._asked
        return optimizers.of_torch(settings, self._trained.values() or [nn.Parameter(torch.empty(0))], kernel)

    @property
    def kernel(self) -> str:
        """The kernel of the update, as `dlbench_torch.optimizers.KERNELS` names it."""
        return optimizers.kernel_of(self._optimizer)

    @property
    def optimizer(self) -> str:
        """Optimizer of the parameters."""
        return optimizers.name_of(self._optimizer) if self._trained else "none"

    def train(self, batch: Batch) -> Tensor:
        """Update once, or once for each batch along the first axis; the loss or losses before each update.

        Raises Unsupported for a module that compiles a part of itself.
        """
        if self._watched:
            trained: Tensor = self._watch(self.train, batch)
            return trained
        if self._several:
            steps = zip(zip(*as_tuple(batch.inputs), strict=True), batch.targets, strict=True)
            return torch.stack([self._update(Batch(*parts)) for parts in steps])
        return self._update(batch)

    def predict(self, inputs: Any) -> Any:
        """The outputs, in the mode of prediction. Raises as `train` does."""
        if self._watched:
            return self._watch(self.predict, inputs)
        self._network.set_training(False)
        with torch.inference_mode():
            return self._forward(*as_tuple(inputs))

    def gradients(self, batch: Batch) -> dict[str, Tensor]:
        """Gradients by the module's names, in the mode of prediction; zeros for unused parameters."""
        self._backward(batch, training=False)
        return {
            name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            for name, parameter in self._trained.items()
        }

    def compilation(self) -> Compilation:
        """Nothing is compiled."""
        return Compilation(graphs=0, breaks=0, recompilations=0)

    def _watch(self, call: Callable[[Any], Any], given: Any) -> Any:
        """The first call: one that gives Dynamo anything to compile is not eager."""
        self._watched = False
        before = frames()
        found = call(given)
        require_eager(self._plugin, before)
        return found

    def _update(self, batch: Batch) -> Tensor:
        losses = self._backward(batch, training=True)
        for parameter in self._decayed_alone():
            parameter.grad = torch.zeros_like(parameter)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return together(losses).detach()

    def _backward(self, batch: Batch, *, training: bool) -> tuple[Tensor, ...]:
        """Leave each parameter's gradient of the loss that trains it in its `grad`."""
        self._network.set_training(training)
        forward = self._trained_forward if training else self._forward
        losses = self._objective.losses(forward, as_tuple(batch.inputs), batch.targets)
        scale = self._scaler.scale if training else _as_it_is
        if len(losses) == 1:
            self._optimizer.zero_grad()
            scale(losses[0]).backward()
            return losses
        for number, (loss, owned) in enumerate(zip(losses, self._owned, strict=True)):
            found = torch.autograd.grad(scale(loss), owned, retain_graph=number + 1 < len(losses))
            for parameter, gradient in zip(owned, found, strict=True):
                parameter.grad = gradient
        return losses

    def _decayed_alone(self) -> list[nn.Parameter]:
        """Parameters that the loss does not depend on: AdamW decays every one, PyTorch's only those with a gradient."""
        if self._idle is None:
            self._idle = [parameter for parameter in self._trained.values() if parameter.grad is None]
        return self._idle


def _as_it_is(loss: Tensor) -> Any:
    return loss
