"""Each fault that people really make, planted in a copy of a plugin, fails parity."""

from __future__ import annotations

import dataclasses
import functools
import math
from functools import partial

import msgspec
import pytest
from sides import failing, moved_side, probed, spec

from dlbench import registry
from dlbench.plugin import Adam

pytestmark = pytest.mark.untimed


@pytest.fixture
def faulty(monkeypatch):
    """Plant a fault in the PyTorch package, and probe again."""

    def plant(name, architecture):
        plugin = FAULTS[name][1](monkeypatch)
        return probed(spec(f"torch.{architecture}"), plugin)

    return plant


def misplaced_epsilon(monkeypatch):
    """Keras's place: the uncorrected root of the second moment plus epsilon."""
    from dlbench_torch.eager import EagerSteps

    original = EagerSteps._update

    def update(self, batch):
        self.count = getattr(self, "count", 0) + 1
        for group in self._optimizer.param_groups:
            group["eps"] = Adam().epsilon / math.sqrt(1 - Adam().beta2 ** self.count)
        return original(self, batch)

    monkeypatch.setattr(EagerSteps, "_update", update)


def epsilon_of_the_library(monkeypatch):
    """Keras's default, 1e-7."""
    from dlbench_torch.eager import EagerSteps

    original = EagerSteps.__init__

    def init(self, network, trained, objective, request, **more):
        other = msgspec.structs.replace(request.optimizer, epsilon=1e-7)
        original(self, network, trained, objective, dataclasses.replace(request, optimizer=other), **more)

    monkeypatch.setattr(EagerSteps, "__init__", init)


def gates_in_another_order(_):
    return recurrent((0, 2, 1, 3))


def gru_gates_in_the_other_order(_):
    return recurrent((0, 1, 2))


def recurrent(gates):
    """A recurrent plugin that takes the gates of its parameters in this order."""
    from dlbench_torch import mapping, plugin
    from dlbench_torch.recurrent import make_module

    return plugin(make_module, slots=partial(mapping.recurrent_slot, gates))()


def second_bias_dropped(_):
    """It stays at zero: no gradient reaches it."""
    plugin = registry.load("torch.gru")
    original = plugin.gradients
    plugin.gradients = lambda batch: {
        name: value * 0 if name == "cell/recurrent_bias" else value for name, value in original(batch).items()
    }
    return plugin


def flattened_channels_first(monkeypatch):
    import torch

    from dlbench_torch.cnn import Convolutions

    def forward(self, images):
        maps = images.permute(0, 3, 1, 2)
        for layer in range(self._layers):
            maps = torch.max_pool2d(torch.relu(self.get_submodule(f"conv{layer}")(maps)), 2)
        return self.output(torch.relu(self.dense(maps.flatten(1))))

    monkeypatch.setattr(Convolutions, "forward", forward)


def shifted_by_one(monkeypatch):
    from torch.nn.functional import pad

    from dlbench_torch.cnn import Convolutions

    original = Convolutions.forward
    shift = (0, 0, 1, -1, 1, -1)
    monkeypatch.setattr(Convolutions, "forward", lambda self, images: original(self, pad(images, shift)))


def other_layer_norm_epsilon(monkeypatch):
    from dlbench_torch.transformer import Block

    original = Block.__init__
    monkeypatch.setattr(
        Block,
        "__init__",
        lambda self, model, **more: original(self, msgspec.structs.replace(model, norm_epsilon=1e-5), **more),
    )


FAULTS = {
    "the epsilon of another library": ("mlp", epsilon_of_the_library),
    "epsilon before the correction": ("transformer", misplaced_epsilon),
    "LSTM's gates in another order": ("lstm", gates_in_another_order),
    "GRU's gates in another order": ("gru", gru_gates_in_the_other_order),
    "GRU's second bias dropped": ("gru", second_bias_dropped),
    "flattened channels first": ("cnn", flattened_channels_first),
    "padding off by one": ("cnn", shifted_by_one),
    "LayerNorm's epsilon of another library": ("transformer", other_layer_norm_epsilon),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault, faulty):
    architecture = FAULTS[fault][0]
    asked = spec(f"torch.{architecture}")
    good = probed(asked)
    assert failing(good, probed(asked)) == []
    assert failing(good, faulty(fault, architecture)) != []


@functools.cache
def good_side(asked):
    """The model without a fault; asked for before one is planted."""
    return probed(asked) | moved_side(asked)


@pytest.mark.xdist_group("where rounding is amplified")
@pytest.mark.parametrize("architecture", [pytest.param("gan", marks=pytest.mark.slow), "cnn"])
@pytest.mark.parametrize("fault", [epsilon_of_the_library, misplaced_epsilon])
def test_a_fault_is_caught_where_rounding_is_amplified(fault, architecture, monkeypatch):
    asked = spec(f"torch.{architecture}", "base")
    good = good_side(asked)
    fault(monkeypatch)
    assert failing(good, probed(asked) | moved_side(asked)) == ["losses"]
