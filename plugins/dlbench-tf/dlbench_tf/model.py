"""One class for every architecture: the contract's three methods and its capabilities, around a forward pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dlbench.errors import Unsupported
from dlbench.plugin import PARTS, ArraySpec, Batch, BuildRequest, Compilation, ModelInfo, Signature
from dlbench_tf import device, precision, readback, variables
from dlbench_tf.adam import Adam
from dlbench_tf.dropout import Dropout, SeededDropout, off
from dlbench_tf.layers import Forward
from dlbench_tf.objective import OBJECTIVES, together
from dlbench_tf.paths import Paths, repeated
from dlbench_tf.weights import Weights

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters

Count = Callable[[], Any]


class TFModel:
    """A ModelPlugin; `make_forward` is the architecture. A loss that was read has waited for the update."""

    def __init__(self, make_forward: Callable[[BuildRequest], Forward]) -> None:
        self._make_forward = make_forward

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make variables, optimizer and the functions of the Spec's path; they are traced when first called."""
        if request.parameters is None:
            raise Unsupported(f"{request.spec.plugin}: the core describes no architecture {request.spec.architecture}")
        if request.signature.loss not in OBJECTIVES:
            raise Unsupported(f"loss {request.signature.loss}: TensorFlow's plugins have {', '.join(OBJECTIVES)}")
        self._device = device.prepare(request.spec)
        with tf.device(self._device):
            return self._build(request, request.parameters)

    def train_step(self, batch: Batch) -> tf.Tensor:
        """Update and return the loss or losses before each update; data on the host is copied first."""
        inputs, targets = self.stage(batch) if self._from_host else batch
        return self._train(inputs, targets)

    def predict(self, inputs: Any) -> tf.Tensor:
        """The outputs, with dropout off."""
        return self._outputs(self._constant(inputs) if self._from_host else inputs)

    def stage(self, batch: Batch) -> Batch:
        """The batch as tensors on the device."""
        return Batch(*(self._constant(part) for part in batch))

    def export_parameters(self) -> dict[str, Array]:
        """Copies, by canonical name."""
        return self._weights.arrays(self._weights.variables)

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite; the optimizer's moments and its count of steps stay."""
        self._weights.assign(parameters)

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Of the mean loss, dropout off, on the Spec's path."""
        return self._weights.arrays(self._gradients(batch.inputs, batch.targets))

    def compilation(self) -> Compilation:
        """Graphs called so far; on the path jit each is a whole XLA program, or counts as a break."""
        return self._paths.compilation()

    def multiply(self, order: int) -> Callable[[], tf.Tensor]:
        """Of two random square matrices, op by op, in the type of the Spec's products."""
        with tf.device(self._device):
            drawn = {f"{side}/kernel": tf.random.stateless_uniform([order, order], [0, side]) for side in range(2)}
            left, right = self._rounded(drawn).values()
        return lambda: tf.matmul(left, right)

    def variables(self) -> list[str]:
        """Those that TensorFlow and XLA read."""
        return variables.NAMES

    def devices(self) -> dict[str, str]:
        """What TensorFlow sees."""
        return device.devices()

    def device_memory_peak(self) -> int | None:
        """Peak bytes of the allocator; None on a CPU."""
        return device.memory_peak(self._weights.variables[0])

    def reset_device_memory_peak(self) -> None:
        """Start the peak anew."""
        device.reset_memory_peak(self._weights.variables[0])

    def _build(self, request: BuildRequest, parameters: Parameters) -> ModelInfo:
        spec, signature = request.spec, request.signature
        eager = spec.path == "eager"
        self._forward, self._objective = self._make_forward(request), OBJECTIVES[signature.loss]
        self._weights = Weights(parameters, flat=spec.path == "graph")
        self._adam, self._seed = Adam(request.adam, self._weights.variables), spec.seed
        self._count = _python_count() if eager else _graph_count()
        self._paths = Paths(spec.path)
        self._from_host = spec.data == "host"
        self._rounded = partial(precision.rounded, precision=spec.precision)
        self._train = self._put_training(spec.steps_per_call, signature)
        self._outputs = self._paths.put(self._evaluate, signature.inputs, parts=PARTS[:1])
        self._gradients = self._paths.put(self._compare, signature.inputs, signature.targets)
        tensors = self._weights.tensors(self._values())
        computed_in = precision.read_back(tensors, self._rounded(tensors))
        return readback.model_info(self._weights.variables, tensors, spec, computed_in)

    def _constant(self, array: Any) -> tf.Tensor:
        with tf.device(self._device):
            return tf.constant(array)

    def _put_training(self, steps: int, signature: Signature) -> Callable[..., tf.Tensor]:
        """One update a call, or several on batches along a further first axis."""
        if steps == 1:
            return self._paths.put(self._update, signature.inputs, signature.targets, parts=PARTS)
        arrays = [ArraySpec((steps, *array.shape), array.dtype) for array in (signature.inputs, signature.targets)]
        return self._paths.put(partial(repeated, self._update, steps), *arrays, parts=PARTS)

    def _update(self, inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        count = self._count()
        loss, gradients = self._differentiate(inputs, targets, SeededDropout(self._seed, count))
        self._adam.apply(gradients, count)
        return loss

    def _evaluate(self, inputs: tf.Tensor) -> tf.Tensor:
        return self._forward(self._rounded(self._weights.tensors(self._values())), inputs, off)

    def _compare(self, inputs: tf.Tensor, targets: tf.Tensor) -> list[tf.Tensor]:
        return self._differentiate(inputs, targets, off)[1]

    def _differentiate(
        self, inputs: tf.Tensor, targets: tf.Tensor, dropout: Dropout
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The loss or losses, and for each variable the gradient of the loss that trains it."""
        # The values live no longer than this call: an update copies a variable whose value somebody still holds.
        tensors, owners = self._weights.tensors(self._values()), self._objective.owners
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

    def _values(self) -> list[tf.Tensor]:
        return [variable.value() for variable in self._weights.variables]


def _python_count() -> Count:
    """1.0, 2.0, ...: cheapest where Python runs every step."""
    counter = itertools.count(1)
    return lambda: float(next(counter))


def _graph_count() -> Count:
    """1.0, 2.0, ... as float64 scalars; the state is in the graph, so that a call needs no new argument."""
    variable = tf.Variable(0.0, dtype=tf.float64)
    return lambda: variable.assign_add(1.0).value()
