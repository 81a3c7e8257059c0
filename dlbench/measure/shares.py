"""The share of one of several workers: its Spec, and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from dlbench.errors import ContractViolation, Unsupported
from dlbench.measure import arrays
from dlbench.measure.build import Prepared, prepare, task_of
from dlbench.measure.digest import digest_of
from dlbench.plugin import Batch, ModelPlugin, Peers, TrainsInParallel, TrainsOnDevices
from dlbench.spec import Spec, workers
from dlbench.tasks import Task


def require_parallel(spec: Spec, plugin: object) -> TrainsInParallel:
    """The plugin, if it trains with several workers. Raises Unsupported."""
    if isinstance(plugin, TrainsInParallel):
        return plugin
    raise Unsupported(
        f"{workers.count(spec)} workers: {spec.plugin} does not say how it trains in parallel "
        "(TrainsInParallel: join, weights, leave); `dlbench list --capabilities` names plugins that do, or leave "
        "--workers out"
    )


def require_devices(spec: Spec, plugin: object) -> TrainsOnDevices:
    """The plugin, if it holds several workers in one process. Raises ContractViolation: its own table says so."""
    if isinstance(plugin, TrainsOnDevices):
        return plugin
    raise ContractViolation(
        f"plugin {spec.plugin}: a setting makes {workers.count(spec)} workers devices of one process, and it has no "
        "weights_of_devices() (TrainsOnDevices)"
    )


def of_rank(spec: Spec, rank: int) -> Spec:
    """Computation of this worker, as the Spec of one alone; worker N has GPU N."""
    own = workers.share(spec)
    return msgspec.structs.replace(own, device=f"gpu:{rank}") if spec.device == "gpu" else own


def prepare_share(spec: Spec, plugin: ModelPlugin, peers: Peers) -> Prepared:
    """One worker, joined and prepared as `prepare` does it, with batches of its own."""
    own = of_rank(spec, peers.rank)
    require_parallel(spec, plugin).join(own, peers)
    prepared = prepare(own, plugin)
    return replace(prepared, task=dealt(spec, prepared.task, peers))


def prepare_gathered(spec: Spec, plugin: ModelPlugin) -> Prepared:
    """All workers of one process, prepared as `prepare` does it, with the batches of all."""
    own = workers.gathered(spec)
    require_devices(spec, plugin).join(own, Peers(0, workers.count(spec), (), ""))
    prepared = prepare(own, plugin)
    return replace(prepared, task=gathered(spec, prepared.task))


def gathered(spec: Spec, task: Task) -> Task:
    """The task with the batches of all workers one after the other: those that a process each would get."""
    if spec.scaling is not msgspec.UNSET:
        return task
    each, count = task_of(workers.share(spec)), workers.count(spec)

    def batch(seed: int, step: int) -> Batch:
        batches = [each.batch(seed, step * count + rank) for rank in range(count)]
        return Batch(*(arrays.each(_joined, *sides) for sides in zip(*batches, strict=True)))

    return replace(task, batch=batch)


def _joined(*parts: Any) -> Any:
    return np.concatenate(parts)


def dealt(spec: Spec, task: Task, peers: Peers) -> Task:
    """The task with this worker's batches.

    Under weak scaling workers take the task's batches in turn; under strong scaling each has its part of every batch.
    """
    if spec.scaling is msgspec.UNSET:
        return replace(task, batch=lambda seed, step: task.batch(seed, step * peers.count + peers.rank))
    together = task_of(workers.whole(spec))
    first = peers.rank * (size := spec.batch_size // peers.count)

    def part(array: Any) -> Any:
        return array[first : first + size]

    def batch(seed: int, step: int) -> Batch:
        return Batch(*(arrays.each(part, side) for side in together.batch(seed, step)))

    return replace(task, batch=batch)


def digest_of_weights(plugin: TrainsInParallel) -> str:
    """Digest of the trained parameters."""
    return digest_of(plugin.weights())


def digests_of_devices(spec: Spec, plugin: TrainsOnDevices) -> list[tuple[str, str]]:
    """Device of each worker of this process, and digest of its trained parameters.

    Raises ContractViolation for another number of workers.
    """
    found = [(device, digest_of(weights)) for device, weights in plugin.weights_of_devices()]
    if len(found) != workers.count(spec):
        raise ContractViolation(
            f"plugin {spec.plugin}: asked for {workers.count(spec)} workers, weights_of_devices() has {len(found)}"
        )
    return found


def require_equal(spec: Spec, digests: Sequence[str]) -> None:
    """Raise ContractViolation unless the digests of all workers' trained parameters are one."""
    other = [f"worker {rank}" for rank, digest in enumerate(digests) if digest != digests[0]]
    if other:
        raise ContractViolation(
            f"plugin {spec.plugin}: after the last step the parameters of {' and '.join(other)} are not those of "
            "worker 0; a step must update all workers by the mean of their gradients"
        )
