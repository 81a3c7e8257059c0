"""The arms of a session under their profilers, and their explanations by pair."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dlbench.analysis import metrics, pairs
from dlbench.analysis.labels import Labels
from dlbench.measure.profiling.answer import explain
from dlbench.measure.profiling.profile import build_first, profile_to_file, take_turn
from dlbench.record.explanation import Arm, Explanation, Profile
from dlbench.record.schema import Run
from dlbench.session.listener import Listener
from dlbench.spec import Policy, Spec, workload
from dlbench.workers.backends import Starter
from dlbench.workers.calls import begin, call
from dlbench.workers.child import ChildError, ChildHandle

_NOT_OF_FILES = re.compile(r"[^\w.-]+")


def arms(runs: Sequence[Run], folder: Path, start: Starter, policy: Policy, listener: Listener) -> dict[Spec, Arm]:
    """Every arm that ran, profiled; those that took turns in lockstep take turns here."""
    specs = list(dict.fromkeys(run.spec for run in runs if run.ok))
    names = {
        spec: f"trace-{number}-{_NOT_OF_FILES.sub('-', spec.label)}.json" for number, spec in enumerate(specs, start=1)
    }
    profiles: dict[Spec, Profile] = {}
    policy = msgspec.structs.replace(policy, isolation="fresh")
    for beside in _beside(runs):
        labels = " | ".join(spec.label for spec in beside)
        listener.note(f"where the time goes: {labels}, each under its framework's profiler")
        paths = {spec: str((folder / names[spec]).resolve()) for spec in beside}
        profiles |= in_turns(paths, lambda spec: start(spec, policy))
    return {
        spec: _arm(spec, profiles[spec], [run for run in runs if run.spec == spec and run.ok], names[spec])
        for spec in specs
    }


def _beside(runs: Sequence[Run]) -> Iterable[Sequence[Spec]]:
    """Arms that were measured at once, so that memory holds them at once; each where it first ran."""
    first: dict[Spec, Hashable] = {}
    for run in runs:
        if run.ok:
            first.setdefault(run.spec, (workload(run.spec), run.together))
    found: dict[Hashable, list[Spec]] = {}
    for spec, at in first.items():
        found.setdefault(at, []).append(spec)
    return found.values()


def in_turns(paths: Mapping[Spec, str], start: Callable[[Spec], ChildHandle]) -> dict[Spec, Profile]:
    """Profiles of arms that are alive at once and take one round each in turn, and their traces in these files.

    They build and compile at once, as nothing is timed until then.
    """
    arms = [_Profiled(spec, path) for spec, path in paths.items()]
    bandwidths: dict[int, float] = {}  # by threads: a large copy is the same for all arms
    try:
        for one in arms:
            one.begin(start)
        for one in arms:
            one.wait_until_built()
        left = [one for one in arms if one.profile is None]
        while left:
            for one in left:
                one.turn(bandwidths)
            left = [one for one in reversed(left) if one.profile is None]
    finally:
        for one in arms:
            one.close()
    return {one.spec: one.profile for one in arms if one.profile is not None}


class _Profiled:
    """An arm's child, and its profile as soon as there is one; then the child's memory is for the others."""

    def __init__(self, spec: Spec, path: str) -> None:
        self.spec, self._path = spec, path
        self.profile: Profile | None = None
        self._child: ChildHandle | None = None
        self._built: Callable[[], None] | None = None

    def begin(self, start: Callable[[Spec], ChildHandle]) -> None:
        """Start the child and have it build."""
        with self._no_profile_if_it_fails():
            self._child = start(self.spec)
            self._built = begin(self._child, build_first, self.spec)

    def wait_until_built(self) -> None:
        """Return when it is built, and its threads are at rest."""
        with self._no_profile_if_it_fails():
            if self._child and self._built:
                self._built()
                self._child.wait_until_idle()

    def turn(self, bandwidths: dict[int, float]) -> None:
        """Take one more round, or the profile of all of them."""
        with self._no_profile_if_it_fails():
            if self._child and not _took_turn(self._child, self.spec):
                known = bandwidths.get(self.spec.threads, 0.0)
                self.profile = call(self._child, profile_to_file, self.spec, self._path, known)
                if self.profile.bandwidth:
                    bandwidths[self.spec.threads] = self.profile.bandwidth
                self.close()

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    @contextmanager
    def _no_profile_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except ChildError as error:
            self.profile = Profile(spec=self.spec, reason=str(error))
            self.close()


def _took_turn(child: ChildHandle, spec: Spec) -> bool:
    """True if the arm took one more round, after which its threads are at rest."""
    more = call(child, take_turn, spec)
    child.wait_until_idle()
    return more


def _arm(spec: Spec, profile: Profile, runs: Sequence[Run], trace: str) -> Arm:
    step, peak = (metrics.over(metrics.METRICS[name], runs) for name in ("step_time", "peak_flop_rate"))
    return Arm(
        label=spec.label,
        profile=profile,
        step=None if step is None else step.value,
        flops=runs[0].flops_per_step,
        peak=None if peak is None else peak.value,
        trace=trace if not profile.reason else "",
    )


def explanations(runs: Sequence[Run], of: Mapping[Spec, Arm]) -> list[Explanation]:
    """A pair each of a baseline and another arm; an arm that has no other stands alone."""
    names = Labels(dict.fromkeys(workload(run.spec) for run in runs))
    found, seen = [], set[Spec]()
    for pair in pairs.planned_pairs(dict.fromkeys(run.spec for run in runs), runs):
        if pair.baseline in of and pair.candidate in of:
            seen |= {pair.baseline, pair.candidate}
            name = names.title(workload(pair.baseline))
            found.append(explain(name, of[pair.baseline], of[pair.candidate]))
    alone = [spec for spec in of if spec not in seen]
    return [*found, *(explain(names.title(workload(spec)), of[spec]) for spec in alone)]
