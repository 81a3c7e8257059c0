"""A model of Keras: made from a seed, called as it wants to be called, and built for inputs of given shapes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import ArraySpec, Spec
from dlbench.plugin_kit import Recipe, keywords, own_kind, pick_output

Call = Callable[..., Any]
"""Inputs, one array or a tuple of them, and `training` to whatever the model returns."""
POLICIES = {"bf16": "mixed_bfloat16", "fp64": "float64"}
"""Keras's own policies; every other precision is of products in float32."""
_RATES = ("rate", "dropout", "recurrent_dropout", "_dropout", "stddev")
_STOCHASTIC = re.compile("drop|noise|attention|rnn|lstm|gru|cell", re.IGNORECASE)
_LONGEST = 600
_DECIDES = "Using a symbolic `tf.Tensor` as a Python `bool` is not allowed"


def make_model(recipe: Recipe, spec: Spec) -> Any:
    """A model whose initial values follow from the Spec's seed, with variables named as in any process.

    Raises SpecError for an object that is no layer, and Unsupported if Keras runs on another backend than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise Unsupported(
            f"{recipe.label}: Keras runs on {keras.backend.backend()} here; set the environment variable "
            "KERAS_BACKEND=tensorflow"
        )
    _seed(spec)
    keywords(recipe.make)  # imports the user's file, which may make models of its own
    _seed(spec)
    model = recipe.model(spec)
    if not isinstance(model, keras.layers.Layer):
        raise SpecError(
            f"{recipe.label}: gives {own_kind(model)}, which is no model; return a keras.Model or a keras.layers.Layer"
        )
    _require_stateless(model, recipe.label)
    return model


def _require_stateless(model: Any, name: str) -> None:
    """Raise Unsupported for a layer that carries its state from one batch to the next: predicting changes the model."""
    for layer in flat_layers(model):
        if getattr(layer, "stateful", False) is True:
            raise Unsupported(
                f"{name}: layer {layer.name} is stateful, so that each prediction changes the next; "
                "build it with stateful=False"
            )


def _seed(spec: Spec) -> None:
    keras.utils.clear_session(free_memory=False)  # names of layers are counted from 1 again
    keras.utils.set_random_seed(spec.seed % 2**32)
    keras.config.set_dtype_policy(POLICIES.get(spec.precision, "float32"))


class _Called(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """A model that is called by a function of the user's; Keras hands `training` on to the layers within."""

    def __init__(self, model: Any, function: Callable[..., Any]) -> None:
        super().__init__(name="called")
        self.model, self._function = model, function
        self.built = True  # it has nothing of its own, and the model is built when it is called

    def call(self, *inputs: Any, training: bool | None = None) -> Any:  # noqa: ARG002
        return self._function(self.model, *inputs)


def caller(model: Any, function: Callable[..., Any] | None, names: Sequence[str]) -> Call:
    """Call of the model: through the function, by name, or by place.

    A model that takes one argument gets several inputs as a list, or as a mapping if they have names. Several outputs
    of a functional model have the names of their layers.
    """
    if function is not None:
        called = _Called(model, function)
        return lambda inputs, training: called(*_several(inputs), training=training)
    return _with_output_names(model, _by_name(model, names) if any(names) else _by_place(model))


def _by_name(model: Any, names: Sequence[str]) -> Call:
    if _takes_one(model):
        return lambda inputs, training: model(dict(zip(names, _several(inputs), strict=True)), training=training)
    return lambda inputs, training: model(**dict(zip(names, _several(inputs), strict=True)), training=training)


def _by_place(model: Any) -> Call:
    def called(inputs: Any, training: bool) -> Any:
        if not isinstance(inputs, tuple):
            return model(inputs, training=training)
        return model(list(inputs), training=training) if _takes_one(model) else model(*inputs, training=training)

    return called


def _with_output_names(model: Any, call: Call) -> Call:
    names = list(model.output_names) if _is_functional(model) else []
    if len(names) < 2 or len(set(names)) < len(names):
        return call

    def named(inputs: Any, training: bool) -> Any:
        outputs = call(inputs, training)
        return dict(zip(names, outputs, strict=True)) if isinstance(outputs, list | tuple) else outputs

    return named


