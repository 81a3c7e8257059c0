"""Arms side by side: their ratio where they were in lockstep, and which keys differ where they may not be compared."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dlbench import verdicts
from dlbench.record import Record, Run
from dlbench.spec import Workload, workload
from dlbench.stats import Estimate
from dlbench.verdicts import Paired, Verdict


class Comparison(Record, frozen=True):
    """Time of the candidate's step over the baseline's: more than 1 is slower.

    `ratio.n` counts groups of processes in lockstep. `smallest_change` is the share of slowdown that this many groups,
    spread like these, call `slower` with 80 % power. `ratio` is None, and the verdict `inconclusive`, for arms that
    never were in lockstep; `reason` says so.
    """

    baseline: str
    candidate: str
    ratio: Estimate | None
    verdict: Verdict
    smallest_change: float | None = None
    reason: str = ""


def by_workload(runs: Iterable[Run]) -> dict[Workload, list[Run]]:
    """Runs that may be compared with each other, in order of appearance; seeds of `converge` stand together."""
    found: dict[Workload, list[Run]] = {}
    for run in runs:
        load = workload(run.spec)
        key = msgspec.structs.replace(load, seed=0) if load.phase == "converge" else load
        found.setdefault(key, []).append(run)
    return found


def arms(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs of one workload by arm (`tf.transformer jit`), in order of appearance: that of the first group."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.spec.label, []).append(run)
    return found


def planned(runs: Iterable[Run]) -> int:
    """How many processes of one arm of a workload its sessions meant to run."""
    return sum({run.session: run.groups for run in runs}.values())


def baseline(runs: Iterable[Run]) -> str | None:
    """The first arm of a workload that ran; None when none did."""
    return next((label for label, of_arm in arms(runs).items() if any(run.status == "ok" for run in of_arm)), None)


def compare(runs: Iterable[Run]) -> dict[Workload, list[Comparison]]:
    """Every other arm of each timed workload against its baseline; verdicts are corrected for their number (Holm)."""
    pairs = [
        (load, first, other, group_log_ratios(of_arm[first], of_arm[other]))
        for load, of_load in by_workload(runs).items()
        if load.phase != "converge" and (first := baseline(of_load)) is not None
        for of_arm in [arms(run for run in of_load if run.status == "ok")]
        for other in of_arm
        if other != first
    ]
    adjusted = verdicts.adjusted([Paired(log_ratios) for *_, log_ratios in pairs])
    found: dict[Workload, list[Comparison]] = {}
    for (load, first, other, log_ratios), p_value in zip(pairs, adjusted, strict=True):
        found.setdefault(load, []).append(_comparison(first, other, log_ratios, p_value))
    return found


def group_log_ratios(baseline_runs: Iterable[Run], candidate_runs: Iterable[Run]) -> list[float]:
    """One number a group in lockstep: the median over rounds of log(candidate's seconds a step / baseline's).

    Groups are matched by session and number; a group or a round that one arm lacks is left out.
    """
    sides = [{(run.session, run.group): _by_round(run) for run in runs} for runs in (baseline_runs, candidate_runs)]
    found = []
    for key in (key for key in sides[0] if key in sides[1]):
        before, after = sides[0][key], sides[1][key]
        paired = [math.log(after[at] / before[at]) for at in before if at in after]
        found += [statistics.median(paired)] if paired else []
    return found


def differing(workloads: Sequence[Workload]) -> dict[str, list[object]]:
    """The keys in which these workloads differ, with their values: why they are not compared with each other."""
    values = {
        name: list(dict.fromkeys(getattr(load, name) for load in workloads)) for name in Workload.__struct_fields__
    }
    return {name: found for name, found in values.items() if len(found) > 1}


def _by_round(run: Run) -> Mapping[int, float]:
    return {
        sample.round: sample.seconds / sample.steps
        for sample in run.samples
        if sample.stage == "steady" and sample.round is not None
    }


def _comparison(first: str, other: str, log_ratios: Sequence[float], p_value: float) -> Comparison:
    if not log_ratios:
        reason = "never in lockstep: no group of one session holds both"
        return Comparison(baseline=first, candidate=other, ratio=None, verdict="inconclusive", reason=reason)
    evidence = Paired(log_ratios)
    verdict, reason = verdicts.verdict(evidence, p_value)
    return Comparison(
        baseline=first,
        candidate=other,
        ratio=evidence.ratio(),
        verdict=verdict,
        smallest_change=verdicts.smallest_change(evidence),
        reason=reason,
    )
