"""Parity: what is equal passes, what is not fails, and each fault that people really make is caught."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dlbench_torch
import dlbench_torch.eager
from dlbench import architectures, parity, registry
from dlbench.errors import ContractViolation, SpecError, Unsupported
from dlbench.journal import append
from dlbench.plugin import Adam
from dlbench.prepare import prepare
from dlbench.probe import moved_losses, probe
from dlbench.record import Difference, read_parities
from dlbench.report.sameness import sentence
from dlbench.spec import Spec
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal
from dlbench_torch import mapping

pytestmark = pytest.mark.untimed

DLBENCH = str(Path(sys.executable).with_name("dlbench"))
ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")


def spec(plugin, size="small", **changes):
    architecture = plugin.partition(".")[2]
    known = architectures.known(architecture)
    batch = architectures.configuration(architecture, size).batch_size if known else 32
    task = architectures.default_task(architecture) if known else "line"
    values = {"phase": "train", "path": "eager", "size": size, "task": task, "batch_size": batch, "threads": 1}
    return Spec(plugin=plugin, **values | changes)


def probed(asked, plugin=None, seed=0):
    asked = msgspec.structs.replace(asked, seed=seed)
    return probe(prepare(asked, plugin or registry.load(asked.plugin)), parity.STEPS, gradients=True)


def moved(asked, plugin=None, seed=0):
    asked = msgspec.structs.replace(asked, seed=seed)
    return {"moved": moved_losses(prepare(asked, plugin or registry.load(asked.plugin)), parity.STEPS)}


def failing(baseline, candidate):
    return [one.what for one in parity.differences(baseline, candidate) if not one.holds]


@pytest.fixture
def in_this_process(monkeypatch):
    """Which has both frameworks already: importing them for 28 sides takes minutes."""

    def _probe(asked, start):
        of_one = moved if asked.moved else probed
        of_seeds = {seed: of_one(asked.spec, seed=seed) for seed in asked.seeds}
        return {f"{seed}/{name}": array for seed, found in of_seeds.items() for name, array in found.items()}

    monkeypatch.setattr(parity, "_probe", _probe)


def judged(asked, seeds):
    (found,) = parity.check(asked, seeds, 600.0)
    assert found.reason == ""
    assert found.same, [one for one in found.differences if not one.holds]
    return {one.what.partition(" ")[0] for one in found.differences}


EVERYTHING = {"FLOPs", "output", "losses", "parameter", "gradient"}


OTHER_ENDS = [("gru", "sentiment"), ("transformer", "sentiment"), ("transformer", "vowels")]


@pytest.mark.parametrize(
    ("architecture", "task"), [*((name, architectures.default_task(name)) for name in ARCHITECTURES), *OTHER_ENDS]
)
def test_tensorflow_and_pytorch_are_the_same_model(architecture, task, in_this_process):
    """Five seeds at size small, three of another task; a graph over its 64 tokens takes long to trace."""
    path, seeds = ("graph", 5) if task == architectures.default_task(architecture) else ("eager", 3)
    asked = [spec(f"tf.{architecture}", path=path, task=task), spec(f"torch.{architecture}", task=task)]
    assert judged(asked, range(seeds)) == EVERYTHING


def test_so_they_are_in_processes_of_their_own():
    assert judged([spec("tf.gan"), spec("torch.gan")], range(3)) == EVERYTHING


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_they_are_the_same_model_at_size_base(architecture, in_this_process, monkeypatch):
    """Outputs and first gradients, on few samples: with all, two million ReLUs leave hardly a seed without an edge."""
    monkeypatch.setattr(parity, "STEPS", 1)
    asked = [spec(f"{framework}.{architecture}", "base", batch_size=2) for framework in ("tf", "torch")]
    assert judged(asked, range(3)) == EVERYTHING


@pytest.fixture
def faulty(monkeypatch):
    """Plant a fault in the PyTorch package, and probe again."""

    def plant(name, architecture):
        plugin = FAULTS[name][1](monkeypatch)
        return probed(spec(f"torch.{architecture}"), plugin)

    return plant


def misplaced_epsilon(monkeypatch):
    """Keras's place: the uncorrected root of the second moment plus epsilon."""
    original = dlbench_torch.eager.EagerSteps.train

    def train(self, batch):
        self.count = getattr(self, "count", 0) + 1
        for group in self._adam.param_groups:
            group["eps"] = Adam().epsilon / math.sqrt(1 - Adam().beta2 ** self.count)
        return original(self, batch)

    monkeypatch.setattr(dlbench_torch.eager.EagerSteps, "train", train)


