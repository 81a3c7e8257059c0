"""Divergence: reads losses and names the step at which training diverged."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlbench.errors import ContractViolation, DlbenchError
from dlbench.errors.words import shown, type_name
from dlbench.measure.reported import number
from dlbench.spec import Spec

EXPLODED = 1000.0
"""A loss this many times the first one, or 1 if the first is smaller, counts as diverged; losses of the built-in
tasks stay below ten times."""

UNSIGNED = ("mse", "cross_entropy", "adversarial")
"""Losses that are never negative: squares, log-likelihoods of classes and softplus. One of a user's own may be."""
ROUNDED = -1e-3
"""A loss as far below zero as rounding can bring one."""


class DivergedError(DlbenchError):
    """Training diverged: a loss or a quality that is not finite, or a loss that exploded."""


class DivergenceCheck:
    """Knows the loss of the first step that was followed, and all losses since the last look."""

    def __init__(self, spec: Spec, loss: str = "mse") -> None:
        """`loss` is the task's; `adversarial` has two parts, generator and discriminator."""
        self._spec, self._loss, self._bound = spec, loss, math.inf
        self._parts = 2 if loss == "adversarial" else 1
        self._unread: list[Any] = []
        self.steps = 0

    def wrap(self, step: Callable[[], Any]) -> Callable[[], Any]:
        """The step with its result kept until the next look; results are read only when something is wrong."""
        keep = self._unread.append

        def followed() -> Any:
            result = step()
            keep(result)
            return result

        return followed

    def last_loss(self, result: Any) -> float:
        """The last step's loss.

        Raises DivergedError naming the step of divergence, if steps were followed, and ContractViolation for anything
        but such a loss.
        """
        loss = self._read(result)[-1]
        if self._diverged(loss):
            raise DivergedError(self._what_went_wrong(loss))
        if loss < ROUNDED and self._loss in UNSIGNED:
            clause = f"the loss of {self._spec.task}, {self._loss}, is never negative"
            raise ContractViolation(f"{self._spec.plugin}: {clause}, train_step returned {loss:g}")
        if self._unread and math.isinf(self._bound):
            self._bound = EXPLODED * max(1.0, abs(self._read(self._unread[0])[0]))
        self.steps += len(self._unread) * self._spec.steps_per_call
        self._unread.clear()
        return loss

    def _diverged(self, loss: float) -> bool:
        return not math.isfinite(loss) or abs(loss) > self._bound

    def _what_went_wrong(self, last: float) -> str:
        losses = enumerate((loss for result in self._unread for loss in self._read(result)), self.steps + 1)
        step, loss = next(((step, loss) for step, loss in losses if self._diverged(loss)), (None, last))
        why = f", more than {self._bound:g}," if math.isfinite(loss) else ""
        place = "" if step is None else f" at step {step}"
        return f"{self._spec.plugin}: the training loss became {loss:g}{why}{place}; lower the learning rate"

    def _read(self, result: Any) -> list[float]:
        """The loss of each step of a call, its parts summed. Raises ContractViolation for anything but a number."""
        several = self._spec.steps_per_call
        try:
            taken = _taken(result)
            if several > 1 and len(taken) != several:
                raise ValueError(f"{len(taken)} losses")
            losses = [[number(part) for part in _parts(one)] for one in (taken if several > 1 else (taken,))]
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            wanted = "a loss that float() accepts" if several == 1 else f"an array of {several} losses, one a step"
            got = f"{type_name(result)} {shown(result)}"
            raise ContractViolation(
                f"{self._spec.plugin}: train_step must return {wanted}, got {got}", "returned"
            ) from error
        if (count := len(losses[-1])) != self._parts:
            clause = f"the loss of {self._spec.task} is {self._parts} number{'s' if self._parts > 1 else ''}"
            raise ContractViolation(f"{self._spec.plugin}: {clause}, train_step returned {count}", "returned")
        return [sum(parts) for parts in losses]


def to_numbers(result: Any) -> Any:
    """Result of `train_step` as Python numbers, in lists as deep as it has axes.

    An array is taken whole where NumPy can: to read it one by one may start a program of its framework for each number.
    """
    taken = _taken(result)
    return [to_numbers(part) for part in taken] if getattr(taken, "ndim", 0) else float(taken)


def _taken(result: Any) -> Any:
    """An array in NumPy; the result itself if it is of another device, or no array of real numbers."""
    if not getattr(result, "ndim", 0):
        return result
    try:
        found = np.asarray(result)
    except (TypeError, RuntimeError):  # as PyTorch says of a device, and of gradients that are tracked
        return result
    return found if found.dtype.kind == "f" else result


def _parts(loss: Any) -> Any:
    return loss if getattr(loss, "ndim", 0) else (loss,)
