"""The profile of an arm, in a child that nothing else is measured in."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dlbench.errors import ContractViolation, Unsupported
from dlbench.measure import reported, stream
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.measure.profiling.attribution import attribute
from dlbench.measure.profiling.spans import window
from dlbench.measure.profiling.trace import trace
from dlbench.plugin import ProfileEvent, Profiles
from dlbench.record.explanation import Profile
from dlbench.registry import adaptors
from dlbench.spec import Spec

STEPS, LEAST = 20, 3
"""Steps of a profile, fewer if they take long, but this many at the least."""
PROFILE_SECONDS, SETTLE_SECONDS = 0.3, 1.0
"""Seconds of the steps of a profile, and of warm-up."""
ROUNDS, ROUNDS_SECONDS = 8, 8.0
"""Profiles, of which the fastest is kept: another program may have held the processors in the others.

After these seconds no further one is begun.
"""


class Taken(NamedTuple):
    """Events of a call, and the seconds that it took by our own clock."""

    events: list[ProfileEvent]
    seconds: float


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
    found, plain = _fastest(spec, plugin, model, calls)
    steps = calls * spec.steps_per_call
    within = window(spec.plugin, found.events, found.seconds)
    account = attribute(spec.plugin, within, steps)
    Path(path).write_bytes(trace(spec.label, found.events))
    return Profile(
        spec=spec,
        steps=steps,
        seconds=within.step.seconds / steps,
        plain=plain / steps,
        threads=account.threads,
        ops=account.ops,
        bandwidth=stream.bandwidth(spec.threads) if info.device == "cpu" else 0.0,
    )


def _settled(spec: Spec, model: MeasuredModel) -> int:
    """Warm up, and return how many calls a profile takes."""
    sampler = model.sampler()
    sampler.take(2 * spec.steps_per_call)  # compiles
    begin, seconds = time.perf_counter(), sampler.take(1).seconds
    while time.perf_counter() - begin < SETTLE_SECONDS:
        seconds = min(seconds, sampler.take(1).seconds)
    return max(LEAST, min(STEPS, int(PROFILE_SECONDS / max(seconds, 1e-9))))


def _fastest(spec: Spec, plugin: Profiles, model: MeasuredModel, calls: int) -> tuple[Taken, float]:
    """The fastest profile, and the seconds of as many calls without one, also the fastest."""
    take(spec.plugin, plugin, _call(model, 1))  # the first use of a profiler takes longer
    profiles: list[Taken] = []
    plain: list[float] = []
    begin = time.perf_counter()
    while not profiles or (len(profiles) < ROUNDS and time.perf_counter() - begin < ROUNDS_SECONDS):
        sampler = model.sampler()
        sampler.take(1)  # warms the caches that the last profile has used
        plain.append(sampler.take(calls * spec.steps_per_call).seconds)
        sampler.take(1)
        profiles.append(take(spec.plugin, plugin, _call(model, calls)))
    return min(profiles, key=lambda one: one.seconds), min(plain)


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
    seconds: list[float] = []

    def timed() -> None:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)

    gc.collect()
    gc.disable()  # as for a sample (`dlbench.measure.timing`)
    try:
        said = list(plugin.profile(timed))
    finally:
        gc.enable()
    events = reported.checked(name, "profile()", said, list[ProfileEvent])
    if len(seconds) != 1:
        raise ContractViolation(f"plugin {name}: profile() must call the step once, and called it {len(seconds)} times")
    return Taken(events, seconds[0])
