"""A whole plugin in one call, for those who publish one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import tensorflow as tf

from dlbench.plugin import BuildRequest, Description, Spec
from dlbench.plugin_kit import Recipe, Stated
from dlbench_tf import device
from dlbench_tf.model import TFModel
from dlbench_tf.network import Network


def plugin(make: Callable[..., Any], **stated: Unpack[Stated]) -> Callable[[], TFModel]:
    """The factory of a plugin around the models that `make` makes: the value of an entry point `dlbench.plugins`.

        bert = plugin(make, call=lambda model, x: model({"token_ids": x}), task="sentiment",
                      sizes={"small": {}, "base": {"layers": 12, "hidden": 768}})

    `make` returns a keras.Model or a keras.layers.Layer. It is called with the options of `--set`, over those of the
    size. Omitted facts are found out.
    """
    recipe = Recipe(make=make, **stated)
    return lambda: of_recipe(recipe)


def of_recipe(recipe: Recipe) -> TFModel:
    """The plugin of a recipe. Keras takes a second to import, which the architectures of the core do without."""

    def network(request: BuildRequest) -> Network:
        from dlbench_tf.keras_network import KerasNetwork

        return KerasNetwork(recipe, request)

    def described(spec: Spec) -> Description:
        from dlbench_tf.keras_description import describe

        try:
            place = device.prepare(spec)  # before anything starts TensorFlow with other threads
        except device.AlreadyStarted:  # by a model that was made for its description, which does not depend on threads
            place = None
        with tf.device(place):
            return describe(recipe, spec)

    return TFModel(network, described)
