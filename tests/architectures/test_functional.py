"""The architectures as functions of arrays, on NumPy's own, against the oracle in float64."""

from __future__ import annotations

import numpy as np
import pytest

from dlbench import architectures
from dlbench.architectures.functional import Operations, dropped, function_of
from dlbench.errors import Unsupported
from dlbench.plugin import Adam, BuildRequest
from dlbench.spec import Spec
from dlbench.tasks import TaskRequest, open_task

pytestmark = pytest.mark.untimed

SEEDS = range(5)


def _softmax(rows):
    shifted = np.exp(rows - rows.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def _convolve(images, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    return np.einsum("bhwcij,ijco->bhwo", windows, kernel)


NUMPY = Operations(
    numpy=np,
    relu=lambda rows: np.maximum(rows, np.float32(0)),
    sigmoid=lambda rows: 1 / (1 + np.exp(-rows)),
    softmax=_softmax,
    leaky_relu=lambda rows, slope: np.where(rows > 0, rows, np.float32(slope) * rows),
    rsqrt=lambda rows: 1 / np.sqrt(rows),
    convolve=_convolve,
)


def request_of(architecture, task):
    configuration = architectures.configuration(architecture, "small")
    signature = open_task(task, TaskRequest("small", 4, configuration.input_shape)).signature
    spec = Spec(
        plugin=f"numpy.{architecture}", phase="train", path="eager", size="small", task=task, batch_size=4, threads=1
    )
    return BuildRequest(spec, signature, Adam(), configuration)


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("mlp", "synthetic"),
        ("cnn", "synthetic"),
        ("rnn", "synthetic"),
        ("lstm", "synthetic"),
        ("gru", "synthetic"),
        ("transformer", "text"),
        ("gan", "synthetic_gan"),
    ],
)
def test_outputs_are_the_oracles(architecture, task):
    request = request_of(architecture, task)
    forward = function_of(request, NUMPY)
    for seed in SEEDS:
        parameters = request.configuration.initial_parameters(request.signature, seed)
        inputs = open_task(task, TaskRequest("small", 4, request.configuration.input_shape)).batch(seed, 0).inputs
        wanted = request.configuration.forward(parameters, inputs, request.signature)
        found = forward(parameters, inputs, lambda values, _: values)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-6 * max(1.0, np.abs(wanted).max()))


def test_dropped_values_are_zero_and_the_others_keep_the_mean():
    generator = np.random.default_rng(0)
    drop = dropped(lambda draw, size: generator.integers(0, 2**16, size), NUMPY)
    values = drop(np.ones((200, 300), np.float32), 0.25)
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.75)}
    assert values.mean() == pytest.approx(1.0, abs=0.02)
    assert drop(values, 0.0) is values


def test_an_architecture_of_another_package_has_no_function():
    request = request_of("linear", "line")
    with pytest.raises(Unsupported, match=r"numpy\.linear: there is no function of linear, only of mlp, cnn"):
        function_of(request, NUMPY)
