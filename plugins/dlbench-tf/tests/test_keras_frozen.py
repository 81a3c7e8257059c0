"""Models of Keras that train nothing: a frozen one predicts, and its training is refused with what to do."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dlbench.errors import Unsupported
from dlbench.measure.build import build_checked
from dlbench.plugin import SGD, ArraySpec, Batch, BuildRequest, Signature
from dlbench.spec import Spec
from dlbench_tf import plugin

pytestmark = pytest.mark.untimed

VALUES = Signature(
    inputs=ArraySpec((4, 8), "float32"),
    targets=ArraySpec((4, 2), "float32"),
    outputs=ArraySpec((4, 2), "float32"),
    loss="mse",
)


def frozen():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)])
    model.trainable = False
    return model


def weightless():
    return keras.Sequential([keras.Input((8,)), layers.Reshape((2, 4))])


def request(phase, path="eager"):
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    spec = Spec(plugin="tf.Net", phase=phase, path=path, size="any", task="any", batch_size=4, threads=threads)
    return BuildRequest(spec, VALUES, SGD(), None, None)


@pytest.mark.parametrize("path", ["eager", "graph"])
def test_a_frozen_model_predicts_with_all_its_values(path):
    model = plugin(frozen)()
    info = build_checked(model, request("predict", path))
    assert info.parameter_count == 8 * 3 + 3 + 4 * 3 + 3 * 2 + 2
    assert len(model.export_parameters()) == 8
    inputs = np.ones((4, 8), np.float32)
    assert np.asarray(model.predict(model.stage(Batch(inputs, inputs)).inputs)).shape == (4, 2)


@pytest.mark.parametrize(
    ("make", "phase", "text"),
    [
        (frozen, "train", r"tf\.Net has no variable to train: none, or none that is trainable; choose --phase predict"),
        (weightless, "predict", r"tf\.Net has no variables, and so no precision and no device; name one with weights"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(make, phase, text):
    with pytest.raises(Unsupported, match=text):
        plugin(make)().build(request(phase))
