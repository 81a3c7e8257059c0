"""Profiles with PyTorch's own profiler: operators, spans of autograd, optimizers and Dynamo, and kernels of a GPU."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch._C._autograd import DeviceType, _profiler_enabled
from torch.profiler import ProfilerActivity, profile, record_function

from dlbench.errors import Unsupported
from dlbench.plugin import STEP, ProfileEvent
from dlbench_torch import profile_layers
from dlbench_torch.profile_names import INDUCTORS, category

_KERNELS = {DeviceType.CUDA}
LONGEST = 200
"""Characters of a name; a kernel of Inductor has the names of all operations in it."""
_DEVICE_THREADS = -1_000_000
"""Offset of the numbers of a device's streams among those of threads."""


def instrument() -> None:
    """Give Inductor's code for a CPU a span about each of its kernels; what is compiled from here on has them."""
    from torch._inductor import config  # with the compiler, which eager steps have no use of

    config.cpp.enable_kernel_profile = True


def events(step: Callable[[], None], module: nn.Module | None = None) -> list[ProfileEvent]:
    """Call the step under the profiler; events know the layers of the module, if one is given.

    Raises Unsupported if another tool profiles already.
    """
    if _profiler_enabled():
        raise Unsupported("PyTorch's profiler runs already; end the other profile, or leave `explain` out")
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    with (
        profile_layers.marked(module),
        profile(activities=activities, record_shapes=True, with_flops=True) as taken,
        record_function(STEP),
    ):
        step()
    return list(_events(taken.profiler.kineto_results.events()))


def _events(found: Any) -> Iterator[ProfileEvent]:
    """Spans of threads; those that begin on one and end on another are asynchronous and no work of either.

    Nor are annotations that are shown again beside the kernels of a device.
    """
    found = list(found)
    parts = any(one.device_type() in _KERNELS or re.fullmatch(INDUCTORS, one.name()) for one in found)
    for one, layer in zip(found, profile_layers.layers(found), strict=True):
        on_device = one.device_type() in _KERNELS
        apart = one.is_async() or (not on_device and one.start_thread_id() != one.end_thread_id())
        name = one.name()
        if apart or one.activity_type() == "gpu_user_annotation" or name.startswith(profile_layers.MARK):
            continue
        kind = category(name, on_device=on_device)
        if parts and kind == "fused code" and not on_device and not re.fullmatch(INDUCTORS, name):
            kind = "dispatch"  # the call of compiled code of which the profile has the kernels
        yield ProfileEvent(
            name=_short(name),
            category=kind,
            start=one.start_ns() * 1e-9,
            seconds=one.duration_ns() * 1e-9,
            thread=_DEVICE_THREADS - one.device_resource_id() if on_device else one.start_thread_id(),
            shapes=_shapes(one.shapes()),
            flops=float(one.flops()) or None,
            layer=layer,
        )


def _shapes(given: Any) -> tuple[tuple[int, ...], ...]:
    """Shapes of the operands that are tensors."""
    return tuple(tuple(one) for one in given if one and isinstance(one[0], int))


def _short(name: str) -> str:
    """The name without the numbers of a run: `Torch-Compiled Region`, `CompiledFxGraph`, `cpp_fused_add_2`."""
    plain = re.sub(r"^## Call (CompiledFxGraph) .*", r"\1", name)  # before a hash, if it was cached
    return re.sub(r": \d+/\d+$|^graph_\d+_(?=cpp_)", "", plain)[:LONGEST]
