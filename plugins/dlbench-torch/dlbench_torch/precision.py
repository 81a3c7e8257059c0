"""Precision of products: set explicitly, refused if the machine has no such arithmetic, and read back."""

from __future__ import annotations

import torch
from torch import nn

from dlbench.errors import Unsupported
from dlbench.plugin_kit import require_arithmetic

MIXED = {"bf16": torch.bfloat16, "fp16": torch.float16}
WHOLE = {"fp64": torch.float64}
"""Precisions in which everything is held and computed: parameters, inputs, sums, and the optimizer's moments."""


def prepare(precision: str, device: torch.device) -> None:
    """Set the type to which operands of matrix products and convolutions are rounded.

    Raises Unsupported for an unknown precision, or one that this device has no arithmetic for.
    """
    if precision not in ("fp32", "tf32", *MIXED, *WHOLE):
        raise Unsupported(f"precision {precision}: the plugins of PyTorch have fp32, tf32, bf16, fp16 and fp64")
    require_arithmetic(precision, device.type)
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise Unsupported(f"precision bf16: {torch.cuda.get_device_name(device)} has no arithmetic for it")
    rounded = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = rounded
    torch.backends.cudnn.allow_tf32 = rounded


def read_back(parameters: list[nn.Parameter], precision: str, device: torch.device) -> str:
    """Precision of parameters and products: `fp32` only if nothing is rounded below it."""
    kinds = {parameter.dtype for parameter in parameters}
    if kinds == {WHOLE.get(precision)}:
        return precision
    if kinds - {torch.float32}:
        return "/".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
    if precision in MIXED:
        ones = torch.ones(2, 2, device=device)
        with torch.autocast(ones.device.type, dtype=MIXED[precision]):
            product = ones @ ones
        return next((name for name, kind in MIXED.items() if product.dtype == kind), str(product.dtype))
    rounded = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    return "tf32" if all(rounded) else "fp32" if not any(rounded) else "fp32/tf32"
