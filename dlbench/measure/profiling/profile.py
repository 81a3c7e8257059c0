"""The profile of an arm, in a child that nothing else is measured in."""

from __future__ import annotations

import functools
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dlbench.errors import ContractViolation, Unsupported
from dlbench.measure import reported, stream, timing
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.measure.profiling.attribution import Account, attribute, mean
from dlbench.measure.profiling.spans import window
from dlbench.measure.profiling.trace import trace
from dlbench.plugin import ProfileEvent, Profiles
from dlbench.record.explanation import Profile
from dlbench.registry import adaptors
from dlbench.spec import Spec
from dlbench.system import waiting

CLOCK = timing.Clock(waits=waiting.counter)
STEPS, LEAST = 20, 3
"""Steps of a profile, fewer if they take long, but this many at the least."""
PROFILE_SECONDS, SETTLE_SECONDS = 0.3, 1.0
"""Seconds of the steps of a profile, and of warm-up."""
ROUNDS, ROUNDS_SECONDS = 8, 8.0
"""Profiles, of which the faster half is kept: another program may have slowed the others down.

After these seconds no further one is begun.
"""

RECORDING = 5e-6
"""Seconds that recording an event takes at the most; PyTorch's take 0.2 to 3.2 µs each, with shapes and FLOPs."""
FAULTS = 3
"""Profiles that cannot be true until the last of them is the answer."""

_bandwidth = functools.cache(stream.bandwidth)  # once a process


class Taken(NamedTuple):
    """Events of a call, and the seconds that it took by our own clock, and of processors."""

    events: list[ProfileEvent]
    seconds: float
    cpu_seconds: float


class Round(NamedTuple):
    """A profile, as many calls without one beside it, and the account."""

    taken: Taken
    plain: timing.Timing
    account: Account


def profile_to_file(spec: Spec, path: str) -> Profile:
    """Build the arm, profile a few steps, write the trace to the file, and return the account of a step.

    A step beside the profile is timed too, so that its cost is known. Raises Unsupported for a plugin without the
    capability and for several workers, and ContractViolation for a profile that cannot be true.
    """
    if spec.together:
        raise Unsupported("several workers: a profile is of one; leave --workers out")
    plugin = adaptors.load_plugin(spec)
    if not isinstance(plugin, Profiles):
        raise Unsupported(
            f"{spec.plugin} has no profile(); add dlbench.plugin.Profiles to the plugin to see where its time goes"
        )
    prepared = prepare(spec, plugin)
    info = build_checked(plugin, prepared.request)
    model = MeasuredModel(spec, prepared)
    calls = _settled(spec, model)
    on_cpu = info.device == "cpu"  # kernels of another device are recorded beside the step
    found = _rounds(spec, plugin, model, calls, on_cpu=on_cpu)
    fastest, account = found[0].taken, mean([one.account for one in found[: (len(found) + 1) // 2]])
    steps = calls * spec.steps_per_call
    Path(path).write_bytes(trace(spec.label, fastest.events))
    return Profile(
        spec=spec,
        steps=steps,
        seconds=sum(op.seconds for op in account.ops),
        plain=min(_own(one.plain) for one in found) / steps,
        cost=fastest.seconds / min(one.plain.seconds for one in found),
        threads=account.threads,
        ops=account.ops,
        bandwidth=_bandwidth(spec.threads) if on_cpu else 0.0,
    )


def _settled(spec: Spec, model: MeasuredModel) -> int:
    """Warm up, and return how many calls a profile takes."""
    sampler = model.sampler()
    sampler.take(2 * spec.steps_per_call)  # compiles
    begin, seconds = time.perf_counter(), sampler.take(1).seconds
    while time.perf_counter() - begin < SETTLE_SECONDS:
        seconds = min(seconds, sampler.take(1).seconds)
    return max(LEAST, min(STEPS, int(PROFILE_SECONDS / max(seconds, 1e-9))))


def _rounds(spec: Spec, plugin: Profiles, model: MeasuredModel, calls: int, *, on_cpu: bool) -> list[Round]:
    """Profiles, each beside as many calls without one, the fastest first; it alone keeps its events.

    One that cannot be true is taken again, twice at most: a process may lose its core between two clocks.
    """
    take(spec.plugin, plugin, _call(model, 1))  # the first use of a profiler takes longer
    found: list[Round] = []
    faults, begin = 0, time.perf_counter()
    while not found or (len(found) < ROUNDS and time.perf_counter() - begin < ROUNDS_SECONDS):
        try:
            new = _round(spec, plugin, model, calls, on_cpu=on_cpu)
        except ContractViolation:
            faults += 1
            if faults == FAULTS:
                raise
            continue
        found = sorted([*found, new], key=lambda one: one.taken.seconds)
        found[1:] = [one._replace(taken=one.taken._replace(events=[])) for one in found[1:]]
    return found


def _round(spec: Spec, plugin: Profiles, model: MeasuredModel, calls: int, *, on_cpu: bool) -> Round:
    steps, sampler = calls * spec.steps_per_call, model.sampler(CLOCK)
    sampler.take(1)  # warms the caches that the last profile has used
    plain = sampler.take(steps, waits=True)
    sampler.take(1)
    taken = take(spec.plugin, plugin, _call(model, calls))
    within = window(spec.plugin, taken.events, taken.seconds)
    recording = min(max(taken.cpu_seconds - plain.cpu_seconds, 0.0), RECORDING * len(taken.events))
    account = attribute(spec.plugin, within, steps, recording if on_cpu else 0.0)
    return Round(taken, plain, account)


def _own(found: timing.Timing) -> float:
    """Seconds without waits for a core, and never less than a processor worked."""
    return max(min(found.cpu_seconds, found.seconds), found.seconds - (found.waited_seconds or 0.0))


def _call(model: MeasuredModel, calls: int) -> Callable[[], None]:
    model.ready(calls)

    def call() -> None:
        result = None
        for _ in range(calls):
            result = model.step()
        model.barrier(result)

    return call


def take(name: str, plugin: Profiles, call: Callable[[], None]) -> Taken:
    """One profile, checked for types. Raises ContractViolation unless the step was called once."""
    seconds: list[tuple[float, float]] = []

    def timed() -> None:
        start, cpu = CLOCK.wall(), CLOCK.cpu()
        call()
        cpu_seconds = CLOCK.cpu() - cpu
        seconds.append((CLOCK.wall() - start, cpu_seconds))

    gc.collect()
    gc.disable()  # as for a sample (`dlbench.measure.timing`)
    try:
        said = list(plugin.profile(timed))
    finally:
        gc.enable()
    events = reported.checked(name, "profile()", said, list[ProfileEvent])
    if len(seconds) != 1:
        raise ContractViolation(f"plugin {name}: profile() must call the step once, and called it {len(seconds)} times")
    return Taken(events, *seconds[0])
