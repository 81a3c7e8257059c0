"""The architectures of dlbench in JAX, each named in this package's entry points, and a kit for any model."""

from __future__ import annotations

from dlbench.plugin import Description, Spec
from dlbench_jax import machine, network
from dlbench_jax.adaptors import plugin
from dlbench_jax.model import JaxModel

__all__ = ["JaxModel", "cnn", "gan", "gru", "lstm", "mlp", "plugin", "rnn", "transformer"]


def _described(spec: Spec) -> Description:
    return Description(framework="jax", architecture=spec.architecture, paths=machine.PATHS)


def mlp() -> JaxModel:
    """The plugin of an architecture: its name says which."""
    return JaxModel(network.known, _described)


cnn = rnn = lstm = gru = transformer = gan = mlp
