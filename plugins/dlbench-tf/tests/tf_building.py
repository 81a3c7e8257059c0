"""Helpers of TensorFlow's tests: tiny requests and batches, and a second opinion in NumPy float64."""

from __future__ import annotations

import contextlib
import sys
import types
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

import dlbench_tf
from dlbench import plugin as contract
from dlbench.plugin import ArraySpec, Batch, BuildRequest, Signature
from dlbench.spec import Spec

ADAM = contract.Adam(learning_rate=1e-2, epsilon=1e-6)  # an epsilon large enough to matter among these gradients


class Case(NamedTuple):
    """An architecture, tiny, and the inputs that a task would feed it."""

    architecture: str
    configuration: Any
    signature: Signature


def signature(inputs, targets, outputs, loss, **more) -> Signature:
    """Signature of shapes with the batch first; class labels and tokens are integers."""
    tokens, labels = "vocabulary" in more, loss == "cross_entropy"
    return Signature(
        inputs=ArraySpec(inputs, "int32" if tokens else "float32"),
        targets=ArraySpec(targets, "int32" if labels else "float32"),
        outputs=ArraySpec(outputs, "float32"),
        loss=loss,
        **more,
    )


def request(case: Case, path="eager", seed=0, adam=ADAM, **spec) -> BuildRequest:
    """A request without initial zeros and ones: a bias or a scale left out, or used twice, shows."""
    values = {"device": "cpu", "precision": "fp32", "threads": tf.config.threading.get_intra_op_parallelism_threads()}
    values |= {"phase": "train", "size": "tiny", "task": "any", "batch_size": case.signature.inputs.shape[0]}
    asked = Spec(plugin=f"tf.{case.architecture}", path=path, seed=seed, **values | spec)
    noise = np.random.default_rng(seed)
    parameters = {
        name: (value + noise.normal(0, 0.1, value.shape)).astype(np.float32)
        for name, value in case.configuration.initial_parameters(case.signature, seed).items()
    }
    return BuildRequest(asked, case.signature, adam, case.configuration, parameters)


def built(asked: BuildRequest) -> dlbench_tf.TFModel:
    """A model of its own."""
    model = getattr(dlbench_tf, asked.spec.architecture)()
    model.build(asked)
    return model


def batch(signature: Signature, seed=0) -> Batch:
    """Random tokens, labels and values."""
    random = np.random.default_rng(seed)

    def drawn(array: ArraySpec, below):
        if array.dtype == "int32":
            return random.integers(0, below, array.shape, np.int32)
        return random.normal(size=array.shape).astype(np.float32)

    return Batch(drawn(signature.inputs, signature.vocabulary), drawn(signature.targets, signature.outputs.shape[-1]))


def losses(model, batches) -> list[Any]:
    """One training step a batch; a loss is a float, or an array of two."""
    return [np.asarray(model.train_step(model.stage(one))).tolist() for one in batches]


def true_losses(case: Case, parameters, data: Batch) -> list[float]:
    """Losses of the core's oracle, in float64 throughout: one, or the generator's and the discriminator's."""
    with unrounded(case.configuration):
        outputs = case.configuration.forward(parameters, data.inputs, case.signature)
    assert outputs.dtype == np.float64
    match case.signature.loss:
        case "mse":
            return [((outputs - data.targets) ** 2).mean()]
        case "cross_entropy":
            picked = np.take_along_axis(outputs, data.targets[..., None], -1)[..., 0]
            return [(np.log(np.exp(outputs).sum(-1)) - picked).mean()]
        case "adversarial":
            fake, real = (1 / (1 + np.exp(-case.configuration.judge(parameters, x))) for x in (outputs, data.targets))
            return [-np.log(fake).mean(), -np.log(real).mean() - np.log(1 - fake).mean()]


@contextlib.contextmanager
def unrounded(configuration):
    """The oracle rounds its result to float32, too coarse to take differences of."""
    with pytest.MonkeyPatch.context() as patch:
        core = sys.modules[type(configuration).__module__]
        patch.setattr(core, "np", types.SimpleNamespace(**vars(np) | {"float32": np.float64}))
        yield


def slopes(case: Case, parameters, data: Batch, step=1e-5) -> dict[str, np.ndarray]:
    """Gradients of the oracle's losses by central differences; a discriminator's come from the second loss."""
    moving = {name: value.astype(np.float64) for name, value in parameters.items()}

    def slope(name, at):
        original, sides = moving[name][at], []
        for moved in (original + step, original - step):
            moving[name][at] = moved
            sides.append(true_losses(case, moving, data)[name.startswith("discriminator/")])
        moving[name][at] = original
        return (sides[0] - sides[1]) / (2 * step)

    return {
        name: np.array([slope(name, at) for at in np.ndindex(value.shape)]).reshape(value.shape)
        for name, value in moving.items()
    }


def trajectory(case: Case, model, asked: BuildRequest, batches) -> tuple[list[list[float]], dict[str, np.ndarray]]:
    """Losses and last weights of the contract's Adam in float64, on the gradients of a model that is proven itself."""
    w = {name: value.astype(np.float64) for name, value in asked.parameters.items()}
    m, v = ({name: np.zeros_like(value) for name, value in w.items()} for _ in range(2))
    adam, found = asked.optimizer, []
    for t, data in enumerate(batches, 1):
        found.append(true_losses(case, w, data))
        model.import_parameters({name: value.astype(np.float32) for name, value in w.items()})
        for name, g in model.gradients(model.stage(data)).items():
            m[name] = adam.beta1 * m[name] + (1 - adam.beta1) * g
            v[name] = adam.beta2 * v[name] + (1 - adam.beta2) * g.astype(np.float64) ** 2
            root = np.sqrt(v[name] / (1 - adam.beta2**t)) + adam.epsilon
            w[name] -= adam.learning_rate * (m[name] / (1 - adam.beta1**t)) / root
    return found, w
