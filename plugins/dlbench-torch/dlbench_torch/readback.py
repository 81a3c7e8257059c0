"""What was built, read from PyTorch and its parameters after building."""

from __future__ import annotations

import os
from importlib import metadata

import torch

from dlbench.plugin import ModelInfo
from dlbench.spec import Path, Spec
from dlbench_torch.device import CACHE, devices, word_of
from dlbench_torch.mapping import Weights


def model_info(weights: Weights, spec: Spec, optimizer: str) -> ModelInfo:
    """The model that lives in these weights; the optimizer's own are not among them."""
    path, parameters = spec.path, list(weights.trained.values())
    device = word_of(parameters[0].device)
    return ModelInfo(
        parameter_count=sum(parameter.numel() for parameter in parameters),
        device=device,
        precision=_precision(parameters),
        path=path,
        compiler="inductor" if path == "jit" else None,
        threads=torch.get_num_threads(),
        steps_per_call=spec.steps_per_call,
        data=spec.data,
        device_name=devices()[device],
        versions={name: metadata.version(name) for name in ("torch", "dlbench-torch")},
        details=_details(path, optimizer),
    )


def _precision(parameters: list[torch.nn.Parameter]) -> str:
    """`fp32` only where the values are and products on tensor cores are not rounded below it."""
    kinds = {parameter.dtype for parameter in parameters}
    if kinds != {torch.float32}:
        return "/".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
    rounded = torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
    return "tf32" if rounded else "fp32"


def _details(path: Path, optimizer: str) -> dict[str, str]:
    caches = {"compile cache": os.environ.get(CACHE, "")} if path == "jit" else {}
    if f"{os.getpid()}" in caches.get("compile cache", ""):
        caches["compile cache"] = "empty at the start of each process"
    return {
        "optimizer": optimizer,
        "inter-op threads": str(torch.get_num_interop_threads()),
        "BLAS": _blas(),
        "denormals": _denormals(),
        **caches,
    }


def _blas() -> str:
    """The library behind matrix products, as PyTorch was built."""
    settings = dict(part.split("=", 1) for part in torch.__config__.show().split(", ") if "=" in part)
    return settings.get("BLAS_INFO", "unknown").strip()


def _denormals() -> str:
    """What an operation makes of a product below the smallest normal float32."""
    product = torch.tensor(1e-20) * torch.tensor(1e-20)
    return "flushed to zero" if float(product) == 0.0 else "kept"
