"""Any model of Keras as a Network: its own initial values and names, and state that training changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import msgspec
import numpy as np
import tensorflow as tf

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import BuildRequest, Signature, Spec
from dlbench.plugin_kit import (
    Recipe,
    pick_output,
    require_own_precision,
    require_same_shapes,
    require_weights,
    unique_names,
)
from dlbench_tf import keras_model, precision
from dlbench_tf.network import Count
from dlbench_tf.objective import find_objective, together
from dlbench_tf.paths import inputs_of

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters

_ADVICE = {"bf16": "give --precision bf16, or leave dtypes to --precision"}
"""Advice by the precision of a model's own dtype policy, where the command has it."""


class KerasNetwork:
    """The model of a recipe. Trainable variables are trained, all others are state that training carries on.

    A model with none, such as a frozen one, predicts: its parameters are all variables in floats.

    Names are the paths of variables. Canonical parameters of the request replace the model's values; they are named by
    these paths, with or without the model's own name at the front.
    """

    packages: Sequence[str] = ("keras",)

    def __init__(self, recipe: Recipe, request: BuildRequest) -> None:
        spec, signature = request.spec, request.signature
        self._recipe, self._request = recipe, request
        self._loss, self._kind = recipe.loss or signature.loss, precision.kind_of(spec.precision).as_numpy_dtype
        single = _in_float32(recipe, request) if spec.precision in precision.WHOLE else {}
        self._objective = find_objective(self._loss)
        if len(self._objective.owners) > 1:
            raise Unsupported(f"{spec.plugin}: loss {signature.loss} trains two networks; a model of Keras is one")
        model = keras_model.make_model(recipe, spec)
        self._call = keras_model.caller(model, recipe.call, signature.names)
        given = inputs_of(signature)
        self.output = pick_output(keras_model.symbolic_outputs(self._call, given, recipe.label), recipe.output)
        self._rates, self._drops = [] if request.dropout else keras_model.rates(model), True
        self._model = model
        self._parameters = list(model.trainable_variables) or _frozen(model, spec)
        self.variables: Sequence[tf.Variable] = [variable.value for variable in self._parameters]
        held = [*self._parameters, *(v for v in model.non_trainable_variables if _is_state(v, self._parameters))]
        self._named = dict(zip(unique_names(held), held, strict=True))
        advice = _ADVICE.get(self.precision, "leave dtypes out of it: parameters are float32")
        by = "its own dtype policy computes in"
        require_own_precision(recipe.label, spec.precision, self.precision, by, advice)
        if single:
            self.assign(single)
        if request.parameters is not None:
            self._named = {_without(model.name, path, request.parameters): one for path, one in self._named.items()}
            self.assign(request.parameters)
        self._penalized = True
        self._check_targets(signature)

    @property
    def parameters(self) -> Sequence[Any]:
        """Keras's own variables."""
        return self._parameters

    @property
    def names(self) -> list[str]:
        """Paths of variables."""
        return list(self._named)

    @property
    def precision(self) -> str:
        """Precision by the types that the layers with parameters compute in."""
        layers = [layer for layer in keras_model.flat_layers(self._model) if layer._trainable_variables]
        kinds = {keras.backend.standardize_dtype(layer.compute_dtype) for layer in layers}
        kinds |= {keras.backend.standardize_dtype(variable.dtype) for variable in self._parameters} - {"float32"}
        if kinds == {"float64"}:
            return "fp64"
        if kinds <= {"float32"}:
            return "tf32" if tf.config.experimental.tensor_float_32_execution_enabled() else "fp32"
        lower = kinds - {"float32"} or kinds  # mixed precision: a last layer, say, that its author keeps in float32
        return {"bfloat16": "bf16", "float16": "fp16"}.get("/".join(sorted(lower)), "/".join(sorted(kinds)))

    @property
    def ranks(self) -> list[int]:
        """Ranks of the trainable variables."""
        return [len(variable.shape) for variable in self._parameters]

    def outputs(self, inputs: Any) -> tf.Tensor:
        """Outputs as the model predicts, float32 unless all is float64."""
        return _as_float(self._output(inputs, training=False))

    def differentiate(self, inputs: Any, targets: Any, count: Count | None) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Gradients as the model trains; without a count as it predicts, which changes no state."""
        targets = precision.held(targets, self._request.spec.precision)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.variables)
            losses = self._objective.losses(partial(self._read, training=count is not None), inputs, targets)
            loss = self._with_penalties(together(losses))
        found = tape.gradient(loss, self.variables)
        if all(gradient is None for gradient in found):
            raise SpecError(f"{self._recipe.label}: its loss depends on no parameter; compute it from the outputs")
        return loss, [  # dense, also of an embedding
            tf.zeros_like(variable) if gradient is None else tf.convert_to_tensor(gradient)
            for variable, gradient in zip(self.variables, found, strict=True)
        ]

    def named(self, values: Sequence[Any]) -> dict[str, Array]:
        """Values by the paths of the trainable variables."""
        return {name: np.array(value.numpy()) for name, value in zip(self._named, values, strict=False)}

    def export(self) -> dict[str, Array]:
        """Trainable variables and, after them, state in floats such as the moving mean of a batch normalisation."""
        return {name: np.array(variable.value.numpy(), self._kind) for name, variable in self._named.items()}

    def assign(self, parameters: Parameters) -> None:
        """All trainable variables, and the state that is given."""
        own = [(name, tuple(variable.shape)) for name, variable in self._named.items()]
        count = len(self._parameters)
        require_same_shapes(parameters, dict(own[:count]), state=dict(own[count:]))
        for name, value in parameters.items():
            self._named[name].assign(np.asarray(value))

    def compilable(self) -> Callable[[Any], tf.Tensor]:
        """The function as it is: an operation that XLA does not have raises when it is compiled."""
        return self.outputs

    def _with_penalties(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss plus the model's own losses, such as those of regularizers; their existence is checked once."""
        penalties = self._model.losses if self._penalized else []
        self._penalized = bool(penalties)
        return tf.add_n([loss, *(tf.cast(penalty, loss.dtype) for penalty in penalties)]) if penalties else loss

    def _read(self, inputs: Any, *, training: bool) -> tf.Tensor:
        """The output for the loss: for cross-entropy the logits if the model ends in a softmax."""
        output = self._output(inputs, training)
        return _as_float(getattr(output, "_keras_logits", output) if self._loss == "cross_entropy" else output)

    def _output(self, inputs: Any, training: bool) -> tf.Tensor:
        """Output in training or prediction. With dropout off, training drops nothing."""
        if self._rates and self._drops is training:
            self._drops = not training
            for layer, name, rate in self._rates:
                setattr(layer, name, rate if self._drops else type(rate)(0))
        return pick_output(self._call(inputs, training), self._recipe.output)

    def _check_targets(self, signature: Signature) -> None:
        """Raise SpecError if outputs and targets cannot be compared; a loss of the user's own says it itself."""
        outputs, targets, loss = keras_model.array_of(self.output).shape, signature.targets.shape, self._loss
        wanted = {"cross_entropy": outputs[:-1], "mse": outputs}.get(str(loss), targets)
        if wanted != targets:
            raise SpecError(
                f"{self._recipe.label}: outputs {outputs} want targets {wanted} for loss {loss}, not {targets}"
            )


