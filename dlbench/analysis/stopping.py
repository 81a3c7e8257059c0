"""The stop rule: ends a workload after enough groups, and says in words why it stopped."""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.analysis import control, evidence, pairs, pooling, steady_state
from dlbench.record.schema import Run
from dlbench.stats import interim
from dlbench.stats.interim import HALF_WIDTH


def enough(runs: Sequence[Run]) -> bool:
    """Whether the Runs of one workload know all of its ratios well enough, at a look; without any, not adaptive."""
    pairs, groups = _pairs(control.without_twins(steady_state.flag_unsteady(pooling.parted(runs)))), _groups(runs)
    return interim.are_enough(groups, pairs) if pairs else groups >= runs[0].policy.processes


def sentence(runs: Sequence[Run]) -> str:
    """Why no further group of a workload was measured; empty where their number was fixed. `runs` are marked."""
    pairs, groups = _pairs(runs), _groups(runs)
    if not runs[0].policy.adaptive or not runs[0].spec.timed or not pairs:
        return ""
    width, target = max(interim.half_width(pair) for pair in pairs), f"{HALF_WIDTH * 100:g} %"
    known = f"the widest interval of a ratio is ±{width * 100:.2g} %" if groups > 1 else "a ratio has no interval"
    if interim.are_enough(groups, pairs):
        return f"Stopped at the look after {groups} groups: {known}, the target ±{target}."
    if groups >= runs[0].groups:
        return f"Stopped after {groups} groups, the last look: {known}, and the target of ±{target} was not reached."
    return f"Cut short after {groups} groups, by the budget or an interruption: {known}, the target ±{target}."


def _groups(runs: Sequence[Run]) -> int:
    return len({(run.session, run.group % run.groups) for run in runs})


def _pairs(runs: Sequence[Run]) -> list[list[float]]:
    """Log ratios a group of every pair that has any: of arms apart, or never steady, more teach nothing."""
    found = [pair for of_load in pairs.with_baselines(runs).values() for pair in of_load]
    log_ratios = [evidence.group_log_ratios(pair.before, pair.after) for pair in found if pair.in_lockstep]
    return [of_pair for of_pair in log_ratios if of_pair]
