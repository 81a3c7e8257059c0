"""Training as several workers of one process: MirroredStrategy, whose all-reduce the plugin's own step calls.

Each worker has a device, and a network and an optimizer of its own there: all start alike, and are updated by the same
mean of gradients. On a CPU devices are logical ones, each with a pool of threads of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tensorflow as tf

from dlbench.errors import ContractViolation, Unsupported
from dlbench.plugin import ArraySpec, BuildRequest
from dlbench.spec import Spec
from dlbench_tf import device
from dlbench_tf.parallel import mean

OWN_POOLS = "TF_OVERRIDE_GLOBAL_THREADPOOL"
"""Variable that gives each logical device of a CPU a pool of its own; by default they share one."""
TASKS = Path("/proc/self/task")
"""Threads of this process (proc(5)); those of TensorFlow's pools have the name of the process."""


class Losses:
    """The mean loss of all workers; to read it is to wait for the device of each."""

    def __init__(self, of_each: tuple[tf.Tensor, ...]) -> None:
        self._of_each = of_each

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The mean, and of each part of a loss."""
        return np.asarray(np.mean([one.numpy() for one in self._of_each], axis=0), dtype)

    def __float__(self) -> float:
        """The mean."""
        return float(np.asarray(self))


class Devices:
    """The strategy of this process, made before anything else of TensorFlow."""

    mean = staticmethod(mean)

    def __init__(self, spec: Spec, count: int) -> None:
        """Start the devices. Raises Unsupported for a step of XLA and for several steps a call, and as `prepare`."""
        _require(spec)
        if spec.device == "cpu":
            os.environ[OWN_POOLS] = "true"
        before = _threads()
        self.names = device.prepare_several(spec, count)
        tf.config.list_logical_devices()  # TensorFlow starts
        self._pools = _threads() - before if spec.device == "cpu" else 0
        if spec.device == "cpu" and TASKS.exists():
            self._require_pools(spec.threads * count)
        self._strategy = tf.distribute.MirroredStrategy(self.names)

    @property
    def at(self) -> int:
        """Number of the worker whose step this is."""
        return int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))

    def run(self, update: Callable[..., tf.Tensor], inputs: Any, targets: Any) -> tuple[tf.Tensor, ...]:
        """The updates of all workers, each with its part of the batch; returns the loss of each."""
        losses = self._strategy.run(lambda: update(inputs[self.at], targets[self.at]))
        found: tuple[tf.Tensor, ...] = self._strategy.experimental_local_results(losses)
        return found

    def placed(self, side: Any) -> tuple[Any, ...]:
        """Equal parts of the inputs or the targets of a batch, each on its device."""
        return tuple(self._placed(side, at, name) for at, name in enumerate(self.names))

    def share(self, request: BuildRequest) -> BuildRequest:
        """The request of one worker."""
        said, count = request.signature, len(self.names)
        own = {name: _part_of(getattr(said, name), count) for name in ("inputs", "targets", "outputs")}
        further = tuple(_part_of(one, count) for one in said.further)
        spec = msgspec.structs.replace(request.spec, batch_size=request.spec.batch_size // count)
        return replace(request, spec=spec, signature=msgspec.structs.replace(said, further=further, **own))

    def leave(self) -> None:
        """Nobody waits: one process has all workers."""

    @property
    def words(self) -> str:
        """The means of exchange, and the threads of each worker as they were counted."""
        count = len(self.names)
        pools = f", each with a pool of {self._pools // count}" if self._pools else ""
        names = " and ".join(name.strip("/") for name in self.names)
        kind = type(self._strategy).__name__
        return f"{self._strategy.num_replicas_in_sync}, {kind} on {names} of one process{pools}"

    @property
    def strategy(self) -> str:
        """The strategy that runs the steps, in the word of the setting if it has one."""
        kind = type(self._strategy).__name__
        return {"MirroredStrategy": "mirrored"}.get(kind, kind)

    def _placed(self, side: Any, at: int, name: str) -> Any:
        def part(array: Any) -> tf.Tensor:
            size = len(array) // len(self.names)
            return tf.constant(array[at * size : (at + 1) * size])

        with tf.device(name):
            return tuple(map(part, side)) if isinstance(side, tuple) else part(side)

    def _require_pools(self, threads: int) -> None:
        """Raise ContractViolation if the pools of the devices have other threads than those of all workers."""
        if self._pools != threads:
            raise ContractViolation(
                f"asked for {threads} threads for {len(self.names)} devices of a CPU, and TensorFlow {tf.__version__} "
                f"is seen to start {self._pools} although {OWN_POOLS} is set; leave strategy:mirrored out"
            )


def _require(spec: Spec) -> None:
    """Raise Unsupported for a step that several devices do not have."""
    if spec.path == "jit":
        raise Unsupported(
            f"path jit with strategy:mirrored: TensorFlow {tf.__version__} compiles a step for one device, and the "
            "variables of the others are not on it; choose --path graph"
        )
    if spec.steps_per_call > 1:
        raise Unsupported(
            f"{spec.steps_per_call} steps a call with strategy:mirrored: its step is run by the strategy, one a call; "
            "leave --steps-per-call out"
        )


def _part_of(array: ArraySpec, count: int) -> ArraySpec:
    return ArraySpec((array.shape[0] // count, *array.shape[1:]), array.dtype)


def _threads() -> int:
    """Threads of this process that have its name; 0 where the system does not list them."""
    names = [(task / "comm").read_text() for task in TASKS.iterdir()] if TASKS.exists() else []
    return names.count((TASKS / str(os.getpid()) / "comm").read_text()) if names else 0
