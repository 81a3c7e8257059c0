"""Two published plugins of one architecture, each in a distribution of its own, compared by one command."""

from __future__ import annotations

import os

import pytest
from command import dlbench, short
from distributions import leftover

pytestmark = pytest.mark.untimed

TOWER = """
from dataclasses import dataclass
import numpy as np
from dlbench.architectures.initializers import Initial, draw

DEFAULT_TASK = "line"

@dataclass(frozen=True)
class Tower:
    batch_size: int
    hidden: int
    input_shape: tuple[int, ...] | None = None

    def initial_parameters(self, signature, seed):
        width, outputs = signature.inputs.shape[-1], signature.outputs.shape[-1]
        kernels = {"first/kernel": Initial((width, self.hidden)), "last/kernel": Initial((self.hidden, outputs))}
        biases = {"first/bias": Initial((self.hidden,), "zeros"), "last/bias": Initial((outputs,), "zeros")}
        return draw({**kernels, **biases}, seed)

    def flops_per_step(self, signature):
        batch, width = signature.inputs.shape
        return 6.0 * batch * self.hidden * (width + signature.outputs.shape[-1])

    def forward(self, parameters, inputs, signature):
        rows = np.maximum(inputs @ parameters["first/kernel"] + parameters["first/bias"], 0.0)
        return (rows @ parameters["last/kernel"] + parameters["last/bias"]).astype(np.float32)

SIZES = {"small": Tower(16, 32), "base": Tower(64, 256)}
"""
TORCH = """
from torch import nn
from dlbench_torch import plugin

class Tower(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.first, self.last = nn.Linear(8, hidden), nn.Linear(hidden, 1)

    def forward(self, x):
        return self.last(self.first(x).relu())

tower = plugin(Tower, sizes={"small": {}, "base": {"hidden": 256}})
"""
KERAS = """
from dlbench_tf import plugin

def make(hidden=32):
    import keras
    first, last = keras.layers.Dense(hidden, "relu", name="first"), keras.layers.Dense(1, name="last")
    return keras.Sequential([keras.Input((8,)), first, last])

tower = plugin(make, sizes={"small": {}, "base": {"hidden": 256}})
"""
CONVERT = """
def weights(state):
    layers = {name: (state[f"{name}.weight"].T, state[f"{name}.bias"]) for name in ("first", "last")}
    kernels = {f"sequential/{name}/kernel": kernel for name, (kernel, _) in layers.items()}
    return {**kernels, **{f"sequential/{name}/bias": bias for name, (_, bias) in layers.items()}}
"""
PLUGIN = "from dlbench_fake.linear import LinearPlugin as Plugin\n"
FAULT = """
class Wrong(Plugin):
    def predict(self, inputs):
        return 1.01 * super().predict(inputs)
"""


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Make distributions of one module each and their entry points, as an installer leaves them."""

    def published(module, text, group, **points):
        (tmp_path / f"{module}.py").write_text(text)
        lines = "\n".join(f"{name.replace('_', '.')} = {value}" for name, value in points.items())
        metadata = f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n"
        entry_points = f"[dlbench.{group}]\n{lines}\n".encode()
        leftover(tmp_path, f"{module}-1.0", METADATA=metadata.encode(), entry_points=entry_points)

    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return published


def said(done):
    return " ".join(done.stdout.split())


def test_two_plugins_of_a_published_architecture_are_one_model_and_one_with_a_fault_is_not(publish, tmp_path):
    publish("acme_models", "", "architectures", scaled="dlbench_fake.scaled")
    publish("acme_one", PLUGIN, "plugins", acme_scaled="acme_one:Plugin")
    publish("acme_two", PLUGIN + FAULT, "plugins", other_scaled="acme_two:Plugin", wrong_scaled="acme_two:Wrong")
    found = dlbench("parity", "acme.scaled", "other.scaled", "--seeds", "1", cwd=tmp_path)
    assert (found.returncode, "other.scaled eager and acme.scaled eager: same model: yes" in said(found)) == (0, True)
    arms = ("--plugin", "acme.scaled,other.scaled", "--phase", "predict", "--quick", "--quiet", "--out", "report")
    assert short("run", *arms, cwd=tmp_path).returncode == 0
    assert "other.scaled eager and acme.scaled eager: same model: yes" in (tmp_path / "report/report.md").read_text()
    found = dlbench("parity", "acme.scaled", "wrong.scaled", "--seeds", "1", cwd=tmp_path)
    assert (found.returncode, "wrong.scaled eager and acme.scaled eager: same model: NO" in said(found)) == (1, True)


@pytest.mark.slow
def test_so_are_plugins_of_two_frameworks_made_in_one_call(publish, tmp_path):
    publish("acme_models", TOWER, "architectures", tower="acme_models")
    publish("acme_torch", TORCH, "plugins", torch_tower="acme_torch:tower")
    publish("acme_keras", KERAS, "plugins", tf_tower="acme_keras:tower")
    found = dlbench("parity", "torch.tower", "tf.tower", "--size", "base", "--seeds", "1", cwd=tmp_path)
    assert (found.returncode, "same model: yes" in said(found)) == (0, True), found.stdout + found.stderr


@pytest.mark.slow
def test_plugins_without_canonical_names_need_their_models_and_a_conversion(publish, tmp_path):
    publish("acme_torch", TORCH, "plugins", torch_tower="acme_torch:tower")
    publish("acme_keras", KERAS + CONVERT, "plugins", tf_tower="acme_keras:tower")
    plain = ("--task", "line", "--seeds", "1")
    found = dlbench("parity", "torch.tower", "tf.tower", *plain, cwd=tmp_path)
    assert found.returncode == 2
    assert "no conversion from the state of torch.tower to the state of tf.tower is given; give both by" in said(found)
    models = ("--model", "torch=acme_torch:Tower", "--model", "tf=acme_keras:make", "--convert", "acme_keras:weights")
    found = dlbench("parity", *models, *plain, cwd=tmp_path)
    assert (found.returncode, "same model: yes" in said(found)) == (0, True), found.stdout + found.stderr
