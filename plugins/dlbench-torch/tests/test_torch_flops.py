"""Floating-point operations as PyTorch counts them, against the core's own figure of the seven."""

from __future__ import annotations

import pytest

from dlbench import architectures, registry
from dlbench.measure.build import build_checked, prepare, stage
from dlbench.spec import Spec

pytestmark = pytest.mark.untimed

ARCHITECTURES = ("cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer")


@pytest.mark.parametrize("size", ["small", pytest.param("base", marks=pytest.mark.slow)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_counts_of_pytorch_are_those_of_the_core(architecture, size):
    configuration = architectures.configuration(architecture, size)
    task = {"gan": "synthetic_gan", "transformer": "text"}.get(architecture, "synthetic")
    spec = Spec(
        plugin=f"torch.{architecture}",
        phase="predict",
        path="eager",
        size=size,
        task=task,
        batch_size=configuration.batch_size,
        threads=1,
    )
    prepared = prepare(spec, registry.load(spec.plugin))
    build_checked(prepared.plugin, prepared.request)
    batch = stage(prepared.plugin, spec, prepared.task.batch(0, 0))
    expected = architectures.flops(configuration, prepared.task.signature, "predict")
    assert prepared.plugin.flops(batch) == pytest.approx(expected, rel=0.01)
