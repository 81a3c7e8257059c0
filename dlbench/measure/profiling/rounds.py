"""Profiles of an arm one after the other, each beside as many steps without one."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dlbench.errors import ContractViolation
from dlbench.measure import reported, timing
from dlbench.measure.model import MeasuredModel
from dlbench.measure.profiling.attribution import Account, attribute
from dlbench.measure.profiling.held import without
from dlbench.measure.profiling.spans import window
from dlbench.plugin import STEP, ProfileEvent, Profiles
from dlbench.spec import Spec
from dlbench.system import switches, waiting
from dlbench.system.switches import Stretch

CLOCK = timing.Clock(waits=waiting.counter)
ROUNDS, ROUNDS_SECONDS = 8, 8.0
"""Profiles, of which the faster half is kept: another program may have slowed the others down.

After these seconds in all no further one is begun.
"""
RECORDING = 5e-6
"""Seconds that recording an event takes at the most; PyTorch's take 0.2 to 3.2 µs each, with shapes and FLOPs."""
FAULTS = 3
"""Profiles that cannot be true until the last of them is the answer."""


class Taken(NamedTuple):
    """Events of a call, and the seconds that it took by our own clock, of processors, and waiting for a core.

    Of `held_seconds` another program had the core; the events are without them. The last `barrier_seconds` are the
    wait for the result.
    """

    events: list[ProfileEvent]
    seconds: float
    cpu_seconds: float
    waited_seconds: float | None = None
    held_seconds: float = 0.0
    barrier_seconds: float = 0.0


class Round(NamedTuple):
    """A profile, as many calls without one beside it, and the account."""

    taken: Taken
    plain: timing.Timing
    account: Account


def rounds(
    spec: Spec, plugin: Profiles, model: MeasuredModel, calls: int, *, on_cpu: bool
) -> Iterator[Sequence[Round]]:
    """Profiles, each beside as many calls without one, the fastest first; it alone keeps its events.

    All so far come after each, so that something else can go on between them. One that cannot be true is taken again,
    twice at most: a process may lose its core between two clocks. Raises ContractViolation if none is true.
    """
    found: Sequence[Round] = ()
    used, faults, seconds = False, 0, 0.0
    while not found or (faults < FAULTS and len(found) < ROUNDS and seconds < ROUNDS_SECONDS):
        begin = time.perf_counter()
        try:
            if not used:
                take(spec.plugin, plugin, _call(model, 1))  # the first use of a profiler takes longer
            used = True
            new = one_round(spec, plugin, model, calls, on_cpu=on_cpu)
        except ContractViolation:
            faults += 1
            if faults == FAULTS and not found:
                raise
            continue
        finally:
            seconds += time.perf_counter() - begin
        first, *others = sorted([*found, new], key=lambda one: own(one.taken))
        found = (first, *(one._replace(taken=one.taken._replace(events=[])) for one in others))
        yield found


def one_round(spec: Spec, plugin: Profiles, model: MeasuredModel, calls: int, *, on_cpu: bool) -> Round:
    """A profile beside as many calls without one. Raises ContractViolation if it cannot be true."""
    steps, sampler = calls * spec.steps_per_call, model.sampler(CLOCK)
    sampler.take(1)  # warms the caches that the last profile has used
    plain = sampler.take(steps, waits=True)
    sampler.take(1)
    taken = take(spec.plugin, plugin, _call(model, calls))
    within = window(spec.plugin, taken.events, taken.seconds - taken.held_seconds, taken.barrier_seconds)
    each = min(max(taken.cpu_seconds - plain.cpu_seconds, 0.0) / len(taken.events), RECORDING)
    recording = each * (sum(map(len, within.threads.values())) - 1)  # without those of no time, and the step's
    account = attribute(spec.plugin, within, steps, recording if on_cpu else 0.0, own(taken))
    return Round(taken, plain, account)


def own(found: timing.Timing | Taken) -> float:
    """Seconds without waits for a core, and never less than a processor worked."""
    return max(min(found.cpu_seconds, found.seconds), found.seconds - (found.waited_seconds or 0.0))


def _call(model: MeasuredModel, calls: int) -> Callable[[], float]:
    """A function that takes the steps, and returns the seconds of the barrier behind them."""
    model.ready(calls)

    def call() -> float:
        result = None
        for _ in range(calls):
            result = model.step()
        begin = CLOCK.wall()
        model.barrier(result)
        return CLOCK.wall() - begin

    return call


def take(name: str, plugin: Profiles, call: Callable[[], float]) -> Taken:
    """One profile, checked for types. Raises ContractViolation unless the step was called once."""
    calls: list[Taken] = []
    starts: list[float] = []

    def timed() -> None:
        start = CLOCK.wall()
        waited = waiting.lone()  # within the clock as within the step of the profile: the core may be lost here
        cpu = CLOCK.cpu()
        barrier = call()
        cpu_seconds = CLOCK.cpu() - cpu
        without_core = waited(cpu_seconds)
        seconds = CLOCK.wall() - start
        calls.append(Taken([], seconds, cpu_seconds, without_core, barrier_seconds=barrier))
        starts.append(start)

    gc.collect()
    preempted = switches.preempted()
    gc.disable()  # as for a sample (`dlbench.measure.timing`)
    try:
        said = _listed(name, plugin.profile(timed))
    finally:
        gc.enable()
        held = preempted()
    events = _checked(name, said)
    if len(calls) != 1:
        raise ContractViolation(f"plugin {name}: profile() must call the step once, and called it {len(calls)} times")
    return _without(calls[0]._replace(events=events), starts[0], held)


def _listed(name: str, events: Any) -> list[ProfileEvent]:
    if not isinstance(events, Iterable):
        raise ContractViolation(f"plugin {name}: profile() returned {events!r:.80}; return the events that it has seen")
    return list(events)


def _checked(name: str, said: list[Any]) -> list[ProfileEvent]:
    """The events. Raises ContractViolation, which shows the one that is none."""
    try:
        return list(reported.checked(name, "profile()", said, list[ProfileEvent]))
    except ContractViolation:
        for one in said:
            reported.checked(name, "profile()", one, ProfileEvent)
        raise


def _without(taken: Taken, start: float, held: Sequence[Stretch] | None) -> Taken:
    """The same without the stretches in which another program held the core, if one thread does the work."""
    if not held or taken.waited_seconds is None:
        return taken
    inside = [one for one in held if start < one.start and one.end < start + taken.seconds]
    events = without(taken.events, inside, start, taken.seconds)
    step = sum(one.seconds for one in taken.events if one.name == STEP)
    held_seconds = step - sum(one.seconds for one in events if one.name == STEP)
    begin = start + taken.seconds - taken.barrier_seconds
    in_barrier = sum(max(0.0, one.end - max(one.start, begin)) for one in inside)
    left = max(0.0, taken.barrier_seconds - in_barrier)
    return taken._replace(events=events, held_seconds=held_seconds, barrier_seconds=left)
