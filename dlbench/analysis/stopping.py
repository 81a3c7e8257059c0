"""The stop rule: ends a workload after enough groups, and says in words why it stopped."""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.analysis import control, evidence, pairs, pooling, screening
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Run
from dlbench.stats import interim
from dlbench.stats.decisions import Paired
from dlbench.stats.interim import HALF_WIDTH, INTERIM_GROUPS


def enough(runs: Sequence[Run]) -> bool:
    """True if the Runs of one workload end it: only at an interim analysis, if all of its ratios are known.

    A ratio that was not steady, or not known beside other programs, at two interim analyses in a row is not waited for:
    more groups would teach nothing. If no two arms ever took turns there is nothing to analyse: the number of groups is
    the same as without `--adaptive`.
    """
    groups = _groups(runs)
    if not _took_turns(control.without_controls(pooling.parted(runs))):
        return groups >= runs[0].policy.processes
    if groups not in INTERIM_GROUPS:
        return False
    found = _paired(runs)
    unsteady = [place for place, of_pair in found.items() if of_pair is None]
    return _never_steady(runs, groups, unsteady) and interim.are_enough(groups, list(filter(None, found.values())))


def sentence(runs: Sequence[Run]) -> str:
    """Reason that no further group of a workload was measured; empty if their number was fixed. `runs` are marked."""
    if not runs[0].policy.adaptive or not runs[0].spec.timed or not (turns := _took_turns(runs)):
        return ""
    found, groups = list(map(_of, turns)), _groups(runs)
    known, target = _how_well(list(filter(None, found)), groups), f"{HALF_WIDTH * 100:g} %"
    if not all(found):
        disturbed = sum(one is None and bool(_disturbance(pair)) for pair, one in zip(turns, found, strict=True))
        whys = {"never became steady": found.count(None) - disturbed, "were disturbed by other programs": disturbed}
        known += "".join(f" ({number} of {len(found)} ratios {why})" for why, number in whys.items() if number)
    if enough(runs):
        return f"Stopped at the interim analysis after {groups} groups: {known}, the target ±{target}."
    if groups >= runs[0].groups:
        end = f"and the target of ±{target} was not reached."
        return f"Stopped after {groups} groups, the last interim analysis: {known}, {end}"
    return f"Cut short after {groups} groups, by the budget or an interruption: {known}, the target ±{target}."


def _how_well(found: Sequence[Paired], groups: int) -> str:
    if not found:
        return "no ratio is known"
    if groups < 2:
        return "a ratio has no interval"
    return f"the widest interval of a ratio is ±{max(map(interim.half_width, found)) * 100:.2g} %"


def _never_steady(runs: Sequence[Run], groups: int, unsteady: Sequence[tuple[str, str]]) -> bool:
    """True if the ratios of these pairs were not steady at the interim analysis before this one either."""
    before = INTERIM_GROUPS[: INTERIM_GROUPS.index(groups)]
    if not unsteady or not before:
        return not unsteady
    earlier = _paired([run for run in runs if run.group < before[-1]])
    return not any(earlier.get(place) for place in unsteady)


def _paired(runs: Sequence[Run]) -> dict[tuple[str, str], Paired | None]:
    """Evidence of every pair that took turns, by the labels of its arms; None for one that is not steady."""
    marked = control.without_controls(screening.mark(runs))
    return {(pair.baseline.label, pair.candidate.label): _of(pair) for pair in _took_turns(marked)}


def _of(pair: Pair) -> Paired | None:
    found = evidence.of(pair, "step_time")
    return found if isinstance(found, Paired) else None


def _disturbance(pair: Pair) -> str:
    return evidence.disturbance(pair.before, pair.after)


def _groups(runs: Sequence[Run]) -> int:
    return len({(run.session, run.group) for run in runs})


def _took_turns(runs: Sequence[Run]) -> list[Pair]:
    """The pairs with two processes that took turns: for arms apart, more groups teach nothing."""
    return [pair for of_load in pairs.with_baselines(runs).values() for pair in of_load if pair.in_lockstep]