def epsilon_of_the_library(monkeypatch):
    """Keras's default, 1e-7."""
    original = dlbench_torch.eager.EagerSteps.__init__

    def init(self, module, trained, objective, request):
        other = msgspec.structs.replace(request.optimizer, epsilon=1e-7)
        original(self, module, trained, objective, dataclasses.replace(request, optimizer=other))

    monkeypatch.setattr(dlbench_torch.eager.EagerSteps, "__init__", init)


def gates_in_another_order(_):

    from dlbench_torch.recurrent import make_module

    return dlbench_torch.TorchModel(make_module, partial(mapping.recurrent_slot, (0, 2, 1, 3)))


def gru_gates_in_the_other_order(_):

    from dlbench_torch.recurrent import make_module

    return dlbench_torch.TorchModel(make_module, partial(mapping.recurrent_slot, (0, 1, 2)))


def second_bias_dropped(_):
    """It stays at zero: no gradient reaches it."""
    plugin = registry.load("torch.gru")
    original = plugin.gradients
    plugin.gradients = lambda batch: {
        name: value * 0 if name == "cell/recurrent_bias" else value for name, value in original(batch).items()
    }
    return plugin


def flattened_channels_first(monkeypatch):
    from dlbench_torch.cnn import Convolutions

    def forward(self, images, training):
        maps = images.permute(0, 3, 1, 2)
        for layer in range(self._layers):
            maps = torch.max_pool2d(torch.relu(self.get_submodule(f"conv{layer}")(maps)), 2)
        return self.output(torch.relu(self.dense(maps.flatten(1))))

    monkeypatch.setattr(Convolutions, "forward", forward)


def shifted_by_one(monkeypatch):
    from dlbench_torch.cnn import Convolutions

    original = Convolutions.forward
    shift = (0, 0, 1, -1, 1, -1)
    monkeypatch.setattr(
        Convolutions,
        "forward",
        lambda self, images, training: original(self, torch.nn.functional.pad(images, shift), training),
    )


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


def test_losses_that_rounding_alone_moves_are_held_to_what_it_does(in_this_process):
    """The base gan: within twenty steps a change in the last bits of its parameters is a tenth of its losses."""
    asked = [spec("tf.gan", "base", path="graph"), spec("torch.gan", "base")]
    (found,) = parity.check(asked, range(3), 600.0, gradients=False)
    (losses,) = [one for one in found.differences if one.what == "losses"]
    assert found.same
    assert losses.tolerance == parity.ROUNDING * losses.rounding > 1e-4
    assert "rounding alone moves them by" in sentence(found)


@pytest.mark.parametrize("fault", [epsilon_of_the_library, misplaced_epsilon])
def test_a_fault_is_caught_where_rounding_is_amplified(fault, monkeypatch):
    asked = spec("torch.gan", "base")
    good = probed(asked) | moved(asked)
    fault(monkeypatch)
    assert failing(good, probed(asked) | moved(asked)) == ["losses"]


def arrays(**changes):
    good = {
        "FLOPs": np.array(10.0),
        "output": np.array([1.0, -2.0]),
        "losses": np.array([2.0, 1.0]),
        "parameter/w": np.array([0.5]),
        "gradient/w": np.array([1.0, 2.0]),
        "gradient/silent": np.array([1e-9]),
    }
    return good | changes


def test_equal_arrays_are_the_same_and_each_kind_is_held_to_its_tolerance():
    assert failing(arrays(), arrays()) == []
    inside = {
        "output": np.array([1.0, -2.0 + 9e-6]),
        "losses": np.array([2.0 + 1.9e-5, 1.0]),
        "gradient/w": np.array([1.0, 2.0 + 1.9e-5]),
    }
    assert failing(arrays(), arrays(**inside)) == []
    outside = {
        "FLOPs": np.array(10.5),
        "output": np.array([1.0, -2.0 + 1.1e-5]),
        "losses": np.array([2.0, 1.0 + 1.1e-5]),
        "parameter/w": np.array([0.5 + 1e-7]),
        "gradient/w": np.array([1.0, 2.0 + 2.1e-5]),
    }
    for name, value in outside.items():
        assert failing(arrays(), arrays(**{name: value})) == [name.replace("/", " ")]


