"""tf.transformer against things that were not written in TensorFlow: the core's oracle, differences, NumPy's Adam."""

from __future__ import annotations

import functools
import types

import msgspec
import numpy as np
import pytest
import tensorflow as tf

from dlbench import plugin as contract
from dlbench.architectures import transformer as core
from dlbench.errors import Unsupported
from dlbench.plugin import ArraySpec, Batch, BuildRequest, Compilation, Signature
from dlbench.spec import PATHS, Spec
from dlbench_tf import transformer

TINY = core.Transformer(blocks=2, width=8, heads=2, key_dim=4, feed_forward=12, sequence=6, batch_size=4)
EXACT = msgspec.structs.replace(TINY, dropout=0.0)
VOCABULARY = 11
EPSILON = 1e-6  # large enough to matter among these gradients


def request(path="eager", configuration=TINY, seed=0, adam=None, **spec) -> BuildRequest:
    shape = (configuration.batch_size, configuration.sequence)
    tokens, outputs = ArraySpec(shape, "int32"), ArraySpec((*shape, VOCABULARY), "float32")
    signature = Signature(
        inputs=tokens, targets=tokens, outputs=outputs, loss="cross_entropy", vocabulary=VOCABULARY, causal=True
    )
    values = {"device": "cpu", "precision": "fp32", "threads": tf.config.threading.get_intra_op_parallelism_threads()}
    spec = Spec(
        **values | spec,
        plugin="tf.transformer",
        phase="train",
        path=path,
        size="tiny",
        task="text",
        batch_size=4,
        seed=seed,
    )
    return BuildRequest(
        spec,
        signature,
        adam or contract.Adam(learning_rate=1e-2, epsilon=EPSILON),
        configuration,
        scattered(configuration.initial_parameters(signature, seed), seed),
    )


def scattered(parameters, seed):
    """No zeros and ones: a bias or a scale that is left out, or used twice, shows."""
    noise = np.random.default_rng(seed)
    return {name: (value + noise.normal(0, 0.1, value.shape)).astype(np.float32) for name, value in parameters.items()}


def built(asked: BuildRequest):
    model = transformer()
    model.build(asked)
    return model


def batch(seed=0) -> Batch:
    tokens = np.random.default_rng(seed).integers(0, VOCABULARY, (TINY.batch_size, TINY.sequence + 1), np.int32)
    return Batch(np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:]))


def losses(model, steps, same_batch=False):
    staged = (model.stage(batch(0 if same_batch else step)) for step in range(steps))
    return [float(model.train_step(one)) for one in staged]


@functools.cache
def shared(path):
    """One model a path, with dropout, for tests that change its parameters alone: XLA takes seconds to compile."""
    return built(request(path, TINY))


@pytest.mark.parametrize("path", PATHS)
def test_predict_agrees_with_the_oracle(path):
    model = shared(path)
    for seed in range(4):
        asked, data = request(path, EXACT, seed), batch(seed)
        model.import_parameters(asked.parameters)
        expected = TINY.forward(asked.parameters, data.inputs, asked.signature)
        assert np.abs(expected).max() > 0.5
        np.testing.assert_allclose(np.asarray(model.predict(model.stage(data).inputs)), expected, rtol=0, atol=5e-6)


def test_the_article_size_agrees_with_the_oracle():
    small = core.SIZES["small"]
    asked = request("graph", small)
    tokens = np.random.default_rng(5).integers(0, VOCABULARY, (small.batch_size, small.sequence), np.int32)
    expected = small.forward(asked.parameters, tokens, asked.signature)
    np.testing.assert_allclose(np.asarray(built(asked).predict(tokens)), expected, rtol=0, atol=5e-6)


def test_a_model_that_is_not_causal_sees_what_follows():
    asked = request("eager", EXACT)
    open_ended = msgspec.structs.replace(asked.signature, causal=False)
    model = built(BuildRequest(asked.spec, open_ended, asked.optimizer, EXACT, asked.parameters))
    expected = TINY.forward(asked.parameters, batch().inputs, open_ended)
    np.testing.assert_allclose(np.asarray(model.predict(batch().inputs)), expected, rtol=0, atol=5e-6)


