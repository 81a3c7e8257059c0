"""The pieces that every architecture in TensorFlow shares."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from dlbench import plugin as contract
from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import ArraySpec
from dlbench.spec import PATHS
from dlbench_tf import caches
from dlbench_tf.dropout import SeededDropout, off
from dlbench_tf.objective import mse
from dlbench_tf.optimizers import Adam, make_optimizer
from dlbench_tf.paths import Graph, Paths

pytestmark = pytest.mark.untimed

SETTINGS = contract.Adam(learning_rate=0.01)


def reference(weights, gradients, settings):
    """The contract's formula, float64."""
    m = v = np.zeros_like(weights)
    for t, g in enumerate(gradients.astype(np.float64), 1):
        m = settings.beta1 * m + (1 - settings.beta1) * g
        v = settings.beta2 * v + (1 - settings.beta2) * g**2
        weights = weights - settings.learning_rate * (m / (1 - settings.beta1**t)) / (
            np.sqrt(v / (1 - settings.beta2**t)) + settings.epsilon
        )
    return weights


@pytest.mark.parametrize("path", PATHS)
def test_adam_is_the_contracts_formula_also_where_epsilon_rules(path):
    scales = np.logspace(-10, 0, 40)  # around epsilon, its place decides the step
    gradients = (np.random.default_rng(0).normal(size=(20, 40)) * scales).astype(np.float32)
    variable, counter = tf.Variable(np.zeros(40, np.float32)), tf.Variable(0.0, dtype=tf.float64)
    adam = Adam(SETTINGS, [variable])

    def graph_update(gradient):
        adam.apply([gradient], counter.assign_add(1.0).value())
        return tf.constant(0)

    update = Paths(path).put(graph_update, ArraySpec((40,), "float32"))
    for t, gradient in enumerate(tf.unstack(tf.constant(gradients)), 1):
        adam.apply([gradient], float(t)) if path == "eager" else update(gradient)
    expected = reference(np.zeros(40), gradients, SETTINGS)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=3e-6, atol=3e-8)


def decayed(weights, gradients, settings):
    """AdamW: the contract's Adam of one update at a time, after the decay."""
    m = v = np.zeros_like(weights)
    for t, g in enumerate(gradients.astype(np.float64), 1):
        weights = weights - settings.learning_rate * settings.weight_decay * weights
        m = settings.beta1 * m + (1 - settings.beta1) * g
        v = settings.beta2 * v + (1 - settings.beta2) * g**2
        root = np.sqrt(v / (1 - settings.beta2**t)) + settings.epsilon
        weights = weights - settings.learning_rate * (m / (1 - settings.beta1**t)) / root
    return weights


