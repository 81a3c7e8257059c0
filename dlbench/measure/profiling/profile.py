"""The profile of an arm, in a child that nothing else is measured in."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dlbench.errors import Unsupported
from dlbench.measure import stream
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.measure.profiling.attribution import mean
from dlbench.measure.profiling.rounds import CLOCK, Round, own, rounds
from dlbench.measure.profiling.trace import trace
from dlbench.plugin import Instruments, Profiles
from dlbench.record.explanation import Profile
from dlbench.registry import adaptors
from dlbench.spec import Spec

STEPS, LEAST = 20, 3
"""Steps of a profile, fewer if they take long, but this many at the least."""
PROFILE_SECONDS, SETTLE_SECONDS = 0.3, 1.0
"""Seconds of the steps of a profile, and of warm-up."""
_bandwidth = functools.cache(stream.bandwidth)  # once a process


class Subject(NamedTuple):
    """An arm that is ready for its profile: built, warm, and with the calls that a profile takes."""

    spec: Spec
    plugin: Profiles
    model: MeasuredModel
    calls: int
    on_cpu: bool


@dataclass
class Going:
    """An arm of this process whose profile is being taken, and its rounds so far."""

    subject: Subject
    turns: Iterator[Sequence[Round]]
    found: Sequence[Round] = ()


_BUILT: dict[Spec, Subject] = {}
"""Arms that no turn was taken of."""
_GOING: dict[Spec, Going] = {}
"""Arms between two turns."""


def build_first(spec: Spec) -> None:
    """Build an arm and take the steps that compile it, which several processes may do at once. Raises Unsupported."""
    _BUILT[spec] = _compiled(spec)


def take_turn(spec: Spec) -> bool:
    """Take one more round of an arm's profile, which is built and warmed up first; False if it has enough.

    Arms of several processes take them in turns, so that what slows the machine down slows all. Raises as
    `profile_to_file` does.
    """
    going = _going(spec)
    before, going.found = going.found, next(going.turns, going.found)
    return going.found is not before


def profile_to_file(spec: Spec, path: str, bandwidth: float = 0.0) -> Profile:
    """Take the rounds that the arm still lacks, write the trace to the file, and return the account of a step.

    The bandwidth is that of an arm with as many threads, 0 if none has measured it. A step beside the profile is timed
    too, so that its cost is known. Raises Unsupported for a plugin without the capability and for several workers, and
    ContractViolation for a profile that cannot be true.
    """
    going = _going(spec)
    while take_turn(spec):
        pass
    del _GOING[spec]
    Path(path).write_bytes(trace(spec.label, going.found[0].taken.events))
    return profile_of(going.subject, going.found, bandwidth)


def _going(spec: Spec) -> Going:
    if spec not in _GOING:
        of = ready(spec)
        _GOING[spec] = Going(of, rounds(of.spec, of.plugin, of.model, of.calls, on_cpu=of.on_cpu))
    return _GOING[spec]


def ready(spec: Spec) -> Subject:
    """Build the arm, unless it is, and warm it up. Raises Unsupported, see `profile_to_file`."""
    of = _BUILT.pop(spec) if spec in _BUILT else _compiled(spec)
    return of._replace(calls=_settled(of.model))


def _compiled(spec: Spec) -> Subject:
    """The arm, built and compiled."""
    if spec.together:
        raise Unsupported("several workers: a profile is of one; leave --workers out")
    plugin = adaptors.load_plugin(spec)
    if not isinstance(plugin, Profiles):
        raise Unsupported(
            f"{spec.plugin} has no profile(); give the plugin a profile(step) to see where its time goes "
            "(docs/explain.md, In a plugin)"
        )
    if isinstance(plugin, Instruments):
        plugin.instrument()
    prepared = prepare(spec, plugin)
    info = build_checked(plugin, prepared.request)
    model = MeasuredModel(spec, prepared)
    model.sampler(CLOCK).take(2 * spec.steps_per_call)
    # kernels of another device are recorded beside the step
    return Subject(spec, plugin, model, LEAST, info.device == "cpu")


def profile_of(subject: Subject, found: Sequence[Round], bandwidth: float = 0.0) -> Profile:
    """The profile of rounds, the fastest first; the bandwidth is measured if it is 0."""
    spec, account = subject.spec, mean([one.account for one in found[: (len(found) + 1) // 2]])
    steps = subject.calls * spec.steps_per_call
    return Profile(
        spec=spec,
        steps=steps,
        seconds=sum(op.seconds for op in account.ops),
        plain=min(own(one.plain) for one in found) / steps,
        cost=_cost(found),
        threads=account.threads,
        ops=account.ops,
        bandwidth=(bandwidth or _bandwidth(spec.threads)) if subject.on_cpu else 0.0,
    )


def _cost(found: Sequence[Round]) -> float:
    """Least time of a profile over the least without one; without waits for a core, where both sides know them.

    So no other program hides the times, and a profiler that only waits, or works on one of several threads, shows.
    """
    known = [one for one in found if None not in (one.taken.waited_seconds, one.plain.waited_seconds)]
    if known:
        return min(own(one.taken) for one in known) / min(own(one.plain) for one in known)
    return min(one.taken.seconds for one in found) / min(one.plain.seconds for one in found)


def _settled(model: MeasuredModel) -> int:
    """Warm up, and return how many calls a profile takes: as many as without waits for a core would."""
    sampler = model.sampler(CLOCK)
    begin, seconds = time.perf_counter(), own(sampler.take(1, waits=True))
    while time.perf_counter() - begin < SETTLE_SECONDS:
        seconds = min(seconds, own(sampler.take(1, waits=True)))
    return max(LEAST, min(STEPS, int(PROFILE_SECONDS / max(seconds, 1e-9))))
