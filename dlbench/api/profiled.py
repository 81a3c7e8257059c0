"""The arms of a session under their profilers, and their explanations by pair."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from dlbench.analysis import metrics, pairs
from dlbench.analysis.labels import Labels
from dlbench.measure.profiling.answer import explain
from dlbench.measure.profiling.profile import profile_to_file
from dlbench.record.explanation import Arm, Explanation, Profile
from dlbench.record.schema import Run
from dlbench.session.listener import Listener
from dlbench.spec import Policy, Spec, workload
from dlbench.workers.backends import Starter
from dlbench.workers.calls import call
from dlbench.workers.child import ChildError

_NOT_OF_FILES = re.compile(r"[^\w.-]+")


def arms(runs: Sequence[Run], folder: Path, start: Starter, policy: Policy, listener: Listener) -> dict[Spec, Arm]:
    """Every arm that ran, profiled one after the other."""
    specs = dict.fromkeys(run.spec for run in runs if run.ok)
    found: dict[Spec, Arm] = {}
    policy = msgspec.structs.replace(policy, isolation="fresh")
    for number, spec in enumerate(specs, start=1):
        listener.note(f"where the time goes: {spec.label} under the profiler of its framework")
        name = f"trace-{number}-{_NOT_OF_FILES.sub('-', spec.label)}.json"
        profile = _profile(spec, policy, folder / name, start)
        found[spec] = _arm(spec, profile, [run for run in runs if run.spec == spec and run.ok], name)
    return found


def _profile(spec: Spec, policy: Policy, path: Path, start: Starter) -> Profile:
    child = None
    try:
        child = start(spec, policy)
        return call(child, profile_to_file, spec, str(path.resolve()))
    except ChildError as error:
        return Profile(spec=spec, reason=str(error))
    finally:
        if child is not None:
            child.close()


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
