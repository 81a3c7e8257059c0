"""An arm of several workers, and the one-worker programs beside it of which its efficiency is read.

There is one program alone, and there are as many as workers that step at the same time and exchange nothing: they meet
the contention for memory and cores that the workers meet. All take turns with the arm, round by round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import msgspec

from dlbench.record.schema import CONTROLS, UNTIMED, Run, Sample, Stage
from dlbench.session.arm import Arm
from dlbench.session.plan import Place
from dlbench.session.variants import Programs
from dlbench.spec import Policy, Spec, workers
from dlbench.workers.child import ChildError, ChildHandle
from dlbench.workers.protocol import Build, Built, Close, Closed, First, Settle, Settled, Stepped, Take, Taken

T = TypeVar("T")
StartBeside = Callable[[Spec, int], ChildHandle]
"""Starts the child of a Spec at its place among those that work at the same time."""
StartChild = Callable[..., ChildHandle]
"""Makes the child of a Spec and a Policy, whose isolation is this process's own.

A third argument is its place among those that start at the same time.
"""
CLASH = re.compile(r"address (already )?in use|could not start gRPC server|failed to (bind|listen)", re.IGNORECASE)
"""Messages of servers at whose port somebody else listens by now."""
OVERLAPPING = 3
"""Samples in a row of programs that step at the same time. The middle one counts: all of them work throughout it."""


class Program:
    """A child that steps by itself when it is told to."""

    def __init__(self, spec: Spec, policy: Policy, child: ChildHandle) -> None:
        self._spec, self._policy, self.child = spec, policy, child

    def build(self) -> None:
        """Build and step once. Raises ChildError, as all of these do."""
        self.child.request(Build(spec=self._spec), Built)
        self.child.request(First(), Stepped)

    def settle(self) -> bool:
        """Warm up; true if it became steady."""
        return self.child.request(Settle(policy=self._policy), Settled).settled

    def take(self, steps: int, count: int = 1) -> Sample:
        """The middle one of so many samples in a row."""
        taken = self.child.request(Take(stage="steady", steps=steps, count=count, untimed=UNTIMED), Taken)
        return taken.samples[count // 2]

    def close(self) -> None:
        """Have its steps audited, as those of any one-worker program are."""
        self.child.request(Close(compile_again=False, multiply=False), Closed)


class TogetherArm:
    """Takes turns as its arm does, and after or before it the programs beside it."""

    def __init__(self, make: Callable[[], Arm], policy: Policy, start: StartBeside) -> None:
        """`make` starts the arm, a second time if its workers cannot listen at the ports that they chose."""
        self._make, self._arm, self._policy, self._start = make, make(), policy, start
        self._beside: list[Program] = []
        self._alone: list[Program] = []
        self._samples: list[Sample] = []

    @property
    def steps(self) -> int:
        """Steps of a sample."""
        return self._arm.steps

    @steps.setter
    def steps(self, steps: int) -> None:
        self._arm.steps = steps

    @property
    def alive(self) -> bool:
        """True if the arm can still be measured."""
        return self._arm.alive

    @property
    def turns(self) -> int:
        """Number of turns that it is due."""
        return self._arm.turns

    @property
    def computation(self) -> Spec:
        """Computation of the arm."""
        return self._arm.computation

    @property
    def step_seconds(self) -> float:
        """Seconds of a step in the fastest warm-up sample."""
        return self._arm.step_seconds

    def begin(self) -> None:
        """Begin to build, as the arm does."""
        self._arm.begin()

    def build(self) -> None:
        """Build the arm, then the programs."""
        self._arm.build()
        if self._arm.failure is not None and CLASH.search(self._arm.failure.reason):
            self._arm.kill()
            self._arm = self._make()
            self._arm.build()
        self._unless_failed(self._build_programs)

    def settle(self, *, in_turns: bool = False) -> None:  # noqa: ARG002 (whole samples overlap, those of turns may not)
        """Warm up: the workers, the programs that step at the same time, the one alone."""
        self._arm.settle()
        for programs in (self._beside, self._alone):
            self._wait_until_idle()
            self._unless_failed(partial(self._settle, programs))

    def warm_again(self) -> None:
        """Take one more warm-up sample of the arm."""
        self._arm.warm_again()

    def turn(self, round_number: int, turn: int) -> None:
        """A sample of each, in turned order every second time."""
        beside, alone = CONTROLS

        def take(programs: Sequence[Program], stage: Stage, count: int) -> None:
            for one in _at_once(programs, lambda program: program.take(self.steps, count)):
                self._samples.append(msgspec.structs.replace(one, stage=stage, round=round_number, turn=turn))

        takes: list[Callable[[], None]] = [
            lambda: self._arm.turn(round_number, turn),
            lambda: take(self._beside, beside, OVERLAPPING),
            lambda: take(self._alone, alone, 1),
        ]
        for one in takes if round_number % 2 == 0 else takes[::-1]:
            self._unless_failed(one)
            self._wait_until_idle()

    def latencies(self) -> None:
        """Nothing: a single step is too short beside what it takes to begin one in several processes."""

    def wait_until_idle(self) -> None:
        """Wait until the machine is left to the next arm."""
        self._arm.wait_until_idle()

    def close(self) -> None:
        """Ask for the final figures of the arm, and have the program alone audited."""
        self._arm.close()
        self._unless_failed(lambda: _at_once(self._alone, Program.close))

    def kill(self) -> None:
        """End everything."""
        self._arm.kill()
        for program in (*self._beside, *self._alone):
            program.child.close()

    def run(self) -> Run:
        """The record of all this."""
        run = self._arm.run()
        return msgspec.structs.replace(run, samples=(*run.samples, *self._samples))

    def _settle(self, programs: Sequence[Program]) -> None:
        if not all(_at_once(programs, Program.settle)):
            self._arm.found.flag("not_settled")

    def _build_programs(self) -> None:
        spec, count = self._arm.spec, workers.count(self._arm.spec)
        for place in range(count):
            self._add(self._beside, workers.share(spec), place)
        self._add(self._alone, workers.whole(spec), 0)
        _at_once([*self._beside, *self._alone], Program.build)

    def _add(self, programs: list[Program], spec: Spec, place: int) -> None:
        on_its_own = msgspec.structs.replace(spec, device=f"gpu:{place}") if spec.device == "gpu" else spec
        programs.append(Program(on_its_own, self._policy, self._start(on_its_own, place)))

    def _unless_failed(self, action: Callable[[], object]) -> None:
        if not self.alive:
            return
        try:
            action()
        except ChildError as error:
            beside = f"a worker without others, of which efficiency is read: {error.reason}"
            self._arm.fail(ChildError(error.status, beside, output=error.output))

    def _wait_until_idle(self) -> None:
        self._arm.wait_until_idle()
        for program in (*self._beside, *self._alone) if self.alive else ():
            if not program.child.wait_until_idle():
                self._arm.found.flag("not_quiet")


def _at_once(programs: Sequence[Program], action: Callable[[Program], T]) -> list[T]:
    """The action with all programs at the same time, a thread waiting for each."""
    if not programs:
        return []
    with ThreadPoolExecutor(len(programs)) as pool:
        return list(pool.map(action, programs))


AnyArm = Arm | TogetherArm


def arm_of(spec: Spec, policies: tuple[Policy, Policy], place: Place, start: StartChild, programs: Programs) -> AnyArm:
    """The arm of a Spec, with the programs beside it if it has several workers.

    `policies` are the one of its Runs, and the one of its children, which says how many turns there are.
    """
    of_runs, of_children = policies
    apart = (place.arm,) if place.starts_beside(of_runs) else ()
    begin = partial(start, spec, of_children, *apart)
    make = partial(Arm, spec, of_runs, place, begin, programs, of_children.samples)
    return TogetherArm(make, of_runs, lambda other, at: start(other, of_children, at)) if spec.together else make()
