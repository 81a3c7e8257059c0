"""An arm of dlbench with a slowdown planted in it: its samples execute more of the same steps."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from dlbench.record.schema import Environment, Run
from dlbench.session.arm import Arm
from dlbench.spec import Spec
from studies.decision_quality.pool import Taken
from studies.decision_quality.workloads import WHOLE


class Planted:
    """Takes turns as the arm within does, `slowdown` more steps a sample, and counts the seconds that it held."""

    def __init__(self, name: str, slowdown: float, arm: Arm, held: float) -> None:
        self._name, self._slowdown, self._arm = name, slowdown, arm
        self.steps, self._held = 1, held

    @property
    def alive(self) -> bool:
        """True if the arm can still be measured."""
        return self._arm.alive

    @property
    def turns(self) -> int:
        """Number of turns that it is due."""
        return self._arm.turns

    def begin(self) -> None:
        """Begin to build beside the others, if the arm within does."""
        self._arm.begin()

    def build(self) -> None:
        """Build the model and take its first step."""
        with self._holding():
            self._arm.build()

    def settle(self, *, in_turns: bool = False) -> None:
        """Warm up until steady; the arm's step count is then shared, and rounded when a turn is taken."""
        with self._holding():
            self._arm.settle(in_turns=in_turns)
        self.steps = self._arm.steps

    @property
    def computation(self) -> Spec:
        """The program without its slowdown, which is the same in every arm."""
        return self._arm.computation

    @property
    def step_seconds(self) -> float:
        """Seconds of a step in the fastest warm-up sample."""
        return self._arm.step_seconds

    def warm_again(self) -> None:
        """Take one more warm-up sample."""
        with self._holding():
            self._arm.warm_again()

    def turn(self, round_number: int, turn: int) -> None:
        """One sample of `executed` steps."""
        self._arm.steps = self.executed
        with self._holding():
            self._arm.turn(round_number, turn)

    def latencies(self) -> None:
        """Time single steps, if the arm within is measured in full."""
        with self._holding():
            self._arm.latencies()

    def wait_until_idle(self) -> None:
        """Wait until the child leaves the machine to the next one."""
        with self._holding():
            self._arm.wait_until_idle()

    def close(self) -> None:
        """Ask for the final figures."""
        with self._holding():
            self._arm.close()

    @property
    def nominal(self) -> int:
        """Steps of a sample without the slowdown."""
        return math.ceil(self.steps / WHOLE) * WHOLE

    @property
    def executed(self) -> int:
        """Steps of a sample with it."""
        return round(self.nominal * (1 + self._slowdown))

    @property
    def environment(self) -> Environment:
        """Machine and software by the child; known once it is built."""
        found = self._arm.run().environment
        assert found is not None, "the arm was built"
        return found

    def taken(self) -> Taken:
        """Record for the pool. Raises RuntimeError when the arm failed."""
        run: Run = self._arm.run()
        if run.status != "ok":
            raise RuntimeError(f"{run.spec.plugin}, arm {self._name}: {run.status}: {run.reason}\n{run.output_tail}")
        steady = [sample for sample in run.samples if sample.stage == "steady"]
        return Taken(
            arm=self._name,
            nominal=self.nominal,
            executed=self.executed,
            held=round(self._held, 3),
            nanoseconds=[round(sample.seconds / self.nominal * 1e9) for sample in steady],
            flags=list(run.flags),
            run=self._for_a_verdict(run),
        )

    def _for_a_verdict(self, run: Run) -> Run:
        """The record as far as a verdict reads it: steady samples over nominal steps, their load, the device."""
        steady = [one for one in run.samples if one.stage == "steady"]
        return Run(
            spec=run.spec,
            policy=run.policy,
            session="pool",
            group=run.group,
            groups=run.groups,
            arm=run.arm,
            arms=run.arms,
            status=run.status,
            started=run.started,
            wall_seconds=run.wall_seconds,
            flags=run.flags,
            info=run.info,
            load=run.load,
            samples=tuple(msgspec.structs.replace(one, steps=self.nominal) for one in steady),
        )

    @contextmanager
    def _holding(self) -> Iterator[None]:
        begin = time.monotonic()
        try:
            yield
        finally:
            self._held += time.monotonic() - begin
