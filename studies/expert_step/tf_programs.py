"""TensorFlow by hand: `tf.Module`s or Keras layers, a tape, the fused Adam kernel, concrete functions.

Nothing is taken from the plugin package, not even its Adam: a baseline must not share the code that it judges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from studies.expert_step import Problem, Program, keras_models, tf_modules

Losses = Callable[[Any, Any], tuple[Any, ...]]
"""Inputs and targets to the losses, one for each group of variables."""


class Model:
    """Losses, and the variables that each of them trains."""

    def __init__(self, losses: Losses, *groups: Sequence[tf.Variable]) -> None:
        self.losses, self.groups = losses, groups


def programs(problem: Problem) -> dict[str, Program]:
    """Candidates of the problem's path."""
    models = {"modules": lambda: of_modules(problem), "Keras layers": lambda: of_keras(problem)}
    if problem.architecture in keras_models.CELLS and problem.path != "eager":
        models["Keras layers, unrolled"] = lambda: of_keras(problem, unroll=True)
    if problem.architecture == "lstm" and problem.path != "jit":
        models["BlockLSTM"] = lambda: of_modules(problem, block=True)
    if problem.path == "jit" and problem.architecture in keras_models.CELLS:
        models["modules, while_loop"] = lambda: of_modules(problem, loop=True)
    return {name: on_path(problem, make()) for name, make in models.items() if worth_it(problem, name)}


def worth_it(problem: Problem, name: str) -> bool:
    """True if it can be compiled in reasonable time: XLA needs minutes for a long unrolled loop."""
    unrolled = name in ("Keras layers, unrolled", "modules")
    cell = problem.architecture in keras_models.CELLS
    return not (problem.path == "jit" and cell and unrolled and problem.signature.inputs.shape[1] > 16)


def of_modules(problem: Problem, **options: bool) -> Model:
    """Plain operations on variables."""
    module = tf_modules.make(problem, **options)
    if problem.architecture != "gan":
        return Model(lambda x, y: (_loss(problem, module(x), y),), module.trainable_variables)
    parts = module.generator, module.discriminator
    return Model(_adversarial(*parts), *(part.trainable_variables for part in parts))


def of_keras(problem: Problem, *, unroll: bool = False) -> Model:
    """Keras layers."""
    if problem.architecture == "gan":
        parts = keras_models.gan(problem)
        return Model(_adversarial(*parts), *(_variables(part) for part in parts))
    model = keras_models.make(problem, unroll=unroll)
    return Model(lambda x, y: (_loss(problem, model(x, training=True), y),), _variables(model))


def on_path(problem: Problem, model: Model) -> Program:
    """A whole step, on staged batches one after the other."""
    eager = problem.path == "eager"
    adam = EagerAdam(problem, model.groups) if eager else GraphAdam(problem, model.groups)

    def step(inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape(persistent=len(model.groups) > 1) as tape:
            losses = model.losses(inputs, targets)
        gradients = [tape.gradient(loss, group) for loss, group in zip(losses, model.groups, strict=True)]
        adam.apply(list(itertools.chain(*gradients)))
        return losses

    batches = itertools.cycle([(tf.constant(batch.inputs), tf.constant(batch.targets)) for batch in problem.batches])
    if eager:
        return lambda: step(*next(batches))[0]
    function = tf.function(step, jit_compile=problem.path == "jit", autograph=False)
    arrays = (problem.signature.inputs, problem.signature.targets)
    concrete = function.get_concrete_function(*(tf.TensorSpec(array.shape, array.dtype) for array in arrays))
    return lambda: concrete(*next(batches))[0]


class FusedAdam:
    """The kernel that `tf.keras.optimizers.Adam` does not use: one operation a variable."""

    def __init__(self, problem: Problem, groups: Sequence[Sequence[tf.Variable]]) -> None:
        self.slots = [
            (variable, tf.Variable(tf.zeros_like(variable)), tf.Variable(tf.zeros_like(variable)))
            for variable in itertools.chain(*groups)
        ]
        self.constants = [tf.constant(value) for value in (problem.learning_rate, 0.9, 0.999, 1e-8)]

    def update(self, gradients: Sequence[tf.Tensor], power1: Any, power2: Any) -> None:
        """Update with the powers of the betas at this step."""
        rate, beta1, beta2, epsilon = self.constants
        for (variable, mean, square), gradient in zip(self.slots, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=power1,
                beta2_power=power2,
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                grad=tf.convert_to_tensor(gradient),
            )


class EagerAdam(FusedAdam):
    """Counts in Python."""

    count = 0

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """One update."""
        self.count += 1
        self.update(gradients, tf.constant(0.9**self.count), tf.constant(0.999**self.count))


class GraphAdam(FusedAdam):
    """Keeps the powers in variables."""

    def __init__(self, problem: Problem, groups: Sequence[Sequence[tf.Variable]]) -> None:
        super().__init__(problem, groups)
        self.powers = [tf.Variable(1.0), tf.Variable(1.0)]

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """One update."""
        pairs = zip(self.powers, self.constants[1:3], strict=True)
        self.update(gradients, *(power.assign(power * beta).value() for power, beta in pairs))


def _variables(model: keras.Model) -> list[tf.Variable]:
    return [weight.value for weight in model.trainable_weights]


def _loss(problem: Problem, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    if problem.signature.loss == "cross_entropy":
        rows = tf.reshape(outputs, [math.prod(problem.signature.targets.shape), -1])
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(targets, [-1]), logits=rows)
        )
    return tf.reduce_mean(tf.math.squared_difference(outputs, targets))


def _adversarial(generator: Callable[..., Any], discriminator: Callable[..., Any]) -> Losses:
    def losses(noise: tf.Tensor, real: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_fake, of_real = discriminator(generator(noise)), discriminator(real)
        generated = tf.reduce_mean(tf.nn.softplus(of_fake))
        return tf.reduce_mean(tf.nn.softplus(-of_fake)), tf.reduce_mean(tf.nn.softplus(-of_real)) + generated

    return losses
