"""The same again, for arms of equal work: a vision transformer of timm with 32 equal blocks, for images of 32 x 32."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn


def vit() -> nn.Module:
    """Random weights; nothing is downloaded."""
    model: nn.Module = _timm().create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, depth=32, num_classes=10)
    return model


def _timm() -> Any:
    """The package; torchvision, which it imports, names no operators of its own beside a PyTorch for CPUs."""
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("timm")
