"""Floating-point operations as PyTorch counts them, against the core's own figure of the seven."""

from __future__ import annotations

import pytest
import torch

from dlbench import architectures, registry
from dlbench.measure.build import build_checked, prepare, stage
from dlbench.spec import Spec
from dlbench_torch import flops
from dlbench_torch.network import Network

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


def test_a_layer_that_pytorch_fuses_without_gradients_is_counted_alike_with_and_without():
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    rows, network = (torch.ones(4, 5, 8),), Network(layer)
    counted = flops.of_forward(network, rows)
    layer.requires_grad_(False)  # as a compiled step leaves it
    assert flops.of_forward(network, rows) == counted
    assert counted == 2 * 4 * 5 * (4 * 8 * 8 + 2 * 5 * 8 + 2 * 8 * 16)
    assert torch.backends.mha.get_fastpath_enabled(), "the model itself is measured as PyTorch computes it"
