"""The results of a replay as Markdown: every rule beside every other, and the goals with their results."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dlbench.stats.decisions import Paired
from dlbench.stats.interim import HALF_WIDTH, INTERIM_GROUPS
from studies.decision_quality import differences, groups, thresholds
from studies.decision_quality.groups import BASE
from studies.decision_quality.markdown import percent, table
from studies.decision_quality.pool import Batch, Taken
from studies.decision_quality.replay import (
    ADAPTIVE,
    AGAIN,
    ARMS,
    AS_PLANTED,
    CONFIRMED,
    EFFECT,
    EQUAL_STEPS,
    FEWEST,
    FIXED,
    Cell,
    Cells,
)
from studies.decision_quality.rivals import INTERLEAVED
from studies.decision_quality.rules import BUDGET, PEERS
from studies.decision_quality.said import Verdict
from studies.decision_quality.workloads import SEQUENTIAL_SAMPLES, SLOWDOWNS

LARGE = ("5%", "10%")


class Goals(NamedTuple):
    """Shares of sessions: false alarms and wrong `same` at 3 % at most, power at 3 % at least; and seconds at most."""

    alarms: float
    power: float
    same: float = 0.01
    seconds: Mapping[str, float] = {}

    def within(self, load: str) -> float:
        """Seconds that a session of this workload may take."""
        return self.seconds.get(load, BUDGET)


ON_TWO = {"gemm, 2 threads": 90.0, "torch mlp, 2 threads": 90.0}
QUIET = Goals(0.005, 0.95, seconds={"gemm": 60.0, "torch mlp": 60.0, **ON_TWO, "tf lstm jit": 120.0})
BUSY = Goals(0.01, 0.90)
COVERAGE = 0.92
"""Coverage of the 95 % interval at least."""


def render(pools: Mapping[str, tuple[Sequence[Batch], Cells]], command: str, sessions: int) -> str:
    """The whole page."""
    parts = [_opening(command), differences.render({name: batches for name, (batches, _) in pools.items()})]
    parts += [_introduction(sessions)]
    for name, (batches, cells) in pools.items():
        parts += [f"## Pool `{name}`", *_pool(name, batches, cells)]
    return "\n\n".join(parts) + "\n"


def _opening(command: str) -> str:
    return f"""# How often are verdicts right?

Written by `{command}` from the pools of raw times beside this file; `studies/README.md` says how they are collected."""


def _introduction(sessions: int) -> str:
    slowdowns = ", ".join(name for name, share in SLOWDOWNS.items() if share)
    return f"""## How it was measured

In lockstep, the arms of a pool are alive together and take turns of one sample of 20 ms or more: the baseline, the
same once more, and slowdowns, of {slowdowns} where nothing else is said above. A slowdown is
executed: its samples are so many more of the same steps. One after the other, each arm has a process of its own of
{SEQUENTIAL_SAMPLES} samples, in a random order.

For every cell {sessions} sessions are drawn from the pool, without replacement within a session. dlbench measures
{INTERIM_GROUPS} groups, until its 95 % interval is ±{HALF_WIDTH * 100:g} % or narrower, or {BUDGET:g} s are spent;
`dlbench.analysis.evidence.group_log_ratios`, `dlbench.analysis.steady_state` and `dlbench.stats.decisions` compute its
verdict. The other tools get the wall time of that session for processes one after the other (at most half of the pool
a side), which they pool as they do; "as shipped" is with the number of processes that they start and of samples that
they take by default. Seconds of forked processes leave importing the framework out, for every rule alike. The
interleaved minimum decides on the arms that took turns, as dlbench does.

A session ends without a verdict if its ratio is not known well enough (`inconclusive`), or never became steady.

A pool is a sample, too: the processes of an arm may have been faster by chance, and then every session drawn from it
finds less. "{EFFECT} reads" is the ratio of all its groups. "If the pool read {EFFECT}" is the power on the same
groups, moved to what was planted.

