"""tf.transformer against things that were not written in TensorFlow: the core's oracle, differences, NumPy's Adam."""

from __future__ import annotations

import functools

import msgspec
import numpy as np
import pytest
import tensorflow as tf
import tf_building
from tf_building import Case, built, signature, slopes, trajectory

from dlbench import plugin as contract
from dlbench.architectures import transformer as core
from dlbench.errors import Unsupported
from dlbench.plugin import PARTS, Batch, BuildRequest, Compilation
from dlbench.spec import PATHS
from dlbench_tf import transformer

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("test_tf_transformer")]  # tests share models

TINY = core.Transformer(blocks=2, width=8, heads=2, key_dim=4, feed_forward=12, sequence=6, batch_size=4)
EXACT = msgspec.structs.replace(TINY, dropout=0.0)
VOCABULARY = 11


def case(configuration) -> Case:
    shape = (configuration.batch_size, configuration.sequence)
    given = signature(shape, shape, (*shape, VOCABULARY), "cross_entropy", vocabulary=VOCABULARY, causal=True)
    return Case("transformer", configuration, given)


def request(path="eager", configuration=TINY, seed=0, **more) -> BuildRequest:
    return tf_building.request(case(configuration), path, seed, **more)


def batch(seed=0) -> Batch:
    return tf_building.batch(case(TINY).signature, seed)


def losses(model, steps, same_batch=False):
    return tf_building.losses(model, (batch(0 if same_batch else step) for step in range(steps)))


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


@functools.cache
def differences():
    return slopes(case(EXACT), request().parameters, batch(3))


@pytest.mark.parametrize("path", PATHS)
def test_gradients_agree_with_differences_of_the_oracle(path):
    model = shared(path)
    model.import_parameters(request(path, EXACT).parameters)
    found = model.gradients(model.stage(batch(3)))
    assert found.keys() == differences().keys()
    for name, expected in differences().items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=2e-6, err_msg=name)


@functools.cache
def true_trajectory():
    return trajectory(case(EXACT), shared("eager"), request(), [batch(step) for step in range(20)])


@pytest.mark.parametrize("path", PATHS)
def test_twenty_steps_follow_adam_in_float64(path):
    asked = request(path, EXACT)
    model, (expected, weights) = built(asked), true_trajectory()
    assert expected[-1][0] < 0.97 * expected[0][0]
    np.testing.assert_allclose(losses(model, 20), np.ravel(expected), rtol=1e-5)
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
    assert model.compilation() == Compilation(graphs=0, breaks=0, recompilations=0, calls=0)
    losses(model, 4)
    trained = Compilation(graphs=1, breaks=0, recompilations=0, parts=PARTS, calls=4, cache="none")
    assert model.compilation() == trained
    for seed in range(3):
        model.predict(model.stage(batch(seed)).inputs)
    assert model.compilation() == msgspec.structs.replace(trained, graphs=2, calls=7)


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
        ({"precision": "fp16"}, ["fp16", "fp32"]),
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
    for given, parameters, words in [
        (asked.signature, None, "no architecture transformer"),
        (hinge, asked.parameters, "loss hinge"),
        (values, asked.parameters, "takes sequences .* or tokens"),
    ]:
        with pytest.raises(Unsupported, match=words):
            transformer().build(BuildRequest(asked.spec, given, asked.optimizer, TINY, parameters))
