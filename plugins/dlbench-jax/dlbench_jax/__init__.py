"""The architectures of dlbench in JAX, each named in this package's entry points, and a kit for any model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax

from dlbench.plugin import BuildRequest, Description, Spec
from dlbench.plugin_kit import require_known
from dlbench_jax import architectures, machine
from dlbench_jax.adaptors import plugin
from dlbench_jax.model import JaxModel
from dlbench_jax.network import Arrays, Network, rounded

__all__ = ["JaxModel", "cnn", "gan", "gru", "lstm", "mlp", "plugin", "rnn", "transformer"]


def _network(make: Callable[[BuildRequest], architectures.Function], request: BuildRequest) -> Network:
    """The network of an architecture. Raises Unsupported for one that the core does not describe."""
    spec = request.spec
    parameters, function = require_known(request), make(request)

    def forward(parameters: Arrays, state: Arrays, inputs: object, key: jax.Array | None) -> tuple[object, Arrays]:
        drops = key is not None and request.dropout
        drop = architectures.dropout(key) if drops else lambda values, _: values
        return function(rounded(parameters, spec.precision), inputs, drop), state

    return Network(parameters, {}, forward)


def _described(spec: Spec) -> Description:
    return Description(framework="jax", architecture=spec.architecture, paths=machine.PATHS)


def _own(make: Callable[[BuildRequest], architectures.Function]) -> Callable[[], JaxModel]:
    return lambda: JaxModel(partial(_network, make), _described)


mlp = _own(architectures.mlp)
cnn = _own(architectures.cnn)
rnn = lstm = gru = _own(architectures.recurrent)
transformer = _own(architectures.transformer)
gan = _own(architectures.gan)