def symbolic_outputs(call: Call, inputs: Any, name: str) -> Any:
    """Build the model for inputs of these shapes, and return its outputs as arrays without values.

    A model that decides by values is called with zeros instead, and has the path eager alone. Raises SpecError with
    both shapes and the layer that complained for inputs that do not fit.
    """
    given = tf.nest.map_structure(lambda array: keras.KerasTensor(array.shape, dtype=array.dtype), inputs)
    try:
        try:
            return call(given, False)
        except Exception as error:
            if _DECIDES not in str(error):
                raise
            return call(tf.nest.map_structure(lambda array: tf.zeros(array.shape, array.dtype), inputs), False)
    except Exception as error:
        shapes = ", ".join(f"{array.dtype} {array.shape}" for array in _several(inputs))
        raise SpecError(f"{name}: inputs {shapes} do not fit: {complaint(error)}") from error


def ends_in_softmax(call: Call, inputs: Sequence[ArraySpec], output: str) -> bool:
    """True if Keras knows the logits of the output that the loss reads."""
    found: list[bool] = []

    def traced(*arrays: Any) -> None:
        given = call(arrays if len(arrays) > 1 else arrays[0], False)
        found.append(hasattr(pick_output(given, output), "_keras_logits"))

    tensors = [tf.TensorSpec(array.shape, array.dtype) for array in inputs]
    try:
        tf.function(traced, autograph=False).get_concrete_function(*tensors)
    except tf.errors.OperatorNotAllowedInGraphError:  # it decides by values, and has the path eager alone
        traced(*(tf.zeros(array.shape, array.dtype) for array in inputs))
    return any(found)


def complaint(error: BaseException) -> str:
    """The words of an error of Keras in one line: the layer and its message, without colours and arguments."""
    text = re.sub(r"\x1b\[\d+m", "", str(error))
    text = re.sub(r"\n+Arguments received by .*", "", text, flags=re.DOTALL)
    text = re.sub(r"Exception encountered when calling ([^\n]*)\.\n+", r"\1: ", text)
    return " ".join(text.split())[:_LONGEST] or type(error).__name__


def array_of(output: Any) -> ArraySpec:
    """Shape and type of an output; float32 for every float, as tasks want them."""
    kind = keras.backend.standardize_dtype(output.dtype)
    return ArraySpec(tuple(output.shape), "float32" if "float" in kind else kind)


def rates(model: Any) -> list[tuple[Any, str, float]]:
    """Layers with the names and values of their rates of dropout and deviations of noise that are not 0."""
    return [(layer, name, rate) for layer in flat_layers(model) for name in _RATES if (rate := _rate(layer, name))]


def flat_layers(model: Any) -> list[Any]:
    """The model and every layer within it, however deep."""
    return list(model._flatten_layers(include_self=True, recursive=True))


def _rate(layer: Any, name: str) -> float:
    """A rate of a layer that is stochastic by its class or one of its bases, such as a Dropout of the user's own."""
    if not _STOCHASTIC.search(" ".join(base.__name__ for base in type(layer).__mro__)):
        return 0.0
    value = vars(layer).get(name, 0.0)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _several(inputs: Any) -> tuple[Any, ...]:
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _takes_one(model: Any) -> bool:
    """True if the call of the model has one argument that all inputs come in."""
    if isinstance(model, keras.Sequential) or hasattr(model, "_functional") or _is_functional(model):
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [one for one in inspect.signature(model.call).parameters.values() if one.name not in _NO_INPUTS]
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return False
    needed = [one for one in parameters if one.kind in kinds and one.default is one.empty]
    return len(needed) == 1 and len([one for one in parameters if one.kind in kinds]) == 1


_NO_INPUTS = ("training", "mask")


def _is_functional(model: Any) -> bool:
    return any(base.__name__ == "Functional" for base in type(model).__mro__)
