"""The arms of a session under their profilers, and their explanations by pair."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from dlbench.analysis import metrics, pairs
from dlbench.analysis.labels import Labels
from dlbench.measure.profiling.answer import explain
from dlbench.measure.profiling.profile import profile_to_file, take_turn
from dlbench.record.explanation import Arm, Explanation, Profile
from dlbench.record.schema import Run
from dlbench.session.listener import Listener
from dlbench.spec import Policy, Spec, workload
from dlbench.workers.backends import Starter
from dlbench.workers.calls import call
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
    """Profiles of arms that are alive at once and take one round each in turn, and their traces in these files."""
    found: dict[Spec, Profile] = {}
    children: dict[Spec, ChildHandle] = {}
    left = list(paths)
    try:
        while left:
            for spec in left:
                try:
                    if spec not in children:
                        children[spec] = start(spec)
                    if not _took_turn(children[spec], spec):
                        found[spec] = call(children[spec], profile_to_file, spec, paths[spec])
                except ChildError as error:
                    found[spec] = Profile(spec=spec, reason=str(error))
                if spec in found and spec in children:
                    children.pop(spec).close()  # its memory is for those that are left
            left = [spec for spec in reversed(left) if spec not in found]
    finally:
        for child in children.values():
            child.close()
    return found


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