All sessions come from one pool, so a share is no surer than its groups can make it: "Sessions" counts how many of this
size it holds without a group in common, and below {FEWEST:g} a goal stays undecided."""


def _pool(name: str, batches: Sequence[Batch], cells: Cells) -> Iterator[str]:
    yield _facts(batches)
    yield "### Goals\n\n" + _goals(name, cells, judged=differences.judged(batches))
    yield f"### Against other tools, at {EFFECT}\n\n" + thresholds.head_to_head(cells)
    yield "### What was measured\n\n" + _spreads(batches, cells)
    yield "### dlbench, by planted slowdown\n\n" + _by_effect(cells)
    yield "### Every rule\n\n" + _rules(cells)


def _facts(batches: Sequence[Batch]) -> str:
    machines = dict.fromkeys(
        f"{at.processor}, {at.cores} cores, {at.system}, {at.python}" for at in (batch.environment for batch in batches)
    )
    pressures = [batch.load.cpu_pressure for batch in batches if batch.load.cpu_pressure is not None]
    steals = [batch.load.steal for batch in batches if batch.load.steal is not None]
    packages = {each for batch in batches for each in batch.environment.packages.items()}
    versions = ", ".join(f"{name} {version}" for name, version in sorted(packages))
    return (
        f"{'; '.join(machines)}; {versions}. Collected from {min(batch.started for batch in batches)} to "
        f"{max(batch.started for batch in batches)}. Tasks waited for a "
        f"core {_range(pressures)} of the time (median and range over batches), steal {_range(steals)}."
    )


def _spreads(batches: Sequence[Batch], cells: Cells) -> str:
    rows = []
    for load in cells.workloads:
        of_load = [batch for batch in batches if batch.workload == load]
        alone = [taken for batch in of_load if batch.kind == "sequential" for taken in batch.processes]
        pair, nulls = groups.lockstep(of_load, AGAIN), groups.equal_steps(of_load)
        samples = [taken.nominal * statistics.median(taken.nanoseconds) * 1e-6 for taken in alone]
        rows.append(
            [
                load,
                str(len(pair.log_ratios)),
                str(sum(taken.arm == BASE for taken in alone)),
                f"{statistics.median(samples):.0f} ms" if samples else "",
                percent(_spread([math.log(_step(taken)) for taken in alone])),
                percent(statistics.median(_spread(groups.known(null.log_ratios)) for null in nulls)),
                percent(statistics.median(_within(batch) for batch in of_load if batch.kind == "lockstep")),
                f"{math.exp(statistics.fmean(groups.known(pair.log_ratios))):.4f}",
                _reads(groups.known(groups.lockstep(of_load, EFFECT).log_ratios)),
                f"{statistics.fmean(pair.seconds):.1f} s",
                _imported(of_load),
            ]
        )
    head = ["", "Groups", "Processes an arm", "Sample", "Spread, one after the other", "Spread of a ratio in lockstep"]
    head += ["of which rounds explain", "A/A ratio", f"{EFFECT} reads", "A group of two arms", "Import"]
    return table(head, rows)


def _reads(log_ratios: Sequence[float]) -> str:
    """Ratio of all groups of the pool, with its 95 % interval."""
    found = Paired(log_ratios).ratio()
    assert found.low is not None and found.high is not None, "a pool has several groups"
    return f"{found.value:.4f} ({found.low:.4f}–{found.high:.4f})"


def _goals(name: str, cells: Cells, *, judged: bool) -> str:
    goals = BUSY if "busy" in name else QUIET
    rows = []
    for load in cells.workloads:
        found = {arm: cells.of(ADAPTIVE, load, arm) for arm in (EQUAL_STEPS, *ARMS)}
        null, same, effect = found[EQUAL_STEPS], found[AGAIN], found[EFFECT]
        moved = cells.of(ADAPTIVE, load, AS_PLANTED)
        assert moved is not None
        assert null is not None
        assert same is not None
        assert effect is not None
        covered = [held for cell in found.values() if cell is not None for held in cell.covered]
        coverage, held = sum(covered) / len(covered), cells.held(load)
        rows.append(
            [
                load,
                f"{held:.1f}",
                _judged(same.share("slower", "faster"), held, most=goals.alarms),
                _judged(null.share("slower", "faster"), held, most=goals.alarms),
                _judged(effect.share("slower"), held, least=goals.power),
                percent(moved.share("slower")),
                _judged(effect.share("same"), held, most=goals.same),
                _in_time(effect.cost, goals.within(load), held),
                _judged(coverage, held, least=COVERAGE),
                _largest([cell for arm in LARGE if (cell := found[arm])]),
                _both(same, effect, "inconclusive", "none"),
                _both(same, effect, "none") if judged else "not judged",
            ]
        )
    head = ["", "Sessions", f"False alarms, goal {percent(goals.alarms)} at most"]
    head += [
        "the same, any two arms at equal steps",
        f"Power at {EFFECT}, goal {percent(goals.power)}",
        f"if the pool read {EFFECT}",
        f"`same` at {EFFECT}, goal {percent(goals.same)} at most",
        f"Cost at {EFFECT}",
    ]
    return table(
        [
            *head,
            f"Coverage, goal {percent(COVERAGE)}",
            f"`same` at {', '.join(LARGE)}",
            f"No verdict: of the same, at {EFFECT}",
            "of these, never steady",
        ],
        rows,
    )


def _largest(found: Sequence[Cell]) -> str:
    return percent(max(cell.share("same") for cell in found)) if found else "not planted"


def _both(same: Cell, effect: Cell, *verdicts: Verdict) -> str:
    return f"{percent(same.share(*verdicts))}, {percent(effect.share(*verdicts))}"


def _imported(batches: Sequence[Batch]) -> str:
    """Import time of the framework in the parent of these processes, if they had one."""
    if any(batch.isolation == "fresh" for batch in batches):
        return "in each process"
    return f"{statistics.median(batch.import_seconds for batch in batches):.1f} s"


def _by_effect(cells: Cells) -> str:
    rows = []
    for load in cells.workloads:
        for rule in (FIXED, ADAPTIVE, CONFIRMED):
            for arm in (AGAIN, EQUAL_STEPS, *ARMS[1:]):
                if (cell := cells.of(rule, load, arm)) is None:
                    continue
                shares = [percent(cell.share(one)) for one in ("slower", "faster", "same", "inconclusive", "none")]
                label = {AGAIN: "none", EQUAL_STEPS: "none, any two arms"}.get(arm, arm)
                figures = [percent(cell.coverage), f"{cell.size:.1f}", f"{cell.cost:.0f} s"]
                rows.append([load, rule, label, *shares, *figures])
    head = ["", "Rule", "Slowdown", "slower", "faster", "same", "inconclusive", "never steady"]
    head += ["Coverage", "Groups", "Cost"]
    return table(head, rows)


def _rules(cells: Cells) -> str:
    names = [peer.name for peer in (*PEERS, INTERLEAVED)]
    rows = []
    for load in cells.workloads:
        for rule in (FIXED, ADAPTIVE, CONFIRMED, *names, *(f"{name}, as shipped" for name in names)):
            null, effect = cells.of(rule, load, AGAIN), cells.of(rule, load, EFFECT)
            if null is None or effect is None:
                continue
            powers = [cell.share("slower") if (cell := cells.of(rule, load, arm)) else math.nan for arm in ARMS[1:]]
            shares = map(percent, (null.share("slower", "faster"), *powers, effect.share("same")))
            rows.append([load, rule, *shares, f"{effect.size:.0f}", f"{effect.cost:.0f} s"])
    head = ["", "Rule", "False alarms", *(f"`slower` at {arm}" for arm in ARMS[1:]), f"`same` or passed at {EFFECT}"]
    return table([*head, "Groups or processes a side", "Cost"], rows)


def _step(taken: Taken) -> float:
    """Median nanoseconds of a step that was executed."""
    return statistics.median(taken.nanoseconds) * taken.nominal / taken.executed


def _within(batch: Batch) -> float:
    """Standard error of a group's median log ratio, from the spread of its rounds (their median absolute deviation).

    1.2533 is the square root of pi / 2: the standard error of the median of normal values over that of their mean.
    """
    before, after = (next(taken for taken in batch.processes if taken.arm == arm) for arm in (BASE, AGAIN))
    ratios = np.log(np.divide(after.nanoseconds, before.nanoseconds))
    return float(1.2533 * 1.4826 * np.median(np.abs(ratios - np.median(ratios))) / math.sqrt(len(ratios)))


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan


def _in_time(seconds: float, most: float, held: float) -> str:
    outcome = "undecided" if held < FEWEST else "met" if seconds <= most else "**missed**"
    return f"{seconds:.0f} s, goal {most:.0f} s at most, {outcome}"


def _judged(share: float, held: float, *, most: float = 1.0, least: float = 0.0) -> str:
    """The share beside the result of its goal; without one if the pool holds too few sessions."""
    outcome = "undecided" if held < FEWEST else "met" if least <= share <= most else "**missed**"
    return f"{percent(share)}, {outcome}"


def _range(shares: Sequence[float]) -> str:
    if not shares:
        return "not known"
    return f"{percent(statistics.median(shares))} ({percent(min(shares))} to {percent(max(shares))})"
