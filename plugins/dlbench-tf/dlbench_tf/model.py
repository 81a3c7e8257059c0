"""One class for every architecture: the contract's three methods and its capabilities, around a forward pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import tensorflow as tf

from dlbench.plugin import (
    PARTS,
    ArraySpec,
    Batch,
    BuildRequest,
    Compilation,
    Description,
    ModelInfo,
    Peers,
    ProfileEvent,
    Setting,
    Spec,
)
from dlbench.plugin_kit import in_precision
from dlbench_tf import device, flops, precision, readback, settings, variables
from dlbench_tf.network import Network
from dlbench_tf.optimizers import Optimizer, make_optimizer
from dlbench_tf.paths import Arguments, Paths, inputs_of, repeated

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters
    from dlbench_tf.mirrored import Devices
    from dlbench_tf.parallel import Group

Count = Callable[[], Any]


class Trained(NamedTuple):
    """A network with what trains it; one for each worker of this process."""

    network: Network
    optimizer: Optimizer
    number: Count


class TFModel:
    """A ModelPlugin; `make_network` is the architecture. A loss that was read has waited for the update."""

    def __init__(
        self, make_network: Callable[[BuildRequest], Network], described: Callable[[Spec], Description]
    ) -> None:
        self._make_network, self._described = make_network, described
        self._group: Group | Devices | None = None
        self._devices: Devices | None = None

    def join(self, spec: Spec, peers: Peers) -> None:
        """Join the strategy, or hold all workers of one."""
        if spec.settings.get(settings.STRATEGY.key) == "mirrored":
            from dlbench_tf.mirrored import Devices

            self._group = self._devices = Devices(in_precision(spec), peers.count)
        else:
            from dlbench_tf.parallel import Group  # loaded with a server, which one worker has no use of

            self._group = Group(in_precision(spec), peers)

    def weights(self) -> dict[str, Array]:
        """Trained variables, without the state that each worker has of its own batches."""
        return self._network.named(self._network.variables)

    def weights_of_devices(self) -> Iterator[tuple[str, dict[str, Array]]]:
        """Devices and trained variables of all workers of this process."""
        for one in self._trained:
            yield device.word_of(one.network.variables[0]), one.network.named(one.network.variables)

    def leave(self) -> None:
        """Wait for the other workers."""
        assert self._group is not None
        self._group.leave()

    def describe(self, spec: Spec) -> Description:
        """Facts of the model for this Spec."""
        return self._described(spec)

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make variables, optimizer and the functions of the Spec's path; they are traced when first called."""
        request = replace(request, spec=in_precision(request.spec))
        self._device = device.prepare(request.spec) if self._devices is None else self._devices.names[0]
        settings.set_all(request.spec.settings)
        with tf.device(self._device):
            return self._build(request)

    def train_step(self, batch: Batch) -> tf.Tensor:
        """Update and return the loss or losses before each update; data on the host is copied first."""
        inputs, targets = self.stage(batch) if self._from_host else batch
        return self._train(inputs, targets)

    def predict(self, inputs: Any) -> tf.Tensor:
        """The outputs, with dropout off."""
        placed = self._constant(inputs) if self._from_host else inputs
        return self._outputs(placed) if self._devices is None else tf.concat(list(map(self._outputs, placed)), 0)

    def stage(self, batch: Batch) -> Batch:
        """The batch as tensors on the device."""
        return Batch(*(self._constant(part) for part in batch))

    def export_parameters(self) -> dict[str, Array]:
        """Copies, by canonical name."""
        return self._network.export()

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite; the optimizer's moments and its count of steps stay."""
        self._network.assign(parameters)

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Gradients of the mean loss, dropout off, on the Spec's path."""
        return self._network.named(self._gradients(batch.inputs, batch.targets))

    def compilation(self) -> Compilation:
        """Graphs called so far; on the path jit each is a whole XLA program, or counts as a break."""
        return self._paths.compilation()

    def flops(self, batch: Batch) -> float | None:
        """FLOPs of the products of a forward pass; None if XLA has no program of it."""
        inputs, count = batch.inputs, 1
        if self._devices is not None:
            parts = self._constant(inputs) if self._from_host else inputs
            inputs, count = parts[0], len(parts)
        with tf.device(self._device):
            found = flops.of_function(self._network.compilable(), inputs)
        return None if found is None else found * count

    def multiply(self, order: int) -> Callable[[], tf.Tensor]:
        """Product of two random square matrices, op by op, in the type of the Spec's products."""
        with tf.device(self._device):
            kind = precision.kind_of(self._precision)
            drawn = {
                f"{side}/kernel": tf.random.stateless_uniform([order, order], [0, side], dtype=kind)
                for side in range(2)
            }
            left, right = precision.rounded(drawn, self._precision).values()
        return lambda: tf.matmul(left, right)

    def settings(self, spec: Spec) -> list[Setting]:
        """Settings of TensorFlow for this Spec's device."""
        return settings.table(spec)

    def read_settings(self) -> dict[str, str]:
        """Values in effect."""
        found = settings.in_effect(self._network.precision)
        return found | ({settings.STRATEGY.key: self._devices.strategy} if self._devices is not None else {})

    def profile(self, step: Callable[[], None]) -> list[ProfileEvent]:
        """Events of TensorFlow's own profiler."""
        from dlbench_tf import profiling  # loaded with the profiler, which no timed step has any use of

        return profiling.events(step, self._paths.texts(), self._network.names)

    def variables(self) -> list[str]:
        """Variables that TensorFlow and XLA read."""
        return variables.NAMES

    def devices(self) -> dict[str, str]:
        """Devices that TensorFlow sees."""
        return device.devices()

    def device_memory_peak(self) -> int | None:
        """Peak bytes of the allocators; None on a CPU."""
        found = [device.memory_peak(one.network.variables[0]) for one in self._trained]
        return None if None in found else sum(filter(None, found))

    def reset_device_memory_peak(self) -> None:
        """Reset the peak."""
        for one in self._trained:
            device.reset_memory_peak(one.network.variables[0])

    def _build(self, request: BuildRequest) -> ModelInfo:
        if self._devices is not None:
            request = self._devices.share(request)
        spec, signature = request.spec, request.signature
        self._trained = self._made(request)
        network = self._network = self._trained[0].network
        self._paths, self._from_host, self._precision = Paths(spec.path), spec.data == "host", spec.precision
        inputs = inputs_of(signature)
        self._train = self._put_training(spec.steps_per_call, inputs, signature.targets)
        self._outputs = self._paths.put(network.outputs, inputs, parts=PARTS[:1])
        self._gradients = self._paths.put(self._compare, inputs, signature.targets)
        info = readback.model_info(network, spec, self._trained[0].optimizer.name)
        said = {"workers": self._group.words} if self._group is not None else {}
        return msgspec.structs.replace(info, details={**info.details, **said})

    def _made(self, request: BuildRequest) -> list[Trained]:
        """The network of each worker of this process on its device."""

        def made(place: str) -> Trained:
            with tf.device(place):
                network = self._make_network(request)
                optimizer = make_optimizer(request.optimizer, network.variables, network.parameters)
                return Trained(network, optimizer, _python_count() if request.spec.path == "eager" else _graph_count())

        return list(map(made, [self._device] if self._devices is None else self._devices.names))

    def _constant(self, array: Any) -> Any:
        if self._devices is not None:
            return self._devices.placed(array)
        with tf.device(self._device):
            return tuple(map(tf.constant, array)) if isinstance(array, tuple) else tf.constant(array)

    def _put_training(self, steps: int, *arguments: Arguments) -> Callable[..., tf.Tensor]:
        """One update a call, or several on batches along a further first axis."""
        update = self._update if self._group is None else partial(self._group.run, self._update)
        if self._devices is not None:
            from dlbench_tf.mirrored import Losses

            of_all = [(argument,) * len(self._devices.names) for argument in arguments]
            train = self._paths.put(update, *of_all, parts=PARTS)
            return lambda inputs, targets: Losses(train(inputs, targets))
        if steps == 1:
            return self._paths.put(update, *arguments, parts=PARTS)
        stacked = [
            tf.nest.map_structure(lambda array: ArraySpec((steps, *array.shape), array.dtype), argument)
            for argument in arguments
        ]
        return self._paths.put(
            partial(repeated, update, steps, self._network.variables[0].dtype), *stacked, parts=PARTS
        )

    def _update(self, inputs: Any, targets: tf.Tensor) -> tf.Tensor:
        one = self._trained[0 if self._group is None else self._group.at]
        count = one.number()
        loss, gradients = one.network.differentiate(inputs, targets, count)
        if self._group is not None:
            gradients = self._group.mean(gradients)
        one.optimizer.apply(gradients, count)
        return loss

    def _compare(self, inputs: Any, targets: tf.Tensor) -> list[tf.Tensor]:
        return self._network.differentiate(inputs, targets, None)[1]


def _python_count() -> Count:
    """1.0, 2.0, ...: cheapest if Python runs every step."""
    counter = itertools.count(1)
    return lambda: float(next(counter))


def _graph_count() -> Count:
    """1.0, 2.0, ... as float64 scalars; the state is in the graph, so that a call needs no new argument."""
    variable = tf.Variable(0.0, dtype=tf.float64)
    return lambda: variable.assign_add(1.0).value()
