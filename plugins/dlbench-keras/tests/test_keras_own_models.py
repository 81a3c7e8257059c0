"""Models of a user's own, and optimizers, on PyTorch: a process has one backend of Keras."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

import dlbench_keras
from dlbench import conformance
from dlbench.errors import SpecError, Unsupported
from dlbench.measure.build import batch_of_call, build_checked, prepare, stage
from dlbench.plugin import SGD, Adam, AdamW, BuildRequest, ModelSource, OwnOptimizer
from dlbench.spec import InputSpec, Spec

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("test_keras_own_models")]

NETS = Path(__file__).with_name("own_nets.py")
ADAM = Adam()


@pytest.fixture(scope="module", autouse=True)
def keras_on_torch():
    dlbench_keras.torch.mlp()


def spec_of(name: str, **more) -> Spec:
    (spec,) = conformance.specs("keras-torch.mlp", "eager")
    return msgspec.structs.replace(spec, plugin=f"keras-torch.{name}", **more)


def described(name: str, **stated):
    plugin = dlbench_keras.torch.adapt(ModelSource(reference=f"{NETS}:{name}", **stated))
    return plugin, plugin.describe(spec_of(name, batch_size=4))


def built(name: str, loss: str = "", **stated):
    """A plugin that is built for its own description, and a batch."""
    plugin, said = described(name, loss=loss, **stated)
    found = {"inputs": said.inputs, "outputs": InputSpec(said.outputs.shape), "loss": loss}
    source = ModelSource(reference=f"{NETS}:{name}", **{**found, **stated})
    spec = spec_of(name, batch_size=4, model=source, task="synthetic_inputs")
    made = prepare(spec, plugin)
    build_checked(plugin, made.request)
    return plugin, stage(plugin, spec, batch_of_call(made.task, spec, 0)), made


def test_a_functional_model_is_described_and_trained_by_its_probabilities():
    plugin, said = described("functional")
    assert said.inputs == (InputSpec((4, 6)),)
    assert said.outputs.shape == (4, 3)
    assert any(line.startswith("softmax") for line in said.inferred)
    plugin, batch, _ = built("functional", "cross_entropy")
    outputs = np.asarray(plugin.predict(batch.inputs))
    np.testing.assert_allclose(outputs.sum(1), 1, rtol=1e-6)
    before = plugin.export_parameters()
    assert any("moving_mean" in name for name in before)
    gradients = plugin.gradients(batch)
    assert all(np.array_equal(value, before[name]) for name, value in plugin.export_parameters().items())
    assert set(gradients) < set(before)
    plugin.train_step(batch)
    moved = [name for name, value in plugin.export_parameters().items() if not np.array_equal(value, before[name])]
    assert any("moving_mean" in name for name in moved)


def test_inputs_by_name_and_one_of_several_outputs():
    plugin, said = described("two_in_two_out")
    assert [(one.name, one.below) for one in said.inputs] == [("numbers", None), ("tokens", 11)]
    assert said.outputs.shape == (4, 3)
    assert "output: logits, one of several" in said.inferred
    plugin, batch, _ = built("two_in_two_out", "mse")
    assert np.asarray(plugin.predict(batch.inputs)).shape == (4, 3)
    assert np.isfinite(plugin.train_step(batch))


def test_an_instance_starts_from_the_same_values_each_time():
    first, batch, _ = built("instance", "mse")
    begun = first.export_parameters()
    first.train_step(batch)
    second = built("instance", "mse")[0]
    assert all(np.array_equal(value, begun[name]) for name, value in second.export_parameters().items())


def test_what_is_wrong_is_told():
    with pytest.raises(SpecError, match=r"inputs are not known; give --input"):
        described("Subclassed")
    with pytest.raises(SpecError, match=r"float32 \(4, 7\) do not fit"):
        described("functional", inputs=(InputSpec((4, 7)),))
    with pytest.raises(SpecError, match="train_step returns no loss"):
        plugin, batch, _ = built("steps_itself", "mse")
        plugin.train_step(batch)


def test_a_loss_and_an_optimizer_of_the_users_own():
    plugin, batch, made = built("Subclassed", f"{NETS}:shifted", inputs=(InputSpec((4, 6)),), targets=InputSpec((4, 2)))
    wanted = np.abs(np.asarray(plugin.predict(batch.inputs)) - np.asarray(batch.targets)).mean()
    assert plugin.train_step(batch) == pytest.approx(wanted, rel=1e-5)
    info = plugin.build(replaced(made.request, OwnOptimizer(function=f"{NETS}:decayed")))
    assert info.details["optimizer"].startswith("RMSprop of Keras")


def replaced(request: BuildRequest, optimizer) -> BuildRequest:
    return BuildRequest(request.spec, request.signature, optimizer, request.configuration, request.parameters, False)


@pytest.mark.parametrize("optimizer", [ADAM, AdamW(weight_decay=0.1), SGD(momentum=0.9)], ids=lambda one: one.__class__)
def test_updates_are_those_of_the_contract_in_float64(optimizer):
    """A stock Adam of Keras is off by 6e-6 at the first step, and a hundred times that with its place of epsilon."""
    spec = spec_of("mlp")
    made = prepare(spec, dlbench_keras.torch.mlp())
    plugin = made.plugin
    build_checked(plugin, replaced(made.request, optimizer))
    values = {name: np.float64(value) for name, value in plugin.export_parameters().items()}
    first, moments = values, [dict.fromkeys(values, 0.0) for _ in range(2)]
    for step in (1, 2, 3):
        batch = stage(plugin, spec, batch_of_call(made.task, spec, step))
        slopes = {name: np.float64(value) for name, value in plugin.gradients(batch).items()}
        plugin.train_step(batch)
        values = {name: stated(optimizer, step, name, value, slopes[name], moments) for name, value in values.items()}
    for name, value in plugin.export_parameters().items():
        if name.endswith("/bias"):  # they start at zero: nothing of their change is rounded away
            change = values[name] - first[name]
            np.testing.assert_allclose(value - first[name], change, rtol=2e-6, atol=2e-6 * np.abs(change).max())


def stated(optimizer, step, name, value, slope, moments):
    """One update in float64, as `dlbench.plugin.requests` states it."""
    if isinstance(optimizer, SGD):
        moments[0][name] = optimizer.momentum * moments[0][name] + slope
        return value - optimizer.learning_rate * moments[0][name]
    value = value * (1 - optimizer.learning_rate * getattr(optimizer, "weight_decay", 0.0))
    for place, (beta, term) in enumerate(((optimizer.beta1, slope), (optimizer.beta2, slope**2))):
        moments[place][name] = beta * moments[place][name] + (1 - beta) * term
    mean, square = (
        moments[place][name] / (1 - beta**step) for place, beta in enumerate((optimizer.beta1, optimizer.beta2))
    )
    return value - optimizer.learning_rate * mean / (np.sqrt(square) + optimizer.epsilon)


@pytest.mark.parametrize(
    ("name", "stated", "why"),
    [
        ("Silent", {"inputs": (InputSpec((4, 6)),)}, "the model returns nothing; end its call with `return`"),
        ("forgetful", {"inputs": (InputSpec((4, 6)),)}, "ignores the seed: .*kernel starts otherwise"),
        (
            "words",
            {"inputs": (InputSpec((4, 6), "int32", 12),)},
            r"int32 \(4, 6\) below 12 do not fit: .*out of range.*; state fewer: --input",
        ),
        ("number", {}, "gives an object of int, which is no model; name a keras.Model"),
    ],
)
def test_a_model_that_cannot_be_measured_is_refused_when_it_is_described(name, stated, why):
    with pytest.raises(SpecError, match=why) as raised:
        described(name, **stated)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("frozen", "has no variable to train: none, or none that is trainable; choose --phase predict"),
        ("weightless", "has no variables, and so no precision and no device; name one with weights"),
        ("doubled", "asked for fp32, and its layers compute in float64; leave dtypes of layers to --precision"),
    ],
)
def test_a_model_that_keras_would_train_otherwise_than_asked_is_unsupported(name, why):
    with pytest.raises(Unsupported, match=why):
        built(name, "mse")


def test_a_loss_of_each_sample_is_refused():
    plugin, batch, _ = built("instance", f"{NETS}:each", targets=InputSpec((4, 2)))
    with pytest.raises(SpecError, match=r"each: returned shape \(4,\), and a loss is one number: take its mean"):
        plugin.train_step(batch)
