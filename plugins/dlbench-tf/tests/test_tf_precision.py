"""Precision: refused if the machine has none, read back, and visible in the losses of every architecture."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from dlbench import architectures, registry
from dlbench import precision as arithmetic
from dlbench.errors import Unsupported
from dlbench.measure.build import build_checked, prepare, stage
from dlbench.spec import Spec
from dlbench_tf import precision

pytestmark = pytest.mark.untimed

ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")


def of(architecture, path):
    task = architectures.default_task(architecture)
    batch = architectures.configuration(architecture, "small").batch_size
    return Spec(
        plugin=f"tf.{architecture}", phase="train", path=path, size="small", task=task, batch_size=batch, threads=1
    )


def losses(architecture, path, kind):
    spec = msgspec.structs.replace(of(architecture, path), precision=kind)
    prepared = prepare(spec, registry.load(spec.plugin))
    info = build_checked(prepared.plugin, prepared.request)
    batches = [stage(prepared.plugin, spec, prepared.task.batch(0, step)) for step in range(6)]
    found = np.array([np.asarray(prepared.plugin.train_step(batch)).sum() for batch in batches])
    held, multiplied = {
        "fp32": ("float32", "float32"),
        "bf16": ("float32", "bfloat16"),
        "fp64": ("float64", "float64"),
    }[kind]
    assert prepared.plugin.predict(batches[0].inputs).dtype == held
    assert prepared.plugin.multiply(8)().dtype == multiplied
    return info, found


@pytest.fixture
def emulated(monkeypatch):
    """TensorFlow computes in bf16 on any CPU, slowly."""
    monkeypatch.setattr(arithmetic, "cpu_flags", lambda: {"avx512_bf16"})


@pytest.mark.parametrize(
    ("architecture", "path"), [*((name, "eager") for name in ARCHITECTURES), ("mlp", "graph"), ("lstm", "jit")]
)
def test_products_in_bf16_change_the_losses_a_little(architecture, path, emulated):
    exact, (info, rounded) = losses(architecture, path, "fp32")[1], losses(architecture, path, "bf16")
    assert info.precision == "bf16"
    assert info.details.get("convolution layout") == ("channels last" if architecture == "cnn" else None)
    assert 0 < np.abs(rounded / exact - 1).max() < 0.05


@pytest.mark.parametrize(
    ("architecture", "path"), [*((name, "eager") for name in ARCHITECTURES), ("mlp", "graph"), ("gru", "jit")]
)
def test_in_fp64_everything_is_held_in_float64_and_outputs_are_those_of_the_core(architecture, path):
    single, (info, whole) = losses(architecture, path, "fp32")[1], losses(architecture, path, "fp64")
    assert info.precision == "fp64"
    assert 0 < np.abs(whole / single - 1).max() < 1e-4
    spec = msgspec.structs.replace(of(architecture, path), precision="fp64")
    prepared = prepare(spec, registry.load(spec.plugin))
    request = prepared.request
    build_checked(prepared.plugin, request)
    inputs = prepared.task.batch(0, 0).inputs
    exact = np.asarray(request.configuration.forward(request.parameters, inputs, request.signature), np.float64)
    found = np.asarray(prepared.plugin.predict(prepared.plugin.stage((inputs, inputs)).inputs))
    # The core hands its outputs on in float32.
    assert np.linalg.norm(found - exact) < 2**-24 * np.linalg.norm(exact)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bf16", "this CPU has none of amx_bf16, avx512_bf16, bf16; choose fp32"),
        ("tf32", "a CPU has no TF32"),
        ("fp16", "the plugins of TensorFlow have fp32, tf32, bf16 and fp64"),
    ],
)
def test_what_this_machine_has_no_arithmetic_for_is_refused(kind, text, monkeypatch):
    monkeypatch.setattr(arithmetic, "cpu_flags", lambda: {"avx2"})
    with pytest.raises(Unsupported, match=text):
        precision.prepare(kind, gpu=False)
