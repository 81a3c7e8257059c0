"""Optimizers, each one algorithm as `dlbench.plugin` states it: PyTorch's own, and written out for a compiled step."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from dlbench.errors import SpecError
from dlbench.plugin import SGD, Adam, AdamW, Optimizer, OwnOptimizer
from dlbench.plugin_kit import load_reference, users_errors

Tensors = dict[str, Tensor]
Scalars = tuple[Tensor, ...]


KERNELS: Mapping[str, Mapping[str, bool]] = {
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "single": {"foreach": False},
}
"""Keywords of PyTorch's optimizers: one kernel for all parameters, one for each operation, one for each of both."""


def of_torch(settings: Optimizer, parameters: Iterable[nn.Parameter], kernel: str = "fused") -> torch.optim.Optimizer:
    """PyTorch's with this kernel, or the user's own. Raises SpecError for a function that returns no optimizer."""
    how: dict[str, Any] = dict(KERNELS[kernel])
    match settings:
        case Adam():
            return torch.optim.Adam(parameters, **_of_adam(settings), **how)
        case AdamW():
            return torch.optim.AdamW(parameters, **_of_adam(settings), weight_decay=settings.weight_decay, **how)
        case SGD():
            return torch.optim.SGD(parameters, lr=settings.learning_rate, momentum=settings.momentum, **how)
        case OwnOptimizer():
            return _own(settings, parameters)


def kernel_of(optimizer: torch.optim.Optimizer) -> str:
    """The kernel that an optimizer was made with; empty where it leaves the choice to PyTorch."""
    said = {name: optimizer.defaults.get(name) for name in ("fused", "foreach")}
    return next((name for name, how in KERNELS.items() if all(said[key] is value for key, value in how.items())), "")


def name_of(optimizer: torch.optim.Optimizer) -> str:
    """Name in a report: `torch.optim.Adam(fused=True)`."""
    kind = type(optimizer)
    place = "torch.optim" if kind.__module__.startswith("torch.optim") else kind.__module__
    return f"{place}.{kind.__qualname__}" + ("(fused=True)" if optimizer.defaults.get("fused") else "")


class Written(Protocol):
    """An optimizer written out for a compiled step.

    `values` are the parameters as the step gets them; they and `moments` are changed in place by the step. `scalars`
    come back from it as new tensors: changed in place and read by several kernels, as Inductor (PyTorch 2.13) fuses
    them, they made wrong losses within three steps.
    """

    name: str
    values: Tensors
    moments: tuple[Tensors, ...]
    scalars: Scalars

    def update(self, values: Tensors, gradients: Tensors, moments: tuple[Tensors, ...], scalars: Scalars) -> Scalars:
        """Change values and moments; the next scalars."""
        ...


def written(settings: Optimizer, trained: Mapping[str, nn.Parameter]) -> Written:
    """The optimizer for a compiled step. Raises SpecError as `of_torch` does."""
    match settings:
        case Adam() | AdamW():
            return _WrittenAdam(settings, trained)
        case SGD():
            return _WrittenSGD(settings, trained)
        case OwnOptimizer():
            return _Traced(settings, trained)


