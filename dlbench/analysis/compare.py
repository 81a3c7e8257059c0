"""Arms side by side: which Runs are compared, what evidence they give, and what that says."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dlbench.analysis import contradictions, metrics
from dlbench.analysis.metrics import METRICS
from dlbench.record.schema import Record, Run
from dlbench.spec import Spec, Workload, baseline_of, workload, workload_key
from dlbench.stats import decisions
from dlbench.stats.decisions import Evidence, Paired, Unpaired, Verdict
from dlbench.stats.estimates import Estimate, Part

BUSY = 0.05
"""Share of time in which a task waited for a core; above it another program was at work."""


class Comparison(Record, frozen=True):
    """Candidate over baseline, of one metric of one process or group: more than 1 is slower, or more memory.

    `slower` and `faster` say worse and better, whichever direction of the metric is.
    `ratio.n` counts groups of processes in lockstep, or for `cross_session` the processes of the side that has fewer.
    `smallest_change` is the share of slowdown that this many, spread like these, call `slower` with 80 % power. `ratio`
    is None, and the verdict `inconclusive`, for arms that never were in lockstep; `reason` says so. `before` and
    `after` are the metric itself.
    """

    baseline: str
    candidate: str
    ratio: Estimate | None
    verdict: Verdict
    smallest_change: float | None = None
    reason: str = ""
    metric: str = "step_time"
    cross_session: bool = False
    before: Estimate | None = None
    after: Estimate | None = None


class Pair(NamedTuple):
    """Two Specs that are compared, with their Runs that ended well."""

    baseline: Spec
    candidate: Spec
    before: Sequence[Run]
    after: Sequence[Run]

    @property
    def in_lockstep(self) -> bool:
        """Whether any process of one took turns with one of the other: groups are numbered anew in each workload."""
        sides = [{(run.session, run.group) for run in runs} for runs in (self.before, self.after)]
        return workload(self.baseline) == workload(self.candidate) and not sides[0].isdisjoint(sides[1])


def by_workload(runs: Iterable[Run]) -> dict[Workload, list[Run]]:
    """Runs that may be compared with each other, in order of appearance; replications by seed stand together."""
    found: dict[Workload, list[Run]] = {}
    for run in runs:
        found.setdefault(workload_key(run.spec), []).append(run)
    return found


def arms(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs of one workload by arm (`tf.transformer jit`), in order of appearance: that of the first group."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.spec.label, []).append(run)
    return found


def planned(runs: Iterable[Run]) -> int:
    """How many processes of one arm of a workload its sessions meant to run; where that was open, how many did."""
    fixed = {(run.session, _part(run)): run.groups for run in runs if not _is_open(run)}
    return sum(fixed.values()) + len({(run.session, run.group) for run in runs if _is_open(run)})


def _part(run: Run) -> int:
    """Which part of its groups a Run was in, where memory did not hold them whole; an arm trains in one of any."""
    return 0 if run.spec.replicated_by == "seed" else run.group // run.groups


def _is_open(run: Run) -> bool:
    return run.policy.adaptive and run.groups != run.policy.processes and run.spec.replicated_by == "process"


def baseline(runs: Iterable[Run]) -> str | None:
    """The first arm of a workload that ran; None when none did."""
    return next((label for label, of_arm in arms(runs).items() if any(run.status == "ok" for run in of_arm)), None)


def families(specs: Iterable[Spec]) -> list[tuple[Spec, list[Spec]]]:
    """Every baseline of a timed workload with the Specs that are compared with it."""
    found: dict[Workload, list[Spec]] = {}
    for spec in specs:
        if spec.timed and not spec.twin:
            found.setdefault(workload(spec), []).append(spec)
    pairs = [(baseline_of(spec, of_load), spec) for of_load in found.values() for spec in of_load[1:]]
    return [(first, [spec for one, spec in pairs if one == first]) for first in dict.fromkeys(one for one, _ in pairs)]


def planned_pairs(specs: Iterable[Spec], runs: Sequence[Run]) -> list[Pair]:
    """What a session meant to compare, whether it ran or not: every other Spec with its baseline."""
    of = {spec: [run for run in runs if run.spec == spec and run.status == "ok"] for spec in specs}
    return [Pair(first, other, of[first], of[other]) for first, others in families(of) for other in others]


def pairs(runs: Iterable[Run]) -> dict[Workload, list[Pair]]:
    """Every other arm of each timed workload with its baseline: the first that ran well in any group."""
    found: dict[Workload, list[Pair]] = {}
    for load, of_load in by_workload(runs).items():
        well = {one[0].spec: [run for run in one if run.status == "ok"] for one in arms(of_load).values()}
        of = {spec: of_arm for spec, of_arm in well.items() if of_arm}
        if load.timed and len(of) > 1:
            paired = [(baseline_of(spec, _beside(spec, of)), spec) for spec in list(of)[1:]]
            found[load] = [Pair(one, other, of[one], of[other]) for one, other in paired if one != other]
    return {load: of_load for load, of_load in found.items() if of_load}


def _beside(spec: Spec, of: Mapping[Spec, Sequence[Run]]) -> list[Spec]:
    """The arms that one may be compared with: where some were made in several ways, those that it took turns with."""
    if not any(other.variant for other in of):
        return list(of)
    return [other for other in of if other == spec or Pair(other, spec, of[other], of[spec]).in_lockstep]


def compare(runs: Iterable[Run]) -> dict[Workload, list[Comparison]]:
    """Step times of every pair in lockstep; verdicts are corrected for their number (Holm)."""
    found = pairs(runs)
    everything = [pair for of_load in found.values() for pair in of_load]
    made = iter(comparisons(everything, "step_time"))
    return {load: [next(made) for _ in of_load] for load, of_load in found.items()}


def comparisons(compared: Sequence[Pair], metric: str, history: Mapping[Spec, Part] | None = None) -> list[Comparison]:
    """One metric of these pairs, a family for Holm's correction.

    `history` is given for pairs that may be of two sessions: for each candidate the variance that sessions of
    unchanged code add, where that is known.
    """
    family = [evidence(pair, metric, history) for pair in compared]
    adjusted = iter(decisions.adjusted([one for one in family if one is not None]))
    return [
        _without_evidence(pair, metric, apart=history is None and not pair.in_lockstep)
        if one is None
        else _comparison(pair, metric, one, next(adjusted))
        for pair, one in zip(compared, family, strict=True)
    ]


def evidence(pair: Pair, metric: str, history: Mapping[Spec, Part] | None = None) -> Evidence | None:
    """What these Runs tell of a metric: paired where they were in lockstep, else (with `history`) by process.

    A positive difference is worse, also where more is better; `ratio` turns it back into candidate over baseline.
    None where there is nothing to tell: no metric, values whose ratio means nothing, no lockstep.
    """
    if pair.in_lockstep:
        by_rounds = METRICS[metric].paired == "rounds"
        log_ratios = group_log_ratios(pair.before, pair.after) if by_rounds else _by_group(pair, metric)
        return Paired(log_ratios, all_count=not by_rounds) if log_ratios else None
    if history is None:
        return None
    busy = contended([*pair.before, *pair.after])
    before, after = (log_summaries(runs, metric, busy=busy) for runs in (pair.before, pair.after))
    return Unpaired(before, after, history.get(pair.candidate)) if before and after else None


def ratio(found: Evidence, metric: str) -> Estimate:
    """Candidate over baseline of the metric itself."""
    return found.ratio() if METRICS[metric].sign == 1 else found.reversed().ratio()


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


def log_summaries(runs: Iterable[Run], metric: str, *, busy: bool) -> list[float]:
    """The logarithm of one number a process, negated where more is better. On a busy machine it is the row's own.

    Which one is chosen from the machine's pressure before any time is looked at, and is the same for both sides.
    """
    row = METRICS[metric]
    of = row.contended if busy and row.contended is not None else row.of
    values = [of(run) for run in runs]
    return [row.sign * math.log(value) for value in values if value is not None and value > 0]


def contended(runs: Iterable[Run]) -> bool:
    """Whether tasks waited for a core (PSI) during any of these Runs."""
    return any(run.load is not None and (run.load.cpu_pressure or 0.0) > BUSY for run in runs)


def differing(workloads: Sequence[Workload]) -> dict[str, list[object]]:
    """The keys in which these workloads differ, with their values: why they are not compared with each other."""
    values = {
        name: list(dict.fromkeys(getattr(load, name) for load in workloads)) for name in Workload.__struct_fields__
    }
    return {name: found for name, found in values.items() if len(found) > 1}


def _by_round(run: Run) -> Mapping[int, float]:
    if "unstable" in run.flags:
        return {}
    return {
        sample.round: sample.seconds / sample.steps
        for sample in run.samples
        if sample.stage == "steady" and sample.round is not None
    }


def _by_group(pair: Pair, metric: str) -> list[float]:
    """The log ratio of one number a process, for every group that holds it for both; negated where more is better."""
    of, sign = METRICS[metric].of, METRICS[metric].sign
    before = {(run.session, run.group): of(run) for run in pair.before}
    both = [(before.get((run.session, run.group)), of(run)) for run in pair.after]
    return [sign * math.log(ours / theirs) for theirs, ours in both if theirs and ours and theirs > 0 and ours > 0]


def _comparison(pair: Pair, metric: str, found: Evidence, p_value: float) -> Comparison:
    verdict, reason = decisions.verdict(found, p_value)
    if METRICS[metric].paired == "rounds" and (objection := contradictions.objection(pair.before, pair.after)):
        verdict, reason = "inconclusive", objection
    return Comparison(
        baseline=pair.baseline.label,
        candidate=pair.candidate.label,
        ratio=ratio(found, metric),
        verdict=verdict,
        smallest_change=decisions.smallest_change(found),
        reason=reason,
        metric=metric,
        cross_session=not pair.in_lockstep,
        before=metrics.over(METRICS[metric], pair.before),
        after=metrics.over(METRICS[metric], pair.after),
    )


def _without_evidence(pair: Pair, metric: str, *, apart: bool) -> Comparison:
    """`apart` says that the sides would have to be in lockstep and never were."""
    of = METRICS[metric]
    return Comparison(
        baseline=pair.baseline.label,
        candidate=pair.candidate.label,
        ratio=None,
        verdict="inconclusive",
        reason="never in lockstep: no group of one session holds both" if apart else _lacking(pair, metric),
        metric=metric,
        before=metrics.over(of, pair.before),
        after=metrics.over(of, pair.after),
    )


def _lacking(pair: Pair, metric: str) -> str:
    """Which side has no value that a ratio can be taken of, and for what was expected why."""
    sides = {"baseline": pair.before, "candidate": pair.after}
    lacks = [name for name, runs in sides.items() if not any((METRICS[metric].of(run) or 0.0) > 0 for run in runs)]
    unstable = any("unstable" in run.flags for name in lacks for run in sides[name])
    why = ": the steps never became steady" if unstable and METRICS[metric].expected else ""
    who = {0: "no group of both has a", 1: f"the {''.join(lacks)} has no", 2: "neither side has a"}[len(lacks)]
    return f"{who} {METRICS[metric].title.lower()}{why}"
