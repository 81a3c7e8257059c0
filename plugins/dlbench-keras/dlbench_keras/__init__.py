"""The architectures of dlbench in Keras on three backends: a factory for each, named in this package's entry points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from dlbench.plugin import ModelSource
from dlbench.plugin_kit import Recipe, Stated, example_inputs
from dlbench_keras import backends

if TYPE_CHECKING:
    from dlbench_keras.model import KerasModel

__all__ = ["Backend", "jax", "tf", "torch"]


class Backend:
    """Plugins on one backend of Keras, which is imported with the first of them."""

    def __init__(self, word: str) -> None:
        self._word = word

    def mlp(self) -> KerasModel:
        """The plugin of an architecture: its name says which."""
        backend = backends.use(self._word)
        from dlbench_keras.architectures import Known
        from dlbench_keras.model import KerasModel

        return KerasModel(backend, Known(backend))

    cnn = rnn = lstm = gru = transformer = gan = mlp

    def adapt(self, source: ModelSource) -> KerasModel:
        """The plugin of a keras.Model of the user's own, on this backend. Raises Unsupported as `backends.use` does."""
        backends.use(self._word)
        from dlbench_keras.own import factory

        return self._own(Recipe.of(source, factory(source.reference)), example_inputs(source.reference))

    def plugin(self, make: Callable[..., Any], **stated: Unpack[Stated]) -> Callable[[], KerasModel]:
        """The factory of a plugin around the models that `make` makes: the value of an entry point `dlbench.plugins`.

        `make` returns a keras.Model. It is called with the options of `--set`, over those of the size. Inputs may be
        left out for a model that begins with keras.Input.
        """
        return partial(self._own, Recipe(make=make, **stated))

    def _own(self, recipe: Recipe, example: Callable[[], Any] | None = None) -> KerasModel:
        backend = backends.use(self._word)
        from dlbench_keras.model import KerasModel
        from dlbench_keras.own import OwnModel

        return KerasModel(backend, OwnModel(recipe, backend, example))


tf, torch, jax = Backend("tf"), Backend("torch"), Backend("jax")
