"""Evidence of the Runs of a pair about a metric, computed once for each pair and metric."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import Pair, by_spec
from dlbench.analysis.rounds import by_round, by_round_of, too_few, with_a_core
from dlbench.analysis.steady_state import ratio_is_steady
from dlbench.record.schema import Run, Together
from dlbench.spec import Spec
from dlbench.stats.decisions import Evidence, Paired, Unpaired
from dlbench.stats.estimates import Estimate, VarianceComponent, median

BUSY = 0.05
"""Share of time in which a task waited for a core; above it another program was at work."""
LEAST_LEFT = 0.5
"""Share of groups that must give a ratio: where other programs disturbed most of them, the rest are no sample."""
LEAST_SESSIONS = 3
"""Sessions of unchanged code from which the variance between sessions is estimated at all."""

History = Mapping[str, Mapping[Spec, VarianceComponent]]
"""Variance that sessions of unchanged code add, by metric and candidate."""


@dataclass(frozen=True)
class EvidenceTable:
    """The evidence of every pair by metric.

    `history` is given for pairs that may be of two sessions. It is None if only arms in lockstep are compared.
    """

    pairs: tuple[Pair, ...]
    history: History | None
    by_metric: Mapping[str, Sequence[Evidence | None]]

    def of(self, metric: str) -> list[tuple[Pair, Evidence | None]]:
        """Each pair with its evidence of a metric. Raises KeyError for a metric that was not collected."""
        return list(zip(self.pairs, self.by_metric[metric], strict=True))

    def where(self, kept: Callable[[Pair], bool]) -> EvidenceTable:
        """The rows of some pairs."""
        places = [place for place, pair in enumerate(self.pairs) if kept(pair)]
        by_metric = {metric: [found[place] for place in places] for metric, found in self.by_metric.items()}
        return EvidenceTable(tuple(self.pairs[place] for place in places), self.history, by_metric)


def collect(pairs: Sequence[Pair], metrics: Iterable[str], history: History | None = None) -> EvidenceTable:
    """Compute the evidence of every pair for these metrics."""
    of_metric = {name: None if history is None else history.get(name, {}) for name in dict.fromkeys(metrics)}
    found = {name: [of(pair, name, past) for pair in pairs] for name, past in of_metric.items()}
    return EvidenceTable(tuple(pairs), history, found)


def of(pair: Pair, metric: str, history: Mapping[Spec, VarianceComponent] | None = None) -> Evidence | None:
    """Evidence of a metric in these Runs: paired if they were in lockstep, else (with `history`) by process.

    A positive difference is worse, also if more is better; `ratio` turns it back into candidate over baseline. None
    without evidence: no metric, values whose ratio means nothing, no lockstep.
    """
    if pair.in_lockstep:
        by_rounds = METRICS[metric].paired == "rounds"
        found = log_ratio_by_group(pair.before, pair.after) if by_rounds else _by_group(pair, metric)
        machines = [machine for *_, machine in found]
        return Paired(list(found.values()), all_count=not by_rounds, machines=machines) if found else None
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

    Groups are matched by session and number; a group or a round that one arm lacks is left out. None if an arm was
    never steady (`unstable`), unless their ratio is: changes that both show at the same time are not in it. Time in
    which a program was ready and had no core is left out where it is known of both (`rounds.with_a_core`). None either
    where it is not, in most groups.
    """
    return list(log_ratio_by_group(list(baseline_runs), list(candidate_runs)).values())


def disturbance(before: Iterable[Run], after: Iterable[Run]) -> str:
    """Reason that two arms have no ratio although they took turns: other programs. Empty if that is not the reason."""
    found = list(_of_groups(before, after).values())
    unknown = found.count(None)
    if len(found) - unknown >= LEAST_LEFT * len(found):
        return ""
    return (
        f"in {unknown} of {len(found)} groups other programs held the processors, and how long threads that work "
        "together waited for them is not known; measure where nothing else works, or on processors of its own"
    )


def log_ratio_by_group(baselines: Sequence[Run], candidates: Sequence[Run]) -> Mapping[Together, float]:
    """The same with the group of each."""
    if any(run.has("unstable") for run in (*baselines, *candidates)) and not ratio_is_steady(baselines, candidates):
        return {}
    found = _of_groups(baselines, candidates)
    known = {key: ratio for key, ratio in found.items() if ratio is not None}
    return known if len(known) >= LEAST_LEFT * len(found) else {}


