"""Part of this process in training: one of several workers that train together, or the only one."""

from __future__ import annotations

import gc
from collections.abc import Callable

from dlbench.measure import shares
from dlbench.measure.build import Prepared, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.measure.timing import Clock, Sampler
from dlbench.plugin import ModelInfo, ModelPlugin, TrainsInParallel
from dlbench.record.processors import Rank
from dlbench.record.schema import PhaseMemory
from dlbench.system import memory
from dlbench.system.witness import Witness
from dlbench.workers.child import ChildError
from dlbench.workers.protocol import Build, Follow, Followed
from dlbench.workers.ranks import Ranks


class Part:
    """The first of several workers leads the others; each of these does as it is told."""

    def __init__(self, order: Build, give_up: Callable[[ChildError], object]) -> None:
        """Have the others started, in the first. `give_up` ends this process: another one has ended."""
        self._spec, self._peers = order.spec, order.peers
        self._ranks: Ranks | None = None
        self._holds = order.spec.in_one_process
        if order.peers is None and order.spec.together and not self._holds:
            self._ranks = Ranks(order.spec, give_up)
            self._peers = self._ranks.peers

    @property
    def leads(self) -> bool:
        """True in the first of several workers, or in the process that holds all of them."""
        return self._ranks is not None or self._holds

    def prepare(self, plugin: ModelPlugin) -> Prepared:
        """Join the others, and prepare the Spec of this one. Raises as `dlbench.measure.build.prepare` does."""
        if self._holds:
            self._devices = shares.require_devices(self._spec, plugin)
            return shares.prepare_gathered(self._spec, plugin)
        if self._peers is None:
            return prepare(self._spec, plugin)
        self._plugin: TrainsInParallel = shares.require_parallel(self._spec, plugin)
        return shares.prepare_share(self._spec, plugin, self._peers)

    def built(self, marks: list[PhaseMemory]) -> list[PhaseMemory]:
        """Memory of all workers up to their models, once they stand. Raises ChildError."""
        others = self._ranks.built_memory() if self._ranks is not None else []
        return [memory.total(of_all) for of_all in zip(marks, *others, strict=True)]

    def sampler(self, model: MeasuredModel, clock: Clock, steps_per_call: int) -> Sampler:
        """Times the steps of all."""
        return model.sampler(clock) if self._ranks is None else self._ranks.sampler(model, clock, steps_per_call)

    def mark(self, own: PhaseMemory) -> PhaseMemory:
        """Memory of all in the phase that ends here."""
        return own if self._ranks is None else memory.total([own, *self._ranks.mark(own.phase)])

    def of_all(self, amount: float | None) -> float | None:
        """An amount of this worker for all of them, who do the same."""
        return amount if amount is None or self._ranks is None else amount * self._ranks.peers.count

    def follow(self, order: Follow, model: MeasuredModel, witness: Witness, info: ModelInfo) -> Followed:
        """Do as the first worker does."""
        match order.do:
            case "ready" if order.calls:
                model.ready(order.calls)
                gc.collect()
            case "step":
                model.take_along(order.calls)
            case "mark":
                mark = model.mark(order.phase)
                if order.phase == "first_step":
                    stand(witness)
                return Followed(memory=mark)
            case "read":
                return Followed(rank=self._read(witness, info))
            case "leave":
                self._plugin.leave()
        return Followed()

    def leave(self, witness: Witness, info: ModelInfo) -> tuple[Rank, ...]:
        """All workers as they read themselves, who end together. Raises ContractViolation for unequal weights."""
        if not self.leads:
            return ()
        found = self._held(witness, info) if self._ranks is None else (self._read(witness, info), *self._ranks.read())
        shares.require_equal(self._spec, [one.weights for one in found])
        if self._ranks is not None:
            self._ranks.leave(self._plugin.leave)
        return found

    def cause(self, error: BaseException) -> BaseException:
        """The error, or the end of another worker that led to it."""
        return error if self._ranks is None else self._ranks.cause(error)

    def _read(self, witness: Witness, info: ModelInfo) -> Rank:
        weights = shares.digest_of_weights(self._plugin)
        return Rank(threads=info.threads, device=info.device, cpus=witness.read().cpus, weights=weights)

    def _held(self, witness: Witness, info: ModelInfo) -> tuple[Rank, ...]:
        """The workers of this process, whose threads may run on any of its processors."""
        cpus = witness.read().cpus
        return tuple(
            Rank(threads=info.threads, device=device, cpus=cpus, weights=weights)
            for device, weights in shares.digests_of_devices(self._spec, self._devices)
        )


def stand(witness: Witness) -> None:
    """Nothing but steps comes now: permanent objects of the framework are not walked again before every sample."""
    witness.begin()
    gc.collect()
    gc.freeze()