class _WrittenAdam:
    """Adam, and AdamW.

    The powers of beta are tensors, float64, so that no step is compiled again. They are multiplied on from step to
    step: `beta**count` would be computed in the loop over each parameter, a seventh of the small mlp's step.
    """

    def __init__(self, settings: Adam | AdamW, trained: Mapping[str, nn.Parameter]) -> None:
        self.name = f"{type(settings).__name__} written out in the compiled step"
        self._settings = settings
        self.values = _detached(trained)
        self._decay = settings.weight_decay if isinstance(settings, AdamW) else 0.0
        self.moments: tuple[Tensors, ...] = (_zeros(trained), _zeros(trained))
        device = next((value.device for value in trained.values()), None)
        one = torch.ones((), dtype=torch.float64, device=device)
        self.scalars: Scalars = (one, one.clone())

    def update(self, values: Tensors, gradients: Tensors, moments: tuple[Tensors, ...], scalars: Scalars) -> Scalars:
        """One step."""
        adam, (means, squares) = self._settings, moments
        of_mean, of_square = scalars[0] * adam.beta1, scalars[1] * adam.beta2
        rate = (adam.learning_rate / (1 - of_mean)).float()
        correction = (1 / (1 - of_square)).sqrt().float()
        for name, gradient in gradients.items():
            if self._decay:
                values[name].mul_(1 - adam.learning_rate * self._decay)
            means[name].mul_(adam.beta1).add_(gradient, alpha=1 - adam.beta1)
            squares[name].mul_(adam.beta2).add_(gradient * gradient, alpha=1 - adam.beta2)
            values[name].sub_(rate * means[name] / (squares[name].sqrt() * correction + adam.epsilon))
        return of_mean, of_square


class _WrittenSGD:
    """Stochastic gradient descent."""

    def __init__(self, settings: SGD, trained: Mapping[str, nn.Parameter]) -> None:
        self.name, self._settings = "SGD written out in the compiled step", settings
        self.values = _detached(trained)
        self.moments: tuple[Tensors, ...] = (_zeros(trained),) if settings.momentum else ()
        self.scalars: Scalars = ()

    def update(self, values: Tensors, gradients: Tensors, moments: tuple[Tensors, ...], scalars: Scalars) -> Scalars:
        """One step."""
        for name, gradient in gradients.items():
            direction = moments[0][name].mul_(self._settings.momentum).add_(gradient) if moments else gradient
            values[name].sub_(direction, alpha=self._settings.learning_rate)
        return scalars


class _Traced:
    """The user's own optimizer of PyTorch, whose step the compiler traces."""

    def __init__(self, settings: OwnOptimizer, trained: Mapping[str, nn.Parameter]) -> None:
        self._optimizer = of_torch(settings, trained.values())
        self._step = inspect.unwrap(type(self._optimizer).step)  # PyTorch's wrapper breaks the graph
        self.name = f"{name_of(self._optimizer)} in the compiled step"
        self.values: Tensors = dict(trained)
        self._gradients = _zeros(trained)
        for name, parameter in trained.items():
            parameter.grad = self._gradients[name]
        self.moments: tuple[Tensors, ...] = ()
        self.scalars: Scalars = ()

    def update(self, values: Tensors, gradients: Tensors, moments: tuple[Tensors, ...], scalars: Scalars) -> Scalars:  # noqa: ARG002
        """One step, of the parameters that the optimizer holds."""
        for name, gradient in gradients.items():
            self._gradients[name].copy_(gradient)
        self._step(self._optimizer)
        return scalars


def _of_adam(settings: Adam | AdamW) -> dict[str, Any]:
    return {"lr": settings.learning_rate, "betas": (settings.beta1, settings.beta2), "eps": settings.epsilon}


def _own(settings: OwnOptimizer, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The user's own. Raises SpecError if the function raises, returns no optimizer, or one that calls for losses."""
    function, given = load_reference(settings.function), list(parameters)
    with users_errors(f"optimizer {settings.function}, called with a list of the parameters"):
        found = function(given)
    if not isinstance(found, torch.optim.Optimizer):
        raise SpecError(
            f"optimizer {settings.function} returned {type(found).__name__}, not a torch.optim.Optimizer; return one"
        )
    closure = inspect.signature(found.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise SpecError(
            f"optimizer {settings.function}: {type(found).__name__} computes the loss several times in a step, and a "
            "measured step computes it once; choose another"
        )
    return found


def _detached(trained: Mapping[str, nn.Parameter]) -> Tensors:
    return {name: parameter.detach() for name, parameter in trained.items()}


def _zeros(trained: Mapping[str, nn.Parameter]) -> Tensors:
    return {name: torch.zeros_like(value, requires_grad=False) for name, value in trained.items()}
