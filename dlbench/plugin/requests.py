"""Requests to a plugin: the batch, the signature of a task, the optimizer, and all that `build` is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from dlbench.errors import Unsupported
from dlbench.spec import Spec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Parameters = Mapping[str, npt.NDArray[np.float32]]
else:  # the contract itself has no use of NumPy
    Array, Parameters = Any, Mapping[str, Any]


class Batch(NamedTuple):
    """Inputs and targets of one step: NumPy arrays from the core, or whatever the plugin's `stage` made of them."""

    inputs: Any
    targets: Any


class ArraySpec(msgspec.Struct, frozen=True):
    """Shape (the batch first) and NumPy dtype name of an array."""

    shape: tuple[int, ...]
    dtype: str


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs that a task feeds a model, and the outputs that it wants.

    `outputs` are logits for the loss `cross_entropy`, values for `mse`, logits of actions for `policy_gradient` and
    generated images for `adversarial`, whose targets are real ones (`dlbench.architectures.gan` states both losses).
    Targets of `policy_gradient` are action and advantage, both float32, side by side; its loss is the mean of the
    advantage times the negative log-likelihood of the action. `vocabulary` is the number of distinct tokens, for inputs
    of tokens, of the first of several; `causal` means that output t may depend on inputs 0..t only.

    A model of several inputs gets them as a tuple: `inputs` describes the first and `further` the others. `names` are
    the keywords of the model's call for each of them, empty for inputs by place, and `ranges` the number of distinct
    values of each one of integers, None for others. Any other word of `loss` is a
    `file.py:function` of the framework's own, called with outputs and targets.
    """

    inputs: ArraySpec
    targets: ArraySpec
    outputs: ArraySpec
    loss: str
    vocabulary: int | None = None
    causal: bool = False
    further: tuple[ArraySpec, ...] = ()
    names: tuple[str, ...] = ()
    ranges: tuple[int | None, ...] = ()


class Adam(msgspec.Struct, frozen=True, kw_only=True, tag="adam"):
    """Adam (Kingma and Ba, 2015, algorithm 1), with epsilon added to the bias-corrected root of the second moment.

    One update at step t = 1, 2, ...: `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
    `w -= learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`, the two corrections computed in
    float64. Libraries differ in the place of epsilon and in the precision of the correction; a plugin must not.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


class AdamW(msgspec.Struct, frozen=True, kw_only=True, tag="adamw"):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019, algorithm 2), of every parameter.

    Before the update of Adam, `w -= learning_rate * weight_decay * w`.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 1e-2


class SGD(msgspec.Struct, frozen=True, kw_only=True, tag="sgd"):
    """Stochastic gradient descent with momentum as Sutskever et al. (2013) state it without Nesterov's change.

    `v = momentum v + g`, `w -= learning_rate * v`; v is 0 before the first step.
    """

    learning_rate: float = 1e-2
    momentum: float = 0.0


class OwnOptimizer(msgspec.Struct, frozen=True, kw_only=True, tag="own"):
    """The user's own.

    `function` is a `file.py:function` that is given the parameters and returns an optimizer of the framework's kind.
    """

    function: str


Optimizer = Adam | AdamW | SGD | OwnOptimizer


class Peers(msgspec.Struct, frozen=True):
    """The workers of data-parallel training, a process each: `rank` is this one's number, from 0, of `count`.

    `addresses` are free ports of the loopback interface, `127.0.0.1:PORT`, one for each rank; nothing else of the
    workers may listen. `folder` is empty and seen by all of them.
    """

    rank: int
    count: int
    addresses: tuple[str, ...]
    folder: str


@dataclass(frozen=True)
class BuildRequest:
    """All that a plugin needs to build.

    `configuration` is the architecture's own record (such as `dlbench.architectures.transformer.Transformer`) and
    `parameters` its initial values, float32, by canonical name in canonical layout; both are None for an architecture
    that the core does not describe. Without `dropout` a training step must drop nothing.
    """

    spec: Spec
    signature: Signature
    optimizer: Optimizer
    configuration: Any = None
    parameters: Parameters | None = None
    dropout: bool = True

    @property
    def adam(self) -> Adam:
        """The optimizer, for a plugin that has Adam only. Raises Unsupported for any other."""
        if not isinstance(self.optimizer, Adam):
            raise Unsupported(f"{self.spec.plugin}: its only optimizer is Adam, and {self.optimizer} was asked for")
        return self.optimizer
