"""The six other architectures against the core's oracle, differences of it, and Adam in NumPy float64."""

from __future__ import annotations

import functools
from importlib.metadata import entry_points

import msgspec
import numpy as np
import pytest
from tf_building import Case, batch, built, losses, request, signature, slopes, trajectory

import dlbench_tf
from dlbench import architectures
from dlbench.architectures.cnn import CNN
from dlbench.architectures.gan import GAN
from dlbench.architectures.mlp import MLP
from dlbench.architectures.recurrent import Recurrent
from dlbench.architectures.transformer import Transformer
from dlbench.errors import Unsupported
from dlbench.plugin import PARTS, BuildRequest
from dlbench.spec import PATHS
from dlbench_tf.recurrent import UNROLLED

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("test_tf_architectures")]  # tests share models

STEPS = 20
SERIES = signature((4, 5, 3), (4, 2), (4, 2), "mse")
LONG = signature((4, UNROLLED + 1, 3), (4, 2), (4, 2), "mse")  # under XLA a loop
# Sides that differ and channels that differ show a transposed flattening; the first pooling drops a row and a column.
IMAGES = signature((4, 15, 19, 2), (4,), (4, 3), "cross_entropy")
NOISE = signature((4, 5), (4, 4, 3, 1), (4, 4, 3, 1), "adversarial")
STEPWISE = signature((4, 5, 3), (4, 5, 2), (4, 5, 2), "mse")
TOKENS = signature((4, 5), (4, 5), (4, 5, 7), "cross_entropy", vocabulary=7)
CASES = {
    "mlp": Case("mlp", MLP(widths=(7, 5), batch_size=4), signature((4, 3, 2), (4,), (4, 3), "cross_entropy")),
    "cnn": Case("cnn", CNN(channels=(3, 4), units=5, batch_size=4), IMAGES),
    "rnn": Case("rnn", Recurrent(cell="rnn", units=6, batch_size=4), LONG),
    "lstm": Case("lstm", Recurrent(cell="lstm", units=6, batch_size=4), LONG),
    "gru": Case("gru", Recurrent(cell="gru", units=6, batch_size=4), SERIES),
    "gan": Case("gan", GAN(generator=(7, 6), discriminator=(8, 5), batch_size=4), NOISE),
}
everywhere = pytest.mark.parametrize("path", PATHS)
each = pytest.mark.parametrize("architecture", CASES)


def batches(architecture, steps=STEPS):
    return [batch(CASES[architecture].signature, seed) for seed in range(steps)]


@functools.cache
def shared(architecture, path):
    """For tests that change its parameters alone: XLA takes seconds to compile."""
    return built(request(CASES[architecture], path))


@functools.cache
def trained(architecture, path):
    """A model after its first steps, their losses, and the parameters that they led to."""
    model = built(request(CASES[architecture], path))
    found = losses(model, batches(architecture))
    return model, found, model.export_parameters()


@functools.cache
def differences(architecture):
    case = CASES[architecture]
    return slopes(case, request(case).parameters, batch(case.signature, 3))


@functools.cache
def true_trajectory(architecture):
    case = CASES[architecture]
    return trajectory(case, shared(architecture, "eager"), request(case), batches(architecture))


@each
@everywhere
def test_predict_agrees_with_the_oracle(architecture, path):
    case, model = CASES[architecture], shared(architecture, path)
    for seed in range(4):
        parameters, data = request(case, path, seed).parameters, batch(case.signature, seed)
        model.import_parameters(parameters)
        expected = case.configuration.forward(parameters, data.inputs, case.signature)
        assert np.ptp(expected) > 0.1, "outputs that vary"
        found = np.asarray(model.predict(model.stage(data).inputs))
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=5e-6)


SENTENCES = signature((4, 5), (4,), (4, 3), "cross_entropy", vocabulary=7)
BLOCK = Transformer(blocks=1, width=8, heads=2, key_dim=4, feed_forward=12, sequence=64, batch_size=4, dropout=0.0)
ENDS = {
    "lstm of tokens": Case("lstm", Recurrent(cell="lstm", units=6, batch_size=4), SENTENCES),
    "transformer of tokens to one row": Case("transformer", BLOCK, SENTENCES),
    "transformer of features": Case("transformer", BLOCK, SERIES),
    "transformer of features to a row a step": Case("transformer", BLOCK, STEPWISE),
}


@pytest.mark.parametrize(
    ("ends", "path"),
    [*((ends, "eager") for ends in ENDS), ("lstm of tokens", "jit"), ("transformer of features", "jit")],
)
def test_other_ends_agree_with_the_oracle_and_its_differences(ends, path):
    case = ENDS[ends]
    asked, data = request(case, path), batch(case.signature)
    model = built(asked)
    expected = case.configuration.forward(asked.parameters, data.inputs, case.signature)
    assert np.ptp(expected) > 0.1, "outputs that vary"
    staged = model.stage(data)
    np.testing.assert_allclose(np.asarray(model.predict(staged.inputs)), expected, rtol=0, atol=5e-6)
    gradients = model.gradients(staged)
    for name, slope in slopes(case, asked.parameters, data).items():
        np.testing.assert_allclose(gradients[name], slope, rtol=0, atol=2e-6, err_msg=name)


