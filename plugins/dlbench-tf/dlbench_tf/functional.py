"""The architectures of the core: a forward pass as a function of the parameters, by canonical name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import tensorflow as tf

from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_known
from dlbench_tf import precision
from dlbench_tf.dropout import Dropout, SeededDropout, off
from dlbench_tf.layers import Forward
from dlbench_tf.network import Count
from dlbench_tf.objective import find_objective, together
from dlbench_tf.weights import Weights

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters


class FunctionalNetwork:
    """A Network whose forward pass is a function; parameters come from the request. Raises Unsupported without them."""

    packages: Sequence[str] = ()

    def __init__(self, make_forward: Callable[[BuildRequest], Forward], request: BuildRequest) -> None:
        spec = request.spec
        parameters = require_known(request)
        self._objective = find_objective(request.signature.loss)
        self._make_forward, self._request = make_forward, request
        self._forward = make_forward(request)
        self._weights = Weights(parameters, precision.kind_of(spec.precision), flat=spec.path == "graph")
        self.variables: Sequence[tf.Variable] = self._weights.variables
        self._rounded = partial(precision.rounded, precision=spec.precision)
        self._held = partial(precision.held, precision=spec.precision)

    @property
    def parameters(self) -> Sequence[tf.Variable]:
        """The variables."""
        return self.variables

    @property
    def names(self) -> list[str]:
        """Names of the request."""
        return self._weights.names

    @property
    def precision(self) -> str:
        """Precision by the types of the operands of products."""
        tensors = self._weights.tensors(self._values())
        return precision.read_back(tensors, self._rounded(tensors))

    @property
    def ranks(self) -> list[int]:
        """Ranks of the parameters by canonical name."""
        return [tensor.shape.rank for tensor in self._weights.tensors(self._values()).values()]

    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        """Outputs with dropout off."""
        return self._forward(self._rounded(self._weights.tensors(self._values())), self._held(inputs), off)

    def differentiate(
        self, inputs: tf.Tensor, targets: tf.Tensor, count: Count | None
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Gradients by the tape, with respect to the parameters and not to the variables that hold them."""
        # The values live no longer than this call: an update copies a variable whose value somebody still holds.
        tensors, owners = self._weights.tensors(self._values()), self._objective.owners
        dropout, inputs, targets = self._dropout(count), self._held(inputs), self._held(targets)
        with tf.GradientTape(watch_accessed_variables=False, persistent=len(owners) > 1) as tape:
            tape.watch(tensors)
            taken = self._rounded(tensors)
            losses = self._objective.losses(
                lambda inputs, **more: self._forward(taken, inputs, dropout, **more), inputs, targets
            )
        gradients: dict[str, tf.Tensor] = {}
        for loss, owner in zip(losses, owners, strict=True):
            own = {name: tensor for name, tensor in tensors.items() if name.startswith(owner)}
            gradients |= tape.gradient(loss, own)
        return together(losses), self._weights.grouped(gradients)

    def named(self, values: Sequence[Any]) -> dict[str, Array]:
        """Values by canonical name; a variable that holds several parameters is cut up."""
        return self._weights.arrays(values)

    def export(self) -> dict[str, Array]:
        """Values of the variables."""
        return self._weights.arrays(self.variables)

    def assign(self, parameters: Parameters) -> None:
        """Raises ValueError, before any change, for a name or a shape that is not ours."""
        self._weights.assign(parameters)

    def compilable(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Made for the path jit: outside it an architecture may use kernels that XLA does not have."""
        spec = msgspec.structs.replace(self._request.spec, path="jit")
        forward = self._make_forward(dataclasses.replace(self._request, spec=spec))
        return lambda inputs: forward(self._rounded(self._weights.tensors(self._values())), self._held(inputs), off)

    def _dropout(self, count: Count | None) -> Dropout:
        dropped = count is not None and self._request.dropout
        return SeededDropout(self._request.spec.seed, count) if dropped else off

    def _values(self) -> list[tf.Tensor]:
        return [variable.value() for variable in self._weights.variables]
