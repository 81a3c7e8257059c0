"""Description of a Keras model before anything is measured: inputs, outputs, and inferred facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import msgspec
import numpy as np

from dlbench.errors import SpecError
from dlbench.plugin import ArraySpec, Description, InputSpec, Spec
from dlbench.plugin_kit import (
    Recipe,
    output_name,
    pick_output,
    require_seeded,
    require_within,
    users_errors,
    with_ranges,
)
from dlbench_tf import keras_model

FREE_AXIS = 32
"""Length of an axis that a model leaves open, the batch apart."""
LOGITS = "softmax: at the end of the model; cross_entropy reads the logits before it"
_STEPS = ("train_step", "compute_loss", "predict_step")
"""Methods of a model by which `fit` and `predict` compute."""
SEEDED = "draw initial values by keras.initializers, keras.random or the functions of numpy.random"


def describe(recipe: Recipe, spec: Spec) -> Description:
    """The facts of a recipe for this Spec. Raises SpecError for inputs that nobody states, or that do not fit.

    The model is made twice: one whose initial values differ between two makings from one seed is refused.
    """
    model = keras_model.make_model(recipe, spec)
    inputs, inferred = _inputs(recipe, model, spec.batch_size)
    arrays = tuple(ArraySpec(one.shape, one.dtype) for one in inputs)
    call = keras_model.caller(model, recipe.call, [one.name for one in inputs if one.name])
    found = keras_model.symbolic_outputs(call, arrays if len(arrays) > 1 else arrays[0], recipe.label)
    rows = [layer.input_dim for layer in keras_model.flat_layers(model) if isinstance(layer, keras.layers.Embedding)]
    inputs, ranges = with_ranges(inputs, rows)
    if any(one.below for one in recipe.inputs):
        require_within(recipe.label, inputs, lambda most: call(most, False), keras_model.complaint)
    _require_seeded(recipe, spec, model, inputs)
    chosen = output_name(found, recipe.output)
    several = [f"output: {chosen}, one of several"] if chosen and not recipe.output else []
    read = [LOGITS] if keras_model.ends_in_softmax(call, arrays, recipe.output) else []
    return recipe.description(
        framework="tf",
        inputs=inputs,
        outputs=keras_model.array_of(pick_output(found, recipe.output)),
        paths=recipe.paths or ("eager", "graph", "jit"),
        inferred=(*inferred, *ranges, *several, *read, *_left_aside(model)),
    )


def _left_aside(model: Any) -> list[str]:
    """Line about the model's own training step, which is not measured."""
    own = [f"{name}()" for name in _STEPS if _is_own(model, name)]
    own += ["the arguments of compile()"] if getattr(model, "compiled", False) else []
    return [f"step: dlbench's own; {' and '.join(own)} of the model left aside"] if own else []


def _is_own(model: Any, name: str) -> bool:
    return getattr(type(model), name, None) not in (None, getattr(keras.Model, name))


def _inputs(recipe: Recipe, model: Any, batch_size: int) -> tuple[tuple[InputSpec, ...], list[str]]:
    """Inputs as stated by the user, else by `example_inputs()`, with its batch, else by the model itself."""
    if recipe.inputs:
        return tuple(_batched(one, batch_size) for one in recipe.inputs), []
    example = getattr(model, "example_inputs", None) or getattr(recipe.make, "example_inputs", None)
    if callable(example):
        with users_errors(f"example_inputs() of {recipe.label}"):
            arrays = _arrays(example())
        found = [_input(recipe.label, name, one.shape, _single(one.dtype.name)) for name, one in arrays]
        return tuple(found), ["inputs: those of example_inputs()"]
    if found := _own_inputs(model, recipe.label):
        return tuple(_batched(one, batch_size) for one in found), ["inputs: those that the model states"]
    raise SpecError(
        f"{recipe.label}: its inputs are not known; give --input SHAPE[:DTYPE], or begin the model with keras.Input"
    )


def _input(of: str, name: str, shape: Sequence[int], dtype: str) -> InputSpec:
    """Raises SpecError that says whose input it is."""
    try:
        return InputSpec(shape=tuple(shape), dtype=dtype, name=name)
    except SpecError as error:
        raise SpecError(f"{of}: its input {name or 'of shape ' + str(tuple(shape))}: {error}") from error


def _single(dtype: str) -> str:
    """The float32 that is drawn for arrays that NumPy makes float64 by default."""
    return "float32" if dtype == "float64" else dtype


def _own_inputs(model: Any, of: str) -> list[InputSpec]:
    """Inputs of a model that knows them when it is made; one that takes a mapping has them by name."""
    try:
        stated = list(model.inputs or [])
    except (AttributeError, ValueError):
        return []
    named = isinstance(getattr(model, "_inputs_struct", None), dict)
    return [
        _input(
            of,
            one.name if named else "",
            (1, *(axis or FREE_AXIS for axis in one.shape[1:])),
            keras.backend.standardize_dtype(one.dtype),
        )
        for one in stated
    ]


def _batched(one: InputSpec, batch_size: int) -> InputSpec:
    return msgspec.structs.replace(one, shape=(batch_size, *one.shape[1:]))


def _require_seeded(recipe: Recipe, spec: Spec, model: Any, inputs: Sequence[InputSpec]) -> None:
    """Make the model once more. Raises SpecError if its initial values are others."""
    again = keras_model.make_model(recipe, spec)
    if again is model:
        return  # an instance keeps the values that it was imported with
    arrays = tuple(ArraySpec(one.shape, one.dtype) for one in inputs)
    call = keras_model.caller(again, recipe.call, [one.name for one in inputs if one.name])
    keras_model.symbolic_outputs(call, arrays if len(arrays) > 1 else arrays[0], recipe.label)
    both = zip(model.trainable_variables, again.trainable_variables, strict=True)
    twice = ((one.path, one.value.numpy(), other.value.numpy()) for one, other in both)
    require_seeded(recipe.label, twice, SEEDED)


def _arrays(example: Any) -> list[tuple[str, Any]]:
    """Arrays with their names, if they have any."""
    if isinstance(example, Mapping):
        return [(str(name), np.asarray(one)) for name, one in example.items()]
    return [("", np.asarray(one)) for one in (example if isinstance(example, tuple | list) else (example,))]