def _of_groups(before: Iterable[Run], after: Iterable[Run]) -> dict[Together, float | None]:
    """The log ratio of each group that holds rounds of both; None if too few of them are known."""
    sides = [{run.together: run for run in runs} for runs in (before, after)]
    both = [(key, run, sides[1][key]) for key, run in sides[0].items() if key in sides[1]]
    return {key: log_ratio(*pair) for key, *pair in both if set(by_round(pair[0])) & set(by_round(pair[1]))}


def log_ratio(before: Run, after: Run) -> float | None:
    """The median over rounds of log(seconds of `after` / seconds of `before`); None if too few of them are known."""
    found = round_log_ratios(before, after)
    return median(found) if found else None


def round_log_ratios(before: Run, after: Run) -> list[float]:
    """That of each round that both have; empty if too few of them are known."""
    of = by_round_of([before, after])
    ours, theirs = of(after), of(before)
    both = [math.log(ours[at] / theirs[at]) for at in theirs if at in ours]
    unknown = of is with_a_core and any(too_few(len(both), run) for run in (before, after))
    return [] if unknown else both


def group_seconds(before: Iterable[Run], after: Iterable[Run]) -> float | None:
    """Seconds that a group in lockstep takes, its median: its arms start together and end together."""
    longest: dict[Together, float] = {}
    for run in (*before, *after):
        longest[run.together] = max(run.wall_seconds, longest.get(run.together, 0.0))
    return statistics.median(longest.values()) if longest else None


def log_summaries(runs: Iterable[Run], metric: str, *, busy: bool) -> list[float]:
    """The logarithm of one number a process, negated if more is better. On a busy machine it is the row's own.

    The choice follows from the machine's pressure, before any time is looked at, and is the same for both sides.
    """
    row = METRICS[metric]
    of = row.contended if busy and row.contended is not None else row.of
    values = [of(run) for run in runs]
    return [row.sign * math.log(value) for value in values if value is not None and value > 0]


def contended(runs: Iterable[Run]) -> bool:
    """True if tasks waited for a core (PSI) during any of these Runs."""
    return any(run.load is not None and (run.load.cpu_pressure or 0.0) > BUSY for run in runs)


def between_sessions(history: Sequence[Run], pairs: Sequence[Pair], metric: str) -> dict[Spec, VarianceComponent]:
    """Variance, by candidate, that two sessions of the same code add to the difference of their means.

    It is twice the variance of the means of the sessions in the history that measured this Spec: a difference has two.
    The share that the spread of processes explains is not subtracted: with few sessions the rest would often be zero,
    and two sessions would gate as if they never differed. A compared session is not part of the history. Missing with
    fewer than three.
    """
    found: dict[Spec, VarianceComponent] = {}
    past = by_spec(history)
    for pair in pairs:
        compared, sessions = [*pair.before, *pair.after], dict[str, list[Run]]()
        for run in past.get(pair.candidate, []):
            sessions.setdefault(run.session, []).append(run)
        for run in compared:
            sessions.pop(run.session, None)
        busy = contended(compared)
        part = _between([log_summaries(runs, metric, busy=busy) for runs in sessions.values()])
        found |= {} if part is None else {pair.candidate: part}
    return found


def _by_group(pair: Pair, metric: str) -> dict[Together, float]:
    """The log ratio of one number a process, for every group that holds it for both; negated if more is better."""
    of, sign = METRICS[metric].of, METRICS[metric].sign
    before = {run.together: of(run) for run in pair.before}
    both = [(run.together, before.get(run.together), of(run)) for run in pair.after]
    return {
        key: sign * math.log(ours / theirs) for key, theirs, ours in both if theirs and ours and theirs > 0 and ours > 0
    }


def _between(sessions: Sequence[Sequence[float]]) -> VarianceComponent | None:
    means = [statistics.fmean(values) for values in sessions if values]
    return VarianceComponent(2 * statistics.variance(means), len(means) - 1) if len(means) >= LEAST_SESSIONS else None
