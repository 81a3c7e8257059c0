"""One Spec in one child while a group is measured: its requests, its answers, the Run at its end."""

from __future__ import annotations

import datetime
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec

from dlbench.record import honesty, proof
from dlbench.record.schema import BESIDE, BETWEEN, CLOSING, IDLE, TRAINING, UNTIMED, Evaluation, PhaseTime, Run
from dlbench.session.found import Findings
from dlbench.session.plan import Place
from dlbench.session.variants import Programs, misfit_of_model
from dlbench.spec import Policy, Spec
from dlbench.system import cpus, threads
from dlbench.system.environment import fingerprint, limits
from dlbench.workers.child import ChildError, ChildHandle, R
from dlbench.workers.protocol import (
    Build,
    Built,
    Close,
    Closed,
    Evaluate,
    Evaluated,
    First,
    Request,
    Settle,
    Settled,
    Stepped,
    Take,
    Taken,
)


class Arm:
    """Gives orders to one child and keeps the answers; after a failure it gives no more."""

    def __init__(
        self,
        spec: Spec,
        policy: Policy,
        place: Place,
        start: Callable[[], ChildHandle],
        programs: Programs | None = None,
        rounds: int | None = None,
    ) -> None:
        self.spec, self.policy, self.place = spec, policy, place
        self._rounds = policy.samples if rounds is None else rounds
        self._programs = {} if programs is None else programs
        self._started, self._begin = datetime.datetime.now(datetime.UTC), time.monotonic()
        self.found = Findings()
        self._built: Built | None = None
        self._closed: Closed | None = None
        self.failure: ChildError | None = None
        self.steps, self._in_full, self._beside = 1, place.in_full(policy), place.starts_beside(policy)
        self._trained_steps, self._trained_seconds = 0, 0.0
        self._helpers_before: float | None = None
        self._helper_cpu: float | None = None
        self._clocks: list[tuple[float, float]] = []
        self._child = self._started_by(start)
        self._start_seconds = time.monotonic() - self._begin

    @property
    def alive(self) -> bool:
        """True if the arm can still be measured."""
        return self.failure is None

    @property
    def turns(self) -> int:
        """Number of turns that this arm is due: samples to take, or evaluations until the budget is used."""
        if self.spec.timed or self._built is None:
            return self._rounds
        return -(-self._built.task.budget_steps // self._built.evaluate_every)

    def begin(self) -> None:
        """Begin to build and to take the first step, unless the time that this takes is read."""
        if self._beside and self._child is not None:
            self._child.begin(Build(spec=self.spec), First())

    def build(self) -> None:
        """Build the model and take its first step."""
        begin = time.monotonic()
        built = self._ask(Build(spec=self.spec), Built)
        if built is None:
            return
        self._built = built
        if why := misfit_of_model(self.spec, built.info.parameter_count, self._programs):
            self.fail(ChildError("error", why))
            return
        took = self._start_seconds + time.monotonic() - begin - sum(one.seconds for one in built.times)
        alone = [PhaseTime(phase="start", seconds=max(0.0, took)), *built.times]
        self.found.times += [] if self._beside else alone
        self.found.memory += built.memory
        stepped = self._ask(First(), Stepped)
        if stepped is not None:
            beside = PhaseTime(phase=BESIDE, seconds=time.monotonic() - begin)
            self._clocks = [] if self._beside else self._clocks  # its reply waited to be read
            self.found.times.append(beside if self._beside else stepped.time)
            self.found.memory.append(stepped.memory)
            self._trained_steps, self._trained_seconds = self.spec.steps_per_call, stepped.time.seconds

    def settle(self, *, in_turns: bool = False) -> None:
        """Warm up until steady; does nothing if every step counts. Samples are to be taken alone, or in turns."""
        if not self.spec.timed:
            return
        together = tuple(cpus.choose(self.spec.process_threads, cpus.usable())) if self._beside else ()
        settled = self._ask(Settle(policy=self.policy, processors=together, in_turns=in_turns), Settled)
        if settled is not None:
            self.steps = settled.steps
            self.found.samples += settled.samples
            self.found.digest = settled.digest
            self.found.flags += [] if settled.settled else ["not_settled"]

    @property
    def computation(self) -> Spec:
        """Computation of this arm: a control has the Spec of its arm."""
        return self.spec

    @property
    def step_seconds(self) -> float:
        """Seconds of a step in the fastest warm-up sample; infinite before there is one."""
        warm = (sample.seconds / sample.steps for sample in self.found.samples if sample.stage == "warm-up")
        return min(warm, default=math.inf)

    def warm_again(self) -> None:
        """Take one more warm-up sample."""
        taken = self._ask(Take(stage="warm-up", steps=self.steps), Taken)
        if taken is not None:
            self.found.samples += taken.samples

    def turn(self, round_number: int, turn: int) -> None:
        """Take this arm's turn: one sample, or the training up to the next look at its quality."""
        if self._helpers_before is None and self._child is not None:
            self._helpers_before = self._child.helper_seconds()
        if not self.spec.timed:
            self._train_on(round_number)
            return
        with self.found.spending(BETWEEN):
            taken = self._ask(Take(stage="steady", steps=self.steps, untimed=UNTIMED), Taken)
            if taken is not None:
                placed = (msgspec.structs.replace(one, round=round_number, turn=turn) for one in taken.samples)
                self.found.samples += placed

    def latencies(self) -> None:
        """Time single steps, each ended by the barrier, as many as the policy's time allows."""
        steady = [sample.seconds / sample.steps for sample in self.found.samples if sample.stage == "steady"]
        if not self.spec.timed or not steady or not self._in_full:
            return
        count = int(self.policy.latency_seconds / max(sorted(steady)[len(steady) // 2], 1e-9))
        order = Take(stage="latency", steps=1, count=max(1, min(self.policy.latency_steps, count)))
        taken = self._ask(order, Taken)
        if taken is not None:
            self.found.samples += taken.samples

    def wait_until_idle(self) -> None:
        """Wait until this arm's child leaves the machine to the next one."""
        if self.alive and self._child is not None:
            with self.found.spending(IDLE):
                quiet = self._child.wait_until_idle()
            if not quiet:
                self.found.flag("not_quiet")

    def close(self) -> None:
        """Ask for the final figures, and end the child."""
        if self.alive:
            self._look_at_helpers()
            fresh = self.place.isolation == "fresh"  # work done once is read from fresh processes alone
            full = self._in_full and not self.spec.together
            order = Close(compile_again=fresh and full, multiply=full)
            with self.found.spending(CLOSING):
                self._closed = self._ask(order, Closed)
                self.found.times += self._closed.times if self._closed is not None else []
            if self._closed is not None:
                self.found.memory.append(self._closed.memory)
                self.found.flags += proof.flags(self.spec, self._closed.compilation)
                timed = sum(sample.seconds for sample in self.found.samples)
                if why := honesty.clocks_apart(self._clocks, timed):
                    self.fail(ChildError("error", f"{self.spec.plugin}: {why}"))

    def kill(self) -> None:
        """End the child whatever it does."""
        if self._child is not None:
            self._child.close()

    def run(self) -> Run:
        """The record of all this."""
        failure, found = self.failure, self.found
        return Run(
            spec=self.spec,
            policy=self.policy,
            **asdict(self.place),
            status=failure.status if failure else "ok",
            reason=failure.reason if failure else "",
            output_tail=self._output_tail(),
            started=self._started.isoformat(timespec="seconds"),
            wall_seconds=time.monotonic() - self._begin,
            flags=tuple(found.flags),
            digest=found.digest,
            times=found.all_times(),
            samples=tuple(found.samples),
            evaluations=tuple(found.evaluations),
            memory=tuple(found.memory),
            caller=threads.caller(os.environ),
            machine=fingerprint(),
            **self._read_back(),
        )

    def _look_at_helpers(self) -> None:
        """CPU time of the child's own processes since its first turn, but a tick, other workers and compilers."""
        now = None if self._child is None or self.spec.together else self._child.helper_seconds()
        if now is not None and self._helpers_before is not None:
            self._helper_cpu = self.found.helped(now - self._helpers_before)

    def _output_tail(self) -> str:
        if self.failure is None:
            return ""
        return self._child.output_tail() if self._child is not None else self.failure.output

    def _read_back(self) -> dict[str, Any]:
        """Answers of the child about its model, its task and its environment; empty if it failed before."""
        fields: dict[str, Any] = {}
        if (built := self._built) is not None:
            names = ("info", "task", "flops_per_step", "environment")
            fields |= {name: getattr(built, name) for name in names} | {"code": tuple(built.code)}
            fields["environment"] = msgspec.structs.replace(built.environment, limits=limits())
        if (closed := self._closed) is not None:
            fields |= {name: getattr(closed, name) for name in ("compilation", "peak_flop_rate", "actual")}
            fields["info"] = msgspec.structs.replace(fields["info"], settings=closed.settings)
            fields["flops_per_step"] = fields.get("flops_per_step") or closed.flops_per_step
            fields["ranks"] = closed.ranks or msgspec.UNSET
            fields["load"] = msgspec.structs.replace(closed.load, helper_cpu=self._helper_cpu)
        return fields

    def _train_on(self, round_number: int) -> None:
        assert self._built is not None
        due = min((round_number + 1) * self._built.evaluate_every, self._built.task.budget_steps) - self._trained_steps
        if due <= 0:
            return
        taken = self._ask(Take(stage=TRAINING, steps=due), Taken)
        evaluated = None if taken is None else self._ask(Evaluate(), Evaluated)
        if taken is None or evaluated is None or taken.loss is None:
            return
        self.found.samples += taken.samples
        self._trained_steps += sum(sample.steps for sample in taken.samples)
        self._trained_seconds += sum(sample.seconds for sample in taken.samples)
        self.found.evaluations.append(
            Evaluation(
                steps=self._trained_steps,
                seconds=self._trained_seconds,
                quality=evaluated.quality,
                loss=taken.loss,
            )
        )

    def _ask(self, order: Request, kind: type[R]) -> R | None:
        if self.failure is not None or self._child is None:
            return None
        try:
            reply = self._child.request(order, kind)
            if (clock := getattr(reply, "clock", None)) is not None:
                self._clocks.append((time.perf_counter(), clock))
            return reply
        except ChildError as error:
            self.fail(error)
            return None

    def _started_by(self, start: Callable[[], ChildHandle]) -> ChildHandle | None:
        try:
            return start()
        except ChildError as error:
            self.fail(error)
            return None

    def fail(self, error: ChildError) -> None:
        """Give no more orders, for this reason."""
        self.failure = error
        if error.loading:
            self.found.flag("not_loaded")