@each
def test_the_article_size_agrees_with_the_oracle(architecture):
    small = architectures.configuration(architecture, "small")
    rows = small.batch_size
    given, taken = {"gan": ((100,), (28, 28, 1)), "mlp": ((28, 28, 1), (10,)), "cnn": ((28, 28, 1), (10,))}.get(
        architecture, ((10, 1), (1,))
    )
    loss = "adversarial" if architecture == "gan" else "mse"
    case = Case(architecture, small, signature((rows, *given), (rows, *taken), (rows, *taken), loss))
    asked, data = request(case, "graph"), batch(case.signature)
    expected = small.forward(asked.parameters, data.inputs, case.signature)
    found = np.asarray(built(asked).predict(data.inputs))
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-6 * max(1.0, np.abs(expected).max()))


@each
@everywhere
def test_gradients_agree_with_differences_of_the_oracle(architecture, path):
    case, model, expected = CASES[architecture], shared(architecture, path), differences(architecture)
    model.import_parameters(request(case, path).parameters)
    found = model.gradients(model.stage(batch(case.signature, 3)))
    assert found.keys() == expected.keys()
    for name, slope in expected.items():
        assert np.abs(slope).max() > 1e-4, f"{name} matters"
        np.testing.assert_allclose(found[name], slope, rtol=0, atol=2e-6, err_msg=name)


@each
@everywhere
def test_twenty_steps_follow_adam_in_float64(architecture, path):
    _, found, weights = trained(architecture, path)
    expected, true_weights = true_trajectory(architecture)
    np.testing.assert_allclose(np.reshape(found, (STEPS, -1)), expected, rtol=1e-5)
    for name, value in weights.items():
        np.testing.assert_allclose(value, true_weights[name], rtol=0, atol=2e-5, err_msg=name)


@each
def test_the_three_paths_take_the_same_steps(architecture):
    eager, *others = (trained(architecture, path)[1] for path in PATHS)
    assert np.ptp(np.asarray(eager), axis=0).min() > 1e-3, "losses that move"
    for other in others:
        np.testing.assert_allclose(other, eager, rtol=1e-5)


@each
@everywhere
def test_the_loss_of_a_repeated_batch_falls(architecture, path):
    # Of a gan it is the discriminator's that falls: it learns by heart which images are real.
    falling = np.reshape(losses(trained(architecture, path)[0], [batches(architecture)[0]] * 40), (40, -1))[:, -1]
    assert falling[-1] < 0.8 * falling[0]


@each
def test_jit_is_compiled_whole_and_once(architecture):
    model = trained(architecture, "jit")[0]
    for one in batches(architecture, 3):
        model.predict(model.stage(one).inputs)
    found = model.compilation()
    assert (found.graphs, found.breaks, found.recompilations, found.parts) == (2, 0, 0, PARTS)


def test_only_xla_loops_over_long_sequences_and_an_lstm_outside_it_is_one_kernel():
    """Unrolled, an LSTM of 64 steps takes XLA over a minute; as a graph, a loop is slower."""

    def has(architecture, path, kind):
        graph = trained(architecture, path)[0]._train._concrete.graph
        return any(kind in operation.type for operation in graph.get_operations())

    where = [(name, path) for name in ("lstm", "gru") for path in ("graph", "jit")]
    assert [one for one in where if has(*one, "While")] == [("lstm", "jit")]
    assert [one for one in where if has(*one, "BlockLSTM")] == [("lstm", "graph")]


def test_a_gan_returns_both_losses_in_one_tensor_and_predicts_images():
    case, (model, found, _) = CASES["gan"], trained("gan", "jit")
    assert np.shape(found) == (STEPS, 2)
    images = np.asarray(model.predict(batch(case.signature).inputs))
    assert images.shape == case.signature.targets.shape
    assert np.abs(images).max() <= 1.0


def test_every_architecture_is_an_entry_point():
    found = {entry.name: entry.load() for entry in entry_points(group="dlbench.plugins") if entry.name[:3] == "tf."}
    assert found == {f"tf.{name}": getattr(dlbench_tf, name) for name in (*CASES, "transformer")}


@pytest.mark.parametrize(
    ("architecture", "given", "words"),
    [
        ("mlp", TOKENS, "numbers"),
        ("cnn", TOKENS, "images"),
        ("cnn", SERIES, "images"),
        ("rnn", TOKENS, "one row"),
        ("lstm", IMAGES, "sequences"),
        ("gru", msgspec.structs.replace(SERIES, vocabulary=3), "sequences"),
        ("gan", IMAGES, "--task synthetic_gan or digits_gan"),
        ("mlp", signature((4, 5), (4, 6), (4, 6), "adversarial"), "loss adversarial"),
        ("rnn", STEPWISE, "one row"),
    ],
)
def test_a_task_that_does_not_fit_is_unsupported(architecture, given, words):
    asked = request(CASES[architecture])
    misfit = msgspec.structs.replace(asked.spec, task="misfit")
    with pytest.raises(Unsupported, match=words) as caught:
        getattr(dlbench_tf, architecture)().build(
            BuildRequest(misfit, given, asked.optimizer, asked.configuration, asked.parameters)
        )
    assert f"tf.{architecture}" in str(caught.value)
    assert "misfit" in str(caught.value)