def _in_float32(recipe: Recipe, request: BuildRequest) -> dict[str, Array]:
    """Initial values of the model in float32: in float64 its initializers draw other ones."""
    spec = msgspec.structs.replace(request.spec, precision="fp32")
    return KerasNetwork(recipe, replace(request, spec=spec)).export()


def _as_float(values: tf.Tensor) -> tf.Tensor:
    """Values of any type of floats in float32, but for float64."""
    lower = values.dtype.is_floating and values.dtype not in (tf.float32, tf.float64)
    return tf.cast(values, tf.float32) if lower else values


def _frozen(model: Any, spec: Spec) -> list[Any]:
    """Variables of a model that trains none. Raises Unsupported for a phase that trains, and for no variables."""
    found = [one for one in model.non_trainable_variables if _is_state(one, ())]
    require_weights(spec, (), found)
    return found


def _is_state(variable: Any, parameters: Sequence[Any]) -> bool:
    """True for a variable in floats that is none of the parameters."""
    is_float = "float" in keras.backend.standardize_dtype(variable.dtype)
    return is_float and not any(variable is one for one in parameters)


def _without(model: str, path: str, canonical: Parameters) -> str:
    """The path of a variable without the model's own name at its front, if that is a canonical name."""
    name = path.removeprefix(f"{model}/")
    return name if name in canonical else path