def test_rounding_excuses_no_step_before_it_was_amplified():
    apart, noise = np.array([2.0, 1.0 + 1e-3]), np.array([2.0, 1.0 + 5e-4])
    assert failing(arrays(), arrays(losses=apart)) == ["losses"]
    assert failing(arrays(), arrays(losses=apart, moved=np.array([2.0, 1.0 + 1e-3 + 5e-4]))) == []
    assert failing(arrays(moved=noise), arrays(losses=apart)) == []
    assert failing(arrays(moved=noise), arrays(losses=np.array([2.0 + 1e-4, 1.0]))) == ["losses"]
    assert failing(arrays(moved=noise), arrays(losses=np.array([2.0, 1.0 + 3e-3]))) == ["losses"]
    assert failing(arrays(moved=noise), arrays(losses=apart, output=np.array([1.0, -2.1]))) == ["output"]


def test_a_silent_gradient_is_measured_against_the_loudest():
    assert failing(arrays(), arrays(**{"gradient/silent": np.array([-1e-9])})) == []
    assert failing(arrays(), arrays(**{"gradient/silent": np.array([3e-7])})) == ["gradient silent"]


def test_what_only_one_side_has_is_an_infinite_difference():
    lacking = {name: value for name, value in arrays().items() if name != "gradient/w"}
    more = arrays(**{"parameter/v": np.array([1.0])})
    for one, other, what in (
        (arrays(), lacking, "gradient w"),
        (lacking, arrays(), "gradient w"),
        (arrays(), more, "parameter v"),
    ):
        (found,) = [one for one in parity.differences(one, other) if not one.holds]
        assert (found.what, found.difference) == (what, math.inf)
    assert failing(arrays(), arrays(output=np.array([[1.0, -2.0]]))) == ["output"]


def differences_of(values):
    return [[Difference(what="output", difference=value, tolerance=1.0, worst=value)] for value in values]


@given(st.lists(st.floats(min_value=0, allow_infinity=True), min_size=1, max_size=9))
def test_the_median_over_seeds_decides_and_the_worst_is_kept(values):
    (found,) = parity.over_seeds(differences_of(values))
    assert found.difference == sorted(values)[len(values) // 2]
    assert found.worst == max(values)


def test_one_knife_edge_among_five_seeds_does_not_condemn_and_three_do():
    assert parity.over_seeds(differences_of([0.1, 0.2, 9.0, 0.1, 0.3]))[0].holds
    assert not parity.over_seeds(differences_of([0.1, 9.0, 9.0, 0.1, math.nan]))[0].holds
    assert not parity.over_seeds(differences_of([math.nan]))[0].holds


def test_arms_of_a_run_make_families_of_one_model():
    specs = [
        spec(f"{f}.mlp", phase=phase, seed=seed)
        for f in ("tf", "torch")
        for phase in ("train", "predict")
        for seed in (0, 1)
    ]
    (family,) = parity.families([*specs, spec("acme.other"), spec("zoo.other"), spec("tf.cnn")])
    assert [one.label for one in family] == ["tf.mlp eager", "torch.mlp eager"]


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (spec("torch.cnn"), "differ in architecture: mlp and cnn"),
        (spec("torch.mlp", task="demand"), "differ in task: digits and demand"),
        (spec("torch.mlp", batch_size=8), "differ in batch size: 32 and 8"),
    ],
)
def test_unlike_specs_are_refused(other, text):
    with pytest.raises(SpecError, match=text):
        parity.check([spec("tf.mlp"), other], (0,), 60.0)


def test_a_plugin_without_the_capability_is_told_which_and_how():
    with pytest.raises(Unsupported, match=r"fake.minimal lacks .* ExchangesParameters.*add export_parameters"):
        probe(prepare(spec("fake.minimal"), Minimal()), 1, gradients=True)
    half = type("Half", (LinearPlugin,), {"gradients": None})()
    with pytest.raises(Unsupported, match=r"ComputesGradients.*add gradients\(\)"):
        probe(prepare(spec("fake.linear"), half), 1, gradients=True)


