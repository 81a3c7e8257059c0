"""Precision: set, refused if the machine has none, read back, and visible in the losses."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from dlbench import precision as arithmetic
from dlbench import registry
from dlbench.errors import Unsupported
from dlbench.measure.build import build_checked, prepare, stage
from dlbench.spec import Spec
from dlbench_torch import device, precision
from dlbench_torch.cnn import Convolutions

pytestmark = pytest.mark.untimed

SPEC = Spec(plugin="torch.mlp", phase="train", path="eager", size="small", task="digits", batch_size=32, threads=1)


def losses(spec):
    prepared = prepare(spec, registry.load(spec.plugin))
    info = build_checked(prepared.plugin, prepared.request)
    batches = [stage(prepared.plugin, spec, prepared.task.batch(0, step)) for step in range(8)]
    return info, np.array([float(prepared.plugin.train_step(batch)) for batch in batches])


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_products_of_less_precision_change_the_losses_a_little_and_training_goes_on(kind, monkeypatch):
    monkeypatch.setattr(arithmetic, "cpu_flags", lambda: {"avx512_bf16", "avx512_fp16"})  # PyTorch emulates both
    exact, rounded = losses(SPEC)[1], losses(msgspec.structs.replace(SPEC, precision=kind))
    assert rounded[0].precision == kind
    assert 0 < np.abs(rounded[1] - exact).max() < 0.05
    assert rounded[1][-1] < rounded[1][0]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bf16", "this CPU has none of amx_bf16, avx512_bf16, bf16; choose fp32"),
        ("fp16", "this CPU has none of amx_fp16, asimdhp, avx512_fp16"),
        ("tf32", "a CPU has no TF32"),
        ("fp7", "the plugins of PyTorch have fp32, tf32, bf16, fp16 and fp64"),
    ],
)
def test_what_this_machine_has_no_arithmetic_for_is_refused(kind, text, monkeypatch):
    monkeypatch.setattr(arithmetic, "cpu_flags", lambda: {"avx2"})
    with pytest.raises(Unsupported, match=text):
        precision.prepare(kind, torch.device("cpu"))


def test_half_of_the_settings_of_tf32_is_not_read_back_as_either():
    precision.prepare("fp32", torch.device("cpu"))
    parameters = [torch.nn.Parameter(torch.ones(1))]
    assert precision.read_back(parameters, "fp32", torch.device("cpu")) == "fp32"
    torch.backends.cudnn.allow_tf32 = True
    try:
        assert precision.read_back(parameters, "fp32", torch.device("cpu")) == "fp32/tf32"
    finally:
        precision.prepare("fp32", torch.device("cpu"))


def test_denormals_are_flushed_as_in_the_other_frameworks():
    assert losses(SPEC)[0].details["denormals"] == "flushed to zero"


def test_a_compiled_step_is_refused_where_there_is_no_float64(monkeypatch):
    monkeypatch.setattr(device, "devices", lambda: {"cpu": "", "mps": "Apple GPU"})
    with pytest.raises(Unsupported, match="path jit on mps"):
        device.prepare(msgspec.structs.replace(SPEC, device="mps", path="jit"))


@pytest.mark.parametrize(("plugin", "layout"), [("torch.cnn", "channels last"), ("torch.mlp", None)])
def test_the_layout_of_convolutions_is_read_from_their_kernels(plugin, layout, monkeypatch):
    assert losses(msgspec.structs.replace(SPEC, plugin=plugin))[0].details.get("convolution layout") == layout
    monkeypatch.setattr(Convolutions, "to", lambda self, *_, **__: self)
    first = "channels first" if layout else None
    assert losses(msgspec.structs.replace(SPEC, plugin=plugin))[0].details.get("convolution layout") == first
