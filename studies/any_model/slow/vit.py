"""The same vision transformer with one of its 32 blocks computed twice: 3.1 % more of the work that is timed."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn


def vit() -> nn.Module:
    """Random weights; nothing is downloaded. Its outputs equal the plain one's."""
    model: Any = _timm().create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, depth=32, num_classes=10)
    model.blocks[-1].register_forward_pre_hook(_twice)
    return model  # type: ignore[no-any-return]


def _twice(block: nn.Module, given: tuple[Tensor, ...]) -> None:
    block.forward(*given)


def _timm() -> Any:
    """The package; torchvision, which it imports, names no operators of its own beside a PyTorch for CPUs."""
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("timm")