def test_values_that_are_not_finite_are_refused():
    class Lost(LinearPlugin):
        def predict(self, inputs):
            return super().predict(inputs) * np.float32(np.nan)

    with pytest.raises(ContractViolation, match="output holds values that are not finite"):
        probe(prepare(spec("fake.linear"), Lost()), 1, gradients=True)


def test_a_side_that_cannot_be_probed_is_a_reason_and_no_verdict():
    (found,) = parity.check([spec("fake.linear"), spec("fake.linear", path="graph")], (0,), 60.0)
    assert found.same is None
    assert "NumPy has eager only" in found.reason


def test_the_others_are_compared_with_the_first_that_can_be_probed():
    asked = [spec("fake.linear", path="graph"), spec("fake.linear"), spec("twin.linear")]
    unable, found = parity.check(asked, (0,), 60.0)
    assert (unable.baseline, unable.candidate, unable.same) == (asked[1], asked[0], None)
    assert (found.baseline, found.candidate, found.same) == (asked[1], asked[2], True)


def test_checks_are_written_and_read_back(tmp_path):
    found = parity.check([spec("fake.linear"), spec("twin.linear")], (0, 1), 60.0)
    append(tmp_path / "parity.jsonl", found)
    assert read_parities(tmp_path / "parity.jsonl") == found
    assert read_parities(tmp_path / "none.jsonl") == []


def dlbench(*arguments, cwd, misdeed=""):
    environment = {**os.environ, "DLBENCH_FAKE": misdeed}
    return subprocess.run([DLBENCH, *arguments], check=False, cwd=cwd, env=environment, capture_output=True, text=True)


def test_the_command_shows_every_figure_and_answers_by_its_exit_code(tmp_path):
    done = dlbench("parity", "fake.linear", "twin.linear", "--seeds", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for what in ("output", "losses", "FLOPs", "parameter kernel", "gradient bias", "5e-06", "same model: yes"):
        assert what in done.stdout
    assert dlbench("parity", "fake.linear", cwd=tmp_path).returncode == 2
    assert "name a second plugin" in dlbench("parity", "fake.linear", cwd=tmp_path).stderr
    assert "differ in" in dlbench("parity", "fake.linear", "tf.mlp", cwd=tmp_path).stderr
    unchecked = dlbench("parity", "fake.linear", "--path", "eager,graph", cwd=tmp_path)
    assert unchecked.returncode == 2
    assert "not checked" in unchecked.stdout


def test_another_model_is_exit_code_1_and_stands_first_in_a_report(tmp_path):
    misdeed = "predict:return=shape"
    done = dlbench("parity", "fake.linear", "naughty.linear", "--seeds", "1", cwd=tmp_path, misdeed=misdeed)
    assert done.returncode == 1, done.stderr
    assert "output" in next(line for line in done.stdout.splitlines() if "NO" in line)
    arguments = ("--plugin", "fake.linear,naughty.linear", "--quick", "--phase", "train", "--out", "out")
    dlbench("run", *arguments, cwd=tmp_path, misdeed=misdeed)
    heading, first = (tmp_path / "out" / "report.md").read_text().partition("## Before you believe it")[1:]
    assert heading
    assert "same model: NO" in first.strip().splitlines()[0]


def test_a_plugin_that_cannot_be_compared_is_named_with_what_to_add(tmp_path):
    arguments = ("--task", "line", "--seeds", "1")
    done = dlbench("parity", "fake.minimal", "--path", "eager,graph", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "ExchangesParameters" in done.stdout
    assert "add export_parameters()" in " ".join(done.stdout.split())


def test_a_run_checks_its_arms_first_and_says_so(tmp_path):
    arguments = ("--plugin", "fake.linear,twin.linear", "--quick", "--phase", "predict", "--out", "out")
    done = dlbench("run", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.index("the same model?") < done.stderr.index("samples/s")
    assert "same model: yes" in (tmp_path / "out" / "report.md").read_text()
    dlbench("report", "out", "--format", "markdown", "--out", "again", cwd=tmp_path)
    assert (tmp_path / "again" / "report.md").read_text() == (tmp_path / "out" / "report.md").read_text()
    dlbench("run", *arguments[:-1], "bare", "--no-parity", cwd=tmp_path)
    assert "not checked" in (tmp_path / "bare" / "report.md").read_text()
