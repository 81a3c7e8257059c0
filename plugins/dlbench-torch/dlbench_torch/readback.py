"""Facts about the built model, read from PyTorch and its parameters after building."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata

import torch
from torch import Tensor

from dlbench.plugin import ModelInfo
from dlbench.spec import Spec
from dlbench_torch import openxla, precision
from dlbench_torch.device import devices, word_of
from dlbench_torch.mapping import Weights


def model_info(weights: Weights, spec: Spec, device: torch.device, said: Mapping[str, str]) -> ModelInfo:
    """The model of these weights, with the facts in `said`; the optimizer's own values are not counted.

    A model without parameters computes on `device`.
    """
    parameters = list(weights.trained.values())
    xla = device.type == "xla"
    places = dict.fromkeys(word_of(parameter.device) for parameter in parameters) or {word_of(device): None}
    compiler = openxla.NAME if xla else "inductor" if spec.path == "jit" else None
    packages = ("torch", "torch_xla", "dlbench-torch") if xla else ("torch", "dlbench-torch")
    return ModelInfo(
        parameter_count=sum(parameter.numel() for parameter in parameters),
        device="/".join(places),
        precision=precision.read_back(parameters, spec.precision, device),
        path=spec.path,
        compiler=compiler,
        threads=openxla.cores() if xla else torch.get_num_threads(),
        steps_per_call=spec.steps_per_call,
        data=spec.data,
        device_name="/".join(devices()[place] for place in places),
        versions={name: metadata.version(name) for name in packages},
        details=_details(device, said) | _layout(parameters),
    )


def _details(device: torch.device, said: Mapping[str, str]) -> dict[str, str]:
    return {
        **said,
        "inter-op threads": str(torch.get_num_interop_threads()),
        **_threads_of_mkl(),
        "BLAS": {"xla": "of XLA", "cuda": "cuBLAS"}.get(device.type) or blas(),
        **({"instruction set": torch.backends.cpu.get_cpu_capability()} if device.type == "cpu" else {}),
        "denormals": denormals(device),
    }


def _threads_of_mkl() -> dict[str, str]:
    """Threads by MKL's own word: linked into PyTorch, nobody else can ask it; nothing without MKL."""
    found = re.search(r"mkl_get_max_threads\(\) : (\d+)", torch.__config__.parallel_info())
    return {"threads of MKL": found[1]} if found else {}


def _layout(parameters: Sequence[Tensor]) -> dict[str, str]:
    """Memory layout of the kernels of convolutions; empty for a model of which none tells it."""
    found = layout(parameters)
    return {"convolution layout": found.replace("_", " ")} if found else {}


def layout(parameters: Iterable[Tensor]) -> str:
    """`channels_last` or `channels_first`, as the kernels of convolutions in two dimensions lie in memory.

    Empty if no kernel tells: one of a single channel, or of one by one, lies the same way in both formats.
    """
    kernels = [one for one in parameters if one.dim() == 4]
    both = [(one.is_contiguous(), one.is_contiguous(memory_format=torch.channels_last)) for one in kernels]
    telling = [last for first, last in both if first != last]
    return "" if not telling else "channels_last" if all(telling) else "channels_first"


def blas() -> str:
    """The library behind matrix products on a CPU, as PyTorch was built: `mkl`, `open`."""
    found = re.search(r"\bBLAS_INFO=([^,\s]+)", torch.__config__.show())
    return found[1] if found else "unknown"


def denormals(device: torch.device) -> str:
    """Treatment of products below the smallest normal float32, with enough of them for every thread."""
    tiny = torch.full((1 << 20,), 1e-20, device=device)
    kept = int((tiny * tiny).cpu().view(torch.int32).count_nonzero())  # as bits: a comparison may flush too
    return "flushed to zero" if not kept else "kept" if kept == len(tiny) else "kept on some threads"