@pytest.fixture(scope="module")
def differences():
    """Gradients of the oracle's mean cross-entropy by central differences in float64."""
    asked, data, step = request("eager", EXACT), batch(3), 1e-5
    parameters = {name: value.astype(np.float64) for name, value in asked.parameters.items()}

    def loss():
        logits = TINY.forward(parameters, data.inputs, asked.signature)
        assert logits.dtype == np.float64
        shifted = logits - logits.max(-1, keepdims=True)
        picked = np.take_along_axis(shifted, data.targets[..., None], -1)[..., 0]
        return (np.log(np.exp(shifted).sum(-1)) - picked).mean()

    def slope(value, at):
        original, sides = value[at], []
        for moved in (original + step, original - step):
            value[at] = moved
            sides.append(loss())
        value[at] = original
        return (sides[0] - sides[1]) / (2 * step)

    with pytest.MonkeyPatch.context() as patch:
        # The oracle rounds its result to float32, too coarse to take differences of.
        patch.setattr(core, "np", types.SimpleNamespace(**vars(np) | {"float32": np.float64}))
        return {
            name: np.array([slope(value, at) for at in np.ndindex(value.shape)]).reshape(value.shape)
            for name, value in parameters.items()
        }


@pytest.mark.parametrize("path", PATHS)
def test_gradients_agree_with_differences_of_the_oracle(path, differences):
    model = shared(path)
    model.import_parameters(request(path, EXACT).parameters)
    found = model.gradients(model.stage(batch(3)))
    assert found.keys() == differences.keys()
    for name, expected in differences.items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=2e-6, err_msg=name)


def reference_losses(settings: contract.Adam, steps: int) -> tuple[list[float], dict[str, np.ndarray]]:
    """The contract's Adam in NumPy float64, on gradients of the eager model (proven above)."""
    asked = request("eager", EXACT, adam=settings)
    model = shared("eager")
    w = {name: value.astype(np.float64) for name, value in asked.parameters.items()}
    m, v = ({name: np.zeros_like(value) for name, value in w.items()} for _ in range(2))
    found = []
    for t in range(1, steps + 1):
        model.import_parameters({name: value.astype(np.float32) for name, value in w.items()})
        data = batch(t - 1)
        logits = tf.constant(model.predict(data.inputs))
        found.append(float(tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(data.targets, logits, True))))
        for name, g in model.gradients(data).items():
            m[name] = settings.beta1 * m[name] + (1 - settings.beta1) * g
            v[name] = settings.beta2 * v[name] + (1 - settings.beta2) * g.astype(np.float64) ** 2
            root = np.sqrt(v[name] / (1 - settings.beta2**t)) + settings.epsilon
            w[name] -= settings.learning_rate * (m[name] / (1 - settings.beta1**t)) / root
    return found, w


