"""Plugins of models without a package: the user's own, keras.applications and KerasHub, with random weights."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import keras
import numpy as np

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import ModelSource
from dlbench.plugin_kit import Recipe, example_inputs, is_factory, load_reference, make
from dlbench_tf import keras_model
from dlbench_tf.kit import of_recipe
from dlbench_tf.model import TFModel

LOGITS = {"weights": None, "classifier_activation": None}
"""Keywords of keras.applications: random weights, and logits for the loss."""
HIDDEN = {"weights", "input_tensor", "input_shape", "name"}
SHRUNK = {
    "vocabulary_size": 1000,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 64,
    "intermediate_dim": 128,
    "max_sequence_length": 64,
    "num_classes": 2,
}
"""Values of the keywords that KerasHub's models need: small ones, which `--set` replaces."""


def adapt(source: ModelSource) -> TFModel:
    """The plugin of a model; it is made when it is built.

    Raises SpecError for a loader whose package is missing, and UnknownName for a model that it does not have.
    """
    loader, _, name = source.reference.partition(":")
    loaders: dict[str, Callable[[str, ModelSource], Callable[..., Any]]] = {"keras": application, "kerashub": hub}
    factory = loaders[loader](name, source) if loader in loaders else Own(source.reference)
    return of_recipe(
        Recipe(
            make=factory,
            name=source.reference,
            inputs=source.inputs,
            targets=source.targets,
            output=source.output,
            loss=source.loss,
        )
    )


class Imported(NamedTuple):
    """Variables with their values and rates of layers, as an instance had them when its file was imported."""

    values: Sequence[tuple[Any, Any]]
    rates: Sequence[tuple[Any, str, float]]

    def restore(self) -> None:
        """Give them back."""
        for variable, value in self.values:
            variable.assign(value)
        for layer, name, rate in self.rates:
            setattr(layer, name, rate)


_IMPORTED: WeakKeyDictionary[Any, Imported] = WeakKeyDictionary()
"""Values by instance, which is one object in a process, for any number of Runs in it."""


class Own:
    """The class, factory or instance that a reference of the user names, loaded when it is first used.

    An instance that has values starts each time from its values at import. One without values is made again from its
    configuration.
    """

    def __init__(self, reference: str) -> None:
        self.__name__ = self._reference = reference

    def __call__(self, **options: Any) -> Any:
        """The model."""
        model = make(self._reference, options)
        if self._is_factory or not isinstance(model, keras.layers.Layer):
            return model
        if not model.built:
            return _again(model, self._reference)
        if model not in _IMPORTED:
            values = [(variable, np.array(variable.value.numpy())) for variable in model.variables]
            _IMPORTED[model] = Imported(values, keras_model.rates(model))
        _IMPORTED[model].restore()
        return model

    @property
    def __signature__(self) -> inspect.Signature:
        """Signature of the factory; an instance has no options."""
        found = load_reference(self._reference)
        return inspect.signature(found) if self._is_factory else inspect.Signature()

    @property
    def example_inputs(self) -> Callable[[], Any] | None:
        """The function of this name in the user's file or module, if there is one."""
        return example_inputs(self._reference)

    @property
    def _is_factory(self) -> bool:
        return is_factory(load_reference(self._reference))


def application(name: str, source: ModelSource) -> Callable[..., Any]:
    """`keras.applications.NAME` with logits at its end, for the images that the source states. Raises UnknownName."""
    known = {word: found for word, found in vars(keras.applications).items() if word[0].isupper() and callable(found)}
    if name not in known:
        raise UnknownName("model of keras.applications", name, known)
    factory = known[name]
    fixed: dict[str, Any] = {word: value for word, value in LOGITS.items() if word in _parameters(factory)}
    if source.inputs:
        fixed["input_shape"] = source.inputs[0].shape[1:]
    if source.targets is not None and source.targets.below:
        fixed["classes"] = source.targets.below

    def made(**options: Any) -> Any:
        return factory(**{**fixed, **options})

    return _stated(made, name, {word: one for word, one in _parameters(factory).items() if word not in HIDDEN})


def hub(name: str, source: ModelSource) -> Callable[..., Any]:  # noqa: ARG001
    """A backbone of KerasHub, or a model with a head on one, small unless options say otherwise.

    Raises SpecError if KerasHub is not installed, and UnknownName for a model that it does not have.
    """
    try:
        models = importlib.import_module("keras_hub").models
    except ImportError as error:
        raise SpecError(f"kerashub:{name}: {error}; pip install 'dlbench-tf[zoo]'") from error
    known: dict[str, Any] = {word: found for word, found in vars(models).items() if inspect.isclass(found)}
    if name not in known:
        raise UnknownName("model of keras_hub", name, known)
    head = known[name]
    backbone = getattr(head, "backbone_cls", None)
    of_head = {word: one for word, one in _parameters(head).items() if word not in ("backbone", "preprocessor")}
    if backbone is None:
        return _stated(lambda **options: head(**_shrunk(head, options)), name, _small(of_head))
    of_backbone = _parameters(backbone)

    def made(**options: Any) -> Any:
        inner = {word: value for word, value in options.items() if word in of_backbone}
        outer = {word: value for word, value in options.items() if word not in of_backbone}
        body = backbone(**_shrunk(backbone, inner))
        return head(backbone=body, preprocessor=None, **_shrunk(head, outer, leave=("backbone", "preprocessor")))

    return _stated(made, name, _small({**of_backbone, **of_head}))


def _again(model: Any, reference: str) -> Any:
    try:
        return type(model).from_config(model.get_config())
    except Exception as error:
        raise SpecError(
            f"{reference}: is an instance without values that cannot be made again ({type(error).__name__}); "
            "name its class or a function that returns it"
        ) from error


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return {
        name: one
        for name, one in inspect.signature(factory).parameters.items()
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }


def _shrunk(factory: Callable[..., Any], options: Mapping[str, Any], leave: Collection[str] = ()) -> Any:
    """Options, and small values for the factory's other arguments. Raises SpecError for an argument that has none."""
    needed = [name for name, one in _parameters(factory).items() if one.default is one.empty and name not in leave]
    missing = [name for name in needed if name not in options and name not in SHRUNK]
    if missing:
        raise SpecError(f"{factory.__name__} needs {', '.join(missing)}; give it by --set {missing[0]}=VALUE")
    return {**{name: SHRUNK[name] for name in needed if name in SHRUNK}, **options}


def _small(parameters: Mapping[str, inspect.Parameter]) -> dict[str, inspect.Parameter]:
    """The same with small values as defaults of those that have none."""
    return {
        name: one.replace(default=SHRUNK[name]) if one.default is one.empty and name in SHRUNK else one
        for name, one in parameters.items()
    }


def _stated(made: Callable[..., Any], name: str, parameters: Mapping[str, inspect.Parameter]) -> Callable[..., Any]:
    """The factory with the keywords that its options may be."""
    keywords = [one.replace(kind=one.KEYWORD_ONLY) for one in parameters.values()]
    made.__name__ = name
    made.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    return made
