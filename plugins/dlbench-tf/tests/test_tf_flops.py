"""FLOPs counted from XLA's program, against the core's and against small models worked out by hand."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers

from dlbench import architectures, registry
from dlbench.measure.build import build_checked, prepare
from dlbench.spec import Spec
from dlbench_tf import flops

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("path", ["eager", "jit"])
@pytest.mark.parametrize("architecture", ["cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer"])
def test_the_count_agrees_with_the_core_to_one_percent(architecture, path):
    batch = architectures.configuration(architecture, "small").batch_size
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    spec = Spec(
        plugin=f"tf.{architecture}",
        phase="predict",
        path=path,
        size="small",
        task=architectures.default_task(architecture),
        batch_size=batch,
        threads=threads,
    )
    prepared = prepare(spec, registry.load(spec.plugin))
    build_checked(prepared.plugin, prepared.request)
    counted = prepared.plugin.flops(prepared.task.batch(0, 0))
    stated = architectures.flops(prepared.request.configuration, prepared.task.signature, "predict")
    assert counted == pytest.approx(stated, rel=0.01)


CASES = [
    (lambda: layers.Dense(5), (4, 3), 4 * 3 * 5),
    (lambda: layers.Conv2D(6, 3, padding="same"), (2, 8, 8, 3), 2 * 64 * 9 * 3 * 6),
    (lambda: layers.DepthwiseConv2D(3), (2, 8, 8, 3), 2 * 36 * 9 * 3),
    (lambda: layers.Conv2D(6, 3, groups=3), (2, 8, 8, 3), 2 * 36 * 9 * 6),
    (lambda: layers.Conv2DTranspose(6, 2, strides=2), (2, 4, 4, 3), 2 * 16 * 4 * 3 * 6),
    (lambda: layers.LSTM(7), (4, 6, 5), 4 * 6 * (5 + 7) * 28),
    (lambda: layers.GRU(7), (4, 6, 5), 4 * 6 * (5 + 7) * 21),
    (lambda: layers.EinsumDense("abc,cd->abd", (None, 6)), (2, 4, 3), 2 * 4 * 3 * 6),
    (layers.ReLU, (4, 3), 0),
]


@pytest.mark.parametrize(("make", "shape", "adds"), CASES, ids=lambda value: str(value)[:12])
def test_layers_are_counted_as_by_hand(make, shape, adds):
    layer = make()
    layer.build(shape)
    assert flops.of_function(lambda x: layer(x, training=False), tf.TensorSpec(shape)) == 2 * adds


def test_what_xla_cannot_compile_is_not_counted():
    assert flops.of_function(lambda x: tf.strings.length(tf.strings.as_string(x)), tf.TensorSpec((2,))) is None


def test_a_loop_whose_length_depends_on_the_data_is_not_counted():
    def function(x):
        kernel = tf.ones((3, 3))
        return tf.while_loop(lambda y: tf.reduce_sum(y) < 100.0, lambda y: (tf.matmul(y, kernel),), (x,))[0]

    assert flops.of_function(function, tf.TensorSpec((3, 3))) is None


def test_attention_is_counted_whole():
    attention = layers.MultiHeadAttention(2, 4)
    rows = keras.Input((6, 8), batch_size=3)
    model = keras.Model(rows, attention(rows, rows))
    projections, products = 3 * 6 * 4 * 8 * 8, 2 * 3 * 2 * 6 * 6 * 4
    assert flops.of_function(lambda x: model(x, training=False), tf.TensorSpec((3, 6, 8))) == 2 * (
        projections + products
    )