def descended(weights, gradients, settings):
    """Momentum as the contract states it."""
    velocity = np.zeros_like(weights)
    for g in gradients.astype(np.float64):
        velocity = settings.momentum * velocity + g
        weights = weights - settings.learning_rate * velocity
    return weights


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("settings", "formula"),
    [
        (contract.AdamW(learning_rate=0.01, weight_decay=0.3), decayed),
        (contract.SGD(learning_rate=0.1, momentum=0.9), descended),
        (contract.SGD(learning_rate=0.1), descended),
    ],
)
def test_optimizers_are_the_contracts_formulas(settings, formula, path):
    random = np.random.default_rng(0)
    start, gradients = random.normal(size=40).astype(np.float32), random.normal(size=(20, 40)).astype(np.float32)
    variable, counter = tf.Variable(start), tf.Variable(0.0, dtype=tf.float64)
    optimizer = make_optimizer(settings, [variable], [variable])

    def update(gradient):
        optimizer.apply([gradient], counter.assign_add(1.0).value())
        return tf.constant(0)

    update = Paths(path).put(update, ArraySpec((40,), "float32"))
    for gradient in tf.unstack(tf.constant(gradients)):
        update(gradient)
    np.testing.assert_allclose(variable.numpy(), formula(start, gradients, settings), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_an_optimizer_of_the_users_own_is_given_the_parameters(path, tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(
        "import keras\n\ndef sgd(parameters):\n    assert len(parameters) == 1\n    return keras.optimizers.SGD(0.1)\n"
        "def none(parameters):\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    variable = tf.Variable(np.ones(3, np.float32))
    own = make_optimizer(contract.OwnOptimizer(function="own.py:sgd"), [variable], [variable])

    def update(gradient):
        own.apply([gradient], 1.0)
        return tf.constant(0)

    Paths(path).put(update, ArraySpec((3,), "float32"))(tf.constant([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(variable.numpy(), [0.9, 0.8, 0.7], rtol=1e-6)
    assert own.name == "SGD of own.py:sgd"
    with pytest.raises(SpecError, match=r"returned a int; return a keras\.optimizers\.Optimizer"):
        make_optimizer(contract.OwnOptimizer(function="own.py:none"), [variable], [variable])


@pytest.mark.parametrize("shape", [(400, 500), (7, 3, 5)])
def test_dropout_drops_its_share_and_keeps_the_mean(shape):
    ones = tf.ones(shape)
    dropped = SeededDropout(3, 1.0)(ones, 0.1).numpy()
    assert dropped.shape == shape
    assert set(np.round(np.unique(dropped), 4)) == {0.0, np.float32(1.1111)}
    error = np.sqrt(0.1 * 0.9 / dropped.size)
    assert abs((dropped == 0).mean() - 0.1) < 5 * error
    assert abs(dropped.mean() - 1.0) < 6 * error


def test_dropout_differs_by_draw_step_and_seed_only():
    ones = tf.ones((64, 64))

    def masks(seed, count):
        dropout = SeededDropout(seed, count)
        return [dropout(ones, 0.5).numpy() for _ in range(2)]

    found = [*masks(0, 1.0), *masks(0, 2.0), *masks(1, 1.0), *masks(0, 3e7), *masks(0, 3e7 + 1)]
    agreement = [(one == other).mean() for at, one in enumerate(found) for other in found[:at]]
    assert all(0.4 < share < 0.6 for share in agreement), "independent masks agree in half of their values"
    np.testing.assert_array_equal(masks(0, 2.0), found[2:4])


def test_no_dropout_is_no_operation():
    values = tf.ones(3)
    assert SeededDropout(0, 1.0)(values, 0.0) is values
    assert off(values, 0.9) is values


def test_mse_is_the_mean_over_all_values():
    rows = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    assert float(mse(tf.constant(rows[0]), tf.constant(rows[1]))) == pytest.approx(((rows[0] - rows[1]) ** 2).mean())


def test_a_graph_that_xla_need_not_compile_is_told_apart():
    numbers = ArraySpec((2,), "float32")
    graphs = [Graph(lambda x: x + 1.0, [numbers], xla=xla) for xla in (True, False)]
    for graph in graphs:
        graph(tf.zeros(2))
    assert [graph.whole for graph in graphs] == [True, False]


def test_a_second_trace_counts_as_recompilation():
    paths = Paths("jit")
    graph = paths.put(lambda x: x + 1.0, ArraySpec((2,), "float32"))
    graph(tf.zeros(2))
    assert paths.compilation().recompilations == 0
    graph._function(tf.zeros(2, tf.float64))
    assert paths.compilation().recompilations == 1


def test_what_xla_cannot_compile_raises_and_does_not_fall_back():
    unsupported = Paths("jit").put(lambda x: tf.strings.length(tf.strings.as_string(x)), ArraySpec((2,), "float32"))
    with pytest.raises(Unsupported, match="AsString"):
        unsupported(tf.zeros(2))


@pytest.mark.parametrize("path", ["graph", "jit"])
def test_another_shape_than_the_specs_is_an_error(path):
    graph = Paths(path).put(lambda x: x + 1.0, ArraySpec((2,), "float32"))
    graph(tf.zeros(2))
    with pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
        graph(tf.zeros(3))


@pytest.mark.parametrize(("setting", "library"), [("0", "Eigen"), ("1", "oneDNN")])
def test_the_library_of_products_is_that_of_the_process(setting, library):
    code = "from dlbench_tf.readback import blas; print(blas())"
    variables = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": setting}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == library


@pytest.mark.parametrize("told", ["directly", "in a file"])
def test_compiled_code_that_xla_finds_on_the_disk_is_no_cold_start(told, tmp_path, monkeypatch):
    for name in caches.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert caches.state() == "none"
    flags, kept = f"--tf_xla_auto_jit=0 --tf_xla_persistent_cache_directory={tmp_path / 'kept'}", tmp_path / "kept"
    (tmp_path / "flags").write_text(flags)
    monkeypatch.setenv("TF_XLA_FLAGS", flags if told == "directly" else str(tmp_path / "flags"))
    assert caches.state() == "empty"
    kept.mkdir()
    (kept / "program").touch()
    assert caches.state() == "not empty"
