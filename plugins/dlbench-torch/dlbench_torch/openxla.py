"""The compiler openxla: PyTorch's graphs compiled by XLA, through torch_xla, an extra that wants its own PyTorch."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import metadata
from typing import Any

import msgspec
import torch
from torch import Tensor

from dlbench.errors import Unsupported
from dlbench.plugin import Compilation
from dlbench.spec import Spec

NAME = "openxla"
ADVICE = "`make openxla` makes an environment for it, as does pip install 'dlbench-torch[openxla]' in a new one"
READS = "aten::_local_scalar_dense"
"""The counter of values that Python reads off the device; every other operation that XLA lacks counts as `aten::`."""


def prepare(spec: Spec) -> torch.device:
    """The device of XLA on this CPU, seeded.

    Raises Unsupported without torch_xla, beside a PyTorch that it was not built for, and for a Spec that it cannot meet
    here.
    """
    _require_pair()
    if spec.device not in ("cpu", "auto"):
        raise Unsupported(
            f"compiler {NAME} on device {spec.device}: torch_xla computes on cpu here; leave --device out"
        )
    if spec.precision != "fp32":
        raise Unsupported(f"compiler {NAME} in precision {spec.precision}: through torch_xla the plugins have fp32")
    if spec.threads != cores():
        raise Unsupported(
            f"compiler {NAME} on {spec.threads} threads: XLA starts one for each core that the process may use, "
            f"{cores()}; ask for that many, in fresh processes"
        )
    os.environ["PJRT_DEVICE"] = "CPU"
    xla = _library()
    xla.manual_seed(spec.seed)
    device: torch.device = xla.device()
    return device


def cores() -> int:
    """Threads that XLA starts: one for each core that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def word() -> str:
    """The Spec's word for the device that XLA has taken."""
    from torch_xla import runtime

    return str(runtime.device_type()).lower()


def compiled(graph: torch.fx.GraphModule, examples: Any) -> Any:
    """The backend of Dynamo."""
    from torch._dynamo.backends.registry import lookup_backend

    return lookup_backend(NAME)(graph, examples)


def multiply(left: Tensor, right: Tensor) -> Callable[[], Tensor]:
    """The whole product, each time: reading one element of a lazy product computes no other."""

    def product() -> Tensor:
        found = left @ right
        _library().sync()
        return found

    return product


class Counters:
    """Work of XLA since this was made, by torch_xla's own counters."""

    def __init__(self) -> None:
        _library().sync()  # values that wait to be computed would be compiled later
        self._before = self._now()

    def bear_out(self, said: Compilation) -> Compilation:
        """Dynamo's report, checked against XLA's counters.

        A graph that XLA was not given is none; a program beyond the graphs is a recompilation; each call of an
        operation that XLA lacks, which PyTorch then computes on the host, is a break.
        """
        names = [name for name in self._now() if name.startswith("aten::") and name != READS]
        lacking = {name: number for name in names if (number := self._since(name))}
        unasked = self._since("UncachedCompile") - said.graphs - said.recompilations
        return msgspec.structs.replace(
            said,
            graphs=min(said.graphs, self._since("DynamoExtractCompiledGraph")),
            breaks=said.breaks + sum(lacking.values()),
            recompilations=said.recompilations + max(0, unasked),
            reasons=(*said.reasons, *(f"XLA lacks {name}, which runs on the host" for name in lacking)),
        )

    def _since(self, name: str) -> int:
        return self._now().get(name, 0) - self._before.get(name, 0)

    @staticmethod
    def _now() -> dict[str, int]:
        from torch_xla.debug import metrics

        return {name: int(metrics.counter_value(name) or 0) for name in metrics.counter_names()}


def _require_pair() -> None:
    """Require torch_xla, built for this PyTorch: beside another its import ends in a missing symbol."""
    try:
        found = metadata.version("torch_xla")
    except metadata.PackageNotFoundError:
        raise Unsupported(
            f"compiler {NAME}: torch_xla is not installed beside torch {torch.__version__}; {ADVICE}"
        ) from None
    wanted = ".".join(found.split(".")[:2])
    if not torch.__version__.startswith(f"{wanted}."):
        raise Unsupported(
            f"compiler {NAME}: torch_xla {found} needs torch {wanted}, this is torch {torch.__version__}; {ADVICE}"
        )


def _library() -> Any:
    import torch_xla

    return torch_xla
