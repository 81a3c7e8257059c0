"""A model of TensorFlow, as the rest of this package sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import tensorflow as tf

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters

Count: TypeAlias = float | tf.Tensor
"""The number of an update, 1, 2, ...: a float, or a float64 scalar inside a graph."""


class Network(Protocol):
    """Variables and the computations with them; built for one request."""

    variables: Sequence[tf.Variable]
    """Variables that the optimizer updates, float32."""

    packages: Sequence[str]
    """Distributions beside TensorFlow that it is made with."""

    @property
    def parameters(self) -> Sequence[Any]:
        """The variables as an optimizer of the user's own wants them."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Canonical names of all parameters."""
        ...

    @property
    def precision(self) -> str:
        """Precision of products, as read from the built model."""
        ...

    @property
    def ranks(self) -> Sequence[int]:
        """Numbers of dimensions of the parameters."""
        ...

    def outputs(self, inputs: Any) -> tf.Tensor:
        """Outputs of the forward pass as it predicts; changes no state."""
        ...

    def differentiate(self, inputs: Any, targets: Any, count: Count | None) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The loss or losses, and for each variable the gradient of the loss that trains it.

        `count` is the number of the update. Without it the model computes as it predicts, and no state changes.
        """
        ...

    def named(self, values: Sequence[Any]) -> dict[str, Array]:
        """Values, one a variable, as copies by canonical name: gradients."""
        ...

    def export(self) -> dict[str, Array]:
        """Copies of all parameters by canonical name, float32."""
        ...

    def assign(self, parameters: Parameters) -> None:
        """Overwrite every parameter. Raises ValueError for a name or a shape that is not the model's own."""
        ...

    def compilable(self) -> Callable[[Any], tf.Tensor]:
        """The forward pass as it predicts, of operations that XLA has: its products are counted."""
        ...
