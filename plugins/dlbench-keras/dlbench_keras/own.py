"""Models of the user's own: any keras.Model that takes its inputs as Keras's train_on_batch gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import keras
import msgspec

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
            within = self._backend.within
            kit.require_within(recipe.label, inputs, lambda most: within(lambda: _called(model, most, names)), _reason)
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
            raise SpecError(
                f"{self._recipe.label}: gives {kit.own_kind(model)}, which is no model; return a keras.Model"
            )
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
        given, inferred = kit.own_inputs(self._recipe, spec, self._example)
        if given and not inferred:
            return given, inferred
        if not given:
            given, inferred = self._stated(model, spec.batch_size), ["inputs: those that the model states"]
        rows = [one.input_dim for one in model._flatten_layers() if isinstance(one, keras.layers.Embedding)]
        found, said = kit.with_ranges([msgspec.structs.replace(one, below=None) for one in given], rows)
        return found, [*inferred, *said]

    def _stated(self, model: Any, batch_size: int) -> tuple[InputSpec, ...]:
        """Inputs by the model itself. Raises SpecError for one that does not begin with them."""
        if not (stated := getattr(model, "inputs", None)):
            raise SpecError(
                f"{self._recipe.label}: its inputs are not known; give --input SHAPE[:DTYPE], or begin it with "
                "keras.Input"
            )
        keys = getattr(model, "_inputs_struct", None)
        names = sorted(keys) if isinstance(keys, dict) else [""] * len(stated)  # the order in which Keras flattens them
        shapes = [(batch_size, *(axis or FREE_AXIS for axis in one.shape[1:])) for one in stated]
        kinds = [keras.backend.standardize_dtype(one.dtype).replace("float64", "float32") for one in stated]
        return tuple(InputSpec(shape, kind, None, name) for shape, kind, name in zip(shapes, kinds, names, strict=True))

    def _outputs(self, model: Any, inputs: Sequence[Any], names: tuple[str, ...]) -> Any:
        """Outputs without values, which builds the model. Raises SpecError for inputs that do not fit."""
        with kit.fitting(self._recipe.label, inputs, _reason):
            return _called(model, tuple(keras.KerasTensor(one.shape, dtype=one.dtype) for one in inputs), names)


def _called(model: Any, arrays: Any, names: tuple[str, ...]) -> Any:
    given = arrays if isinstance(arrays, tuple) else (arrays,)
    return model(Made(model, "", names=names).taken(given if names else kit.one_or_all(given)))


def _reason(error: Exception) -> str:
    return re.sub(r"\x1b\[\d+m|\n+Arguments received by .*", "", str(error), flags=re.DOTALL)


def factory(reference: str) -> Callable[..., Any]:
    """The maker of a reference: a class, a function that returns a model, or an instance, which is cloned."""
    found = kit.load_reference(reference)
    if kit.is_factory(found):
        return found  # type: ignore[no-any-return]
    if not isinstance(found, keras.layers.Layer):
        raise SpecError(f"{reference}: gives {kit.own_kind(found)}, which is no model; name a keras.Model")

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