@pytest.mark.parametrize("path", PATHS)
def test_twenty_steps_follow_adam_in_float64(path):
    asked = request(path, EXACT)
    model, (expected, weights) = built(asked), reference_losses(asked.optimizer, 20)
    assert expected[-1] < 0.97 * expected[0]
    np.testing.assert_allclose(losses(model, 20), expected, rtol=1e-5)
    for name, found in model.export_parameters().items():
        if "key/bias" not in name:  # its gradient is 0 in exact arithmetic, and Adam makes steps of the rounding
            np.testing.assert_allclose(found, weights[name], rtol=0, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("path", PATHS)
def test_dropout_is_new_each_step_and_the_same_for_the_same_seed_on_every_path(path):
    still = contract.Adam(learning_rate=0.0)
    found = losses(built(request(path, adam=still)), 5, same_batch=True)
    assert len(set(found)) == 5
    if path != "eager":
        np.testing.assert_allclose(found, losses(built(request("eager", adam=still)), 5, same_batch=True), rtol=1e-5)
        return
    assert found == losses(built(request(path, adam=still)), 5, same_batch=True)
    other = built(request(path, adam=still, seed=1))
    other.import_parameters(request(path).parameters)
    assert not set(found) & set(losses(other, 5, same_batch=True))


@pytest.mark.parametrize("path", PATHS)
def test_same_request_same_model_and_predict_changes_nothing(path):
    asked = request(path, msgspec.structs.replace(TINY, blocks=1))
    model = built(asked)
    before = model.export_parameters()
    first = np.asarray(model.predict(batch().inputs))
    np.testing.assert_array_equal(first, np.asarray(model.predict(batch().inputs)))
    assert all(np.array_equal(before[name], value) for name, value in model.export_parameters().items())
    trained = losses(model, 3)
    info = model.build(asked)  # the same object again, and no predict before the steps
    assert info.parameter_count == sum(value.size for value in asked.parameters.values())
    assert losses(model, 3) == trained


def test_a_step_prints_nothing(capfd):
    model = shared("graph")
    losses(model, 1)
    capfd.readouterr()
    losses(model, 3)
    assert capfd.readouterr() == ("", "")


def test_jit_is_compiled_whole_and_once():
    model = built(request("jit"))
    assert model.compilation() == Compilation(graphs=0, breaks=0, recompilations=0)
    losses(model, 4)
    assert model.compilation() == Compilation(graphs=1, breaks=0, recompilations=0)
    for seed in range(3):
        model.predict(model.stage(batch(seed)).inputs)
    assert model.compilation() == Compilation(graphs=2, breaks=0, recompilations=0)


@pytest.mark.parametrize("path", PATHS)
def test_parameters_round_trip_and_what_does_not_fit_is_refused(path):
    model, other = shared(path), request(path, EXACT, seed=9).parameters
    model.import_parameters(other)
    exported = model.export_parameters()
    assert exported.keys() == other.keys()
    assert all(np.array_equal(exported[name], other[name]) and exported[name].dtype == np.float32 for name in other)
    exported["output/bias"][:] = 7.0
    assert np.array_equal(model.export_parameters()["output/bias"], other["output/bias"]), "a copy, not a view"
    turned = other | {"output/kernel": other["output/kernel"].T}
    with pytest.raises(ValueError, match="output/kernel"):
        model.import_parameters(turned)
    with pytest.raises(ValueError, match="output/bias"):
        model.import_parameters({name: value for name, value in other.items() if name != "output/bias"})


def test_what_was_built_is_read_back(threads):
    model = transformer()
    info = model.build(request("jit", device="auto" if not tf.config.list_physical_devices("GPU") else "cpu"))
    assert (info.device, info.precision, info.path, info.compiler) == ("cpu", "fp32", "jit", "xla")
    assert info.threads == threads
    assert info.versions["tensorflow"] == tf.__version__
    assert info.device in model.devices()
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_every_capability_is_there():
    model = built(request())
    names = ("Stages", "ReportsDeviceMemory", "ExchangesParameters", "ComputesGradients", "ReportsCompilation")
    assert all(isinstance(model, getattr(contract, name)) for name in ("ModelPlugin", *names, "ListsDevices"))
    assert model.device_memory_peak() is None
    model.reset_device_memory_peak()
    assert isinstance(model.stage(batch()).inputs, tf.Tensor)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device": "gpu:99"}, ["gpu:99", "finds cpu"]),
        ({"device": "tpu"}, ["tpu", "finds cpu"]),
        ({"precision": "bf16"}, ["bf16", "fp32"]),
        ({"threads": 977}, ["977", "fresh process"]),
    ],
)
def test_what_cannot_be_had_here_is_unsupported(changes, words):
    shared("eager")  # TensorFlow has started: its threads are fixed
    with pytest.raises(Unsupported) as caught:
        transformer().build(request(**changes))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_what_the_plugin_does_not_know_is_unsupported():
    asked = request()
    hinge = msgspec.structs.replace(asked.signature, loss="hinge")
    values = msgspec.structs.replace(asked.signature, vocabulary=None)
    for signature, parameters, words in [
        (asked.signature, None, "no architecture transformer"),
        (hinge, asked.parameters, "loss hinge"),
        (values, asked.parameters, "embeds tokens"),
    ]:
        with pytest.raises(Unsupported, match=words):
            transformer().build(BuildRequest(asked.spec, signature, asked.optimizer, TINY, parameters))
