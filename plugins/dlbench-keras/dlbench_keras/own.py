"""Models of the user's own: any keras.Model that takes its inputs as Keras's train_on_batch gives them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras

from dlbench import plugin_kit as kit
from dlbench.errors import SpecError
from dlbench.plugin import ArraySpec, BuildRequest, Description, InputSpec, Spec
from dlbench.plugin_kit import Recipe
from dlbench_keras import settings
from dlbench_keras.backends import Backend
from dlbench_keras.trained import Around, Made

FREE_AXIS = 32
"""Length of an axis that a model leaves open, the batch apart."""
_RATES = ("rate", "dropout", "recurrent_dropout", "stddev")
_STOCHASTIC = re.compile("drop|noise|rnn|lstm|gru|cell", re.IGNORECASE)
SEEDED = "draw initial values by keras.initializers, keras.random or the functions of numpy.random"
PROBABILITIES = "softmax: at the end of the model; cross_entropy takes its probabilities"


class OwnModel:
    """The model that a recipe makes; `example` returns inputs to it."""

    def __init__(self, recipe: Recipe, backend: Backend, example: Callable[[], Any] | None = None) -> None:
        self._recipe, self._backend, self._example = recipe, backend, example

    def describe(self, spec: Spec) -> Description:
        """Inputs, output and inferred facts. Raises SpecError for inputs that nobody states, or that do not fit."""
        settings.start(spec, self._backend)
        model, recipe = self._model(spec), self._recipe
        inputs, inferred = self._inputs(model, spec)
        names = tuple(one.name for one in inputs if one.name)
        outputs = self._outputs(model, inputs, names)
        if any(one.below for one in recipe.inputs):
            with kit.fitting(recipe.label, inputs, _reason, kit.FEWER):
                self._backend.within(lambda: _called(model, kit.largest_integers(inputs), names))
        self._require_seeded(model, spec, inputs, names)
        array = kit.read_output(recipe, outputs, inferred)
        inferred += [PROBABILITIES] * _ends_in_softmax(model)
        return recipe.description(
            framework=self._backend.framework,
            inputs=inputs,
            outputs=ArraySpec(tuple(array.shape), "float32"),
            paths=recipe.paths or self._backend.paths,
            inferred=tuple(inferred),
        )

    def make(self, request: BuildRequest) -> Made:
        """The model with its own initial values. Raises SpecError as `describe` does."""
        signature, model = request.signature, self._model(request.spec)
        names = signature.names if any(signature.names) else ()
        outputs = self._outputs(model, (signature.inputs, *signature.further), names)
        if not request.dropout:
            _drop_nothing(model)
        single = isinstance(model, keras.Model) and not isinstance(outputs, dict | list | tuple)
        plain = single and keras.config.dtype_policy().compute_dtype == "float32"
        trained = model if plain else Around(model, self._recipe.output)
        loss = str(self._recipe.loss or signature.loss)
        return Made(trained, loss, probabilities=_ends_in_softmax(model), names=names)

    def _model(self, spec: Spec) -> Any:
        model = self._recipe.model(spec)
        if not isinstance(model, keras.layers.Layer):
            kind = f"the class {model.__name__}" if inspect.isclass(model) else f"an object of {type(model).__name__}"
            raise SpecError(f"{self._recipe.label}: gives {kind}, which is no model; return a keras.Model")
        return model

    def _require_seeded(self, model: Any, spec: Spec, inputs: Sequence[Any], names: tuple[str, ...]) -> None:
        """Make the model once more. Raises SpecError if its initial values are others; those of an instance stay."""
        settings.start(spec, self._backend)
        again = self._model(spec)
        self._outputs(again, inputs, names)
        both, read = zip(model.trainable_variables, again.trainable_variables, strict=True), keras.ops.convert_to_numpy
        twice = ((one.path, read(one.value), read(other.value)) for one, other in both)
        kit.require_seeded(self._recipe.label, twice, SEEDED)

    def _inputs(self, model: Any, spec: Spec) -> tuple[tuple[InputSpec, ...], list[str]]:
        """Inputs as stated, else by `example_inputs()`, with its batch, else by the model itself."""
        label = self._recipe.label
        given, inferred = kit.own_inputs(self._recipe, spec, self._example)
        if given:
            found = [(one.name, one.shape, one.dtype) for one in given]
            return (_ranged(found, model) if inferred else given), inferred
        if not (stated := getattr(model, "inputs", None)):
            raise SpecError(
                f"{label}: its inputs are not known; give --input SHAPE[:DTYPE], or begin it with keras.Input"
            )
        keys = getattr(model, "_inputs_struct", None)
        shapes = [(spec.batch_size, *(axis or FREE_AXIS for axis in one.shape[1:])) for one in stated]
        names = sorted(keys) if isinstance(keys, dict) else [""] * len(shapes)  # the order in which Keras flattens them
        found = [(name, shape, one.dtype) for name, shape, one in zip(names, shapes, stated, strict=True)]
        return _ranged(found, model), ["inputs: those that the model states"]

    def _outputs(self, model: Any, inputs: Sequence[Any], names: tuple[str, ...]) -> Any:
        """Outputs without values, which builds the model. Raises SpecError for inputs that do not fit."""
        with kit.fitting(self._recipe.label, inputs, _reason):
            return _called(model, tuple(keras.KerasTensor(one.shape, dtype=one.dtype) for one in inputs), names)


def _called(model: Any, arrays: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    return model(Made(model, "", names=names).taken(arrays if names else kit.one_or_all(arrays)))


def _reason(error: Exception) -> str:
    return re.sub(r"\x1b\[\d+m|\n+Arguments received by .*", "", str(error), flags=re.DOTALL)


def factory(reference: str) -> Callable[..., Any]:
    """The maker of a reference: a class, a function that returns a model, or an instance, which is cloned."""
    found = kit.load_reference(reference)
    if kit.is_factory(found):
        return found  # type: ignore[no-any-return]
    if not isinstance(found, keras.layers.Layer):
        raise SpecError(
            f"{reference}: gives an object of {type(found).__name__}, which is no model; name a keras.Model"
        )

    def again() -> Any:
        try:
            model = keras.models.clone_model(found)
            if found.built:
                model.set_weights(found.get_weights())
        except Exception as error:
            why = f"is an instance that cannot be made again ({type(error).__name__})"
            raise SpecError(f"{reference}: {why}; name its class or a function that returns it") from error
        return model

    return again


def _ranged(found: Sequence[tuple[str, Sequence[int], Any]], model: Any) -> tuple[InputSpec, ...]:
    """Integers below the largest vocabulary of the model's embeddings, or flags without one."""
    sizes = [one.input_dim for one in model._flatten_layers() if isinstance(one, keras.layers.Embedding)]
    below = max(sizes, default=2)
    kinds = [keras.backend.standardize_dtype(one[2]).replace("float64", "float32") for one in found]
    return tuple(
        InputSpec(tuple(shape), kind, below if "int" in kind else None, name)
        for (name, shape, _), kind in zip(found, kinds, strict=True)
    )


def _ends_in_softmax(model: Any) -> bool:
    last = next(reversed(getattr(model, "layers", None) or [model]))
    return isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax


def _drop_nothing(model: Any) -> None:
    """Set every rate of dropout and deviation of noise to 0."""
    for layer in model._flatten_layers():
        if _STOCHASTIC.search(" ".join(base.__name__ for base in type(layer).__mro__)):
            for name in _RATES:
                if isinstance(vars(layer).get(name), float):
                    setattr(layer, name, 0.0)
