"""Requirements on a module that the core does not describe, and on its steps: each is refused with a remedy."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import Batch
from dlbench.spec import Spec
from dlbench_torch.network import Network, as_tuple
from dlbench_torch.objective import Objective

NO_GRADIENT = (
    "the loss depends on no parameter that is trained: the model or the loss cuts its gradient off (detach, no_grad, "
    "argmax, round); mend it, or choose --phase predict"
)


def require_float32(module: nn.Module, name: str) -> None:
    """Raise SpecError for parameters of another type: a precision applies to products, not to parameters."""
    for own, parameter in module.named_parameters():
        numbers = parameter.is_floating_point() or parameter.is_complex()
        if numbers and parameter.dtype != torch.float32:
            kind = str(parameter.dtype).removeprefix("torch.")
            advice = (
                "hold real and imaginary parts as two parameters"
                if parameter.is_complex()
                else "leave its conversion out; --precision bf16 or fp16 computes products in a smaller type"
            )
            raise SpecError(f"{name}: parameter {own} is {kind}, and dlbench measures parameters in float32; {advice}")


def require_trained(trained: Mapping[str, nn.Parameter], spec: Spec) -> None:
    """Raise Unsupported for training a module without parameters, or with none that asks for a gradient."""
    if not trained and spec.trains:
        raise Unsupported(
            f"{spec.plugin} has no parameter to train: none, or none with requires_grad; choose --phase predict"
        )


def require_gradient(network: Network, trained: Mapping[str, Tensor], goal: Objective, batch: Batch) -> None:
    """Raise SpecError for a loss that no parameter moves; shapes alone are computed.

    `torch.func` gives zeros for it without a word. A module that cannot be called with shapes alone is left to the
    compiler, which does the same.
    """
    with as_written(), shapes_alone() as mode:
        values = {name: mode.from_tensor(value.detach()).requires_grad_() for name, value in trained.items()}
        buffers = {name: mode.from_tensor(value) for name, value in network.module.named_buffers()}
        inputs = tuple(mode.from_tensor(one) for one in as_tuple(batch.inputs))
        targets = mode.from_tensor(batch.targets)

        def forward(*arguments: Tensor) -> Any:
            return network.with_tensors({**values, **buffers}, arguments)[0]

        try:
            with torch.enable_grad():
                losses = goal.losses(forward, inputs, targets)
        except Exception:  # the compiler names the error
            return
    if not all(loss.requires_grad for loss in losses):
        raise SpecError(NO_GRADIENT)


@contextmanager
def shapes_alone() -> Iterator[FakeTensorMode]:
    """Calls compute shapes and no values, and take no memory; PyTorch logs no misfit, which its error says."""
    log = logging.getLogger(FakeTensorMode.__module__)
    was, log.disabled = log.disabled, True
    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            yield mode
    finally:
        log.disabled = was


def frames() -> int:
    """Functions that Dynamo has been given in this process, which has not imported it unless it compiles."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    return 0 if dynamo is None else int(dynamo.counters["frames"]["total"])


def uncompiled(module: nn.Module) -> nn.Module:
    """The module within `torch.compile`, or the module itself."""
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    if dynamo is None or not isinstance(module, dynamo.OptimizedModule):
        return module
    found: nn.Module = module._orig_mod
    return found


def as_written() -> AbstractContextManager[Any]:
    """Call a module's compiled parts as they are written."""
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


def require_eager(plugin: str, before: int) -> None:
    """Raise Unsupported if the path eager was compiled since Dynamo had been given `before` functions."""
    if frames() != before:
        raise Unsupported(
            f"{plugin} compiles a part of itself (torch.compile), so that its path eager would not be eager; leave "
            "that out of the model, or choose --path jit, which compiles the whole step"
        )
