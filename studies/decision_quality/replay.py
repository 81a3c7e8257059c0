"""Draws sessions from a pool and lets every rule decide on them: dlbench in lockstep, the others at equal wall time."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dlbench.stats.decisions import Paired
from studies.decision_quality import rules
from studies.decision_quality.groups import BASE, Groups, arms, equal_steps, known, lockstep, of
from studies.decision_quality.pool import Batch, Taken
from studies.decision_quality.rivals import INTERLEAVED
from studies.decision_quality.rules import PEERS
from studies.decision_quality.said import Peer, Verdict
from studies.decision_quality.workloads import SLOWDOWNS, WORKLOADS

if TYPE_CHECKING:
    from studies.decision_quality.said import Floats

AGAIN, EQUAL_STEPS = "again", "any two"
EFFECT, AS_PLANTED = "3%", "3%, as planted"
"""The slowdown of the goals; the same groups, moved so that the pool reads it."""
ARMS = tuple(name for name in SLOWDOWNS if name != BASE)
FIXED, ADAPTIVE, CONFIRMED = "dlbench, 5 groups", "dlbench", "dlbench, confirmed"
FEWEST = 3.0
"""Sessions without a group in common that a pool must hold before a share of them says anything."""
GROUPS = 5
"""Default number of groups of `dlbench run`."""
MOST = 0.5
"""Share of the pool that a session may draw of an arm one after the other, lest all sessions be the same."""


@dataclass
class Cell:
    """A rule on sessions of one workload and one arm, drawn from `pool` groups: verdicts, scores, cost, size.

    `covered` is True for each interval that held the truth.
    """

    rule: str
    workload: str
    arm: str
    pool: int
    said: Counter[Verdict] = field(default_factory=Counter)
    scores: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)

    def share(self, *verdicts: Verdict) -> float:
        """Share of sessions in which it said one of these."""
        return sum(self.said[verdict] for verdict in verdicts) / self.said.total()

    @property
    def cost(self) -> float:
        """Mean seconds of a session."""
        return statistics.fmean(self.seconds)

    @property
    def size(self) -> float:
        """Mean number of groups, or of processes a side."""
        return statistics.fmean(self.sizes)

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the truth; NaN for a rule that gives none."""
        return sum(self.covered) / len(self.covered) if self.covered else math.nan

    def add(self, verdict: Verdict, seconds: float, size: int) -> None:
        """One more session: its verdict, cost, and groups or processes a side."""
        self.said[verdict] += 1
        self.seconds.append(seconds)
        self.sizes.append(size)


class Cells:
    """The cells of a pool by rule, workload and arm."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._cells = {(cell.rule, cell.workload, cell.arm): cell for cell in cells}

    @property
    def workloads(self) -> list[str]:
        """Workloads of the pool, in the order of the study."""
        return [name for name in WORKLOADS if (ADAPTIVE, name, AGAIN) in self._cells]

    def held(self, workload: str) -> float:
        """Number of sessions as large as dlbench's at a slowdown of 3 % that the pool holds without a common group."""
        cell = self._cells[ADAPTIVE, workload, EFFECT]
        return cell.pool / cell.size

    def of(self, rule: str, workload: str, arm: str) -> Cell | None:
        """A cell, None if the pool has nothing for it."""
        return self._cells.get((rule, workload, arm))


class Alone(NamedTuple):
    """Processes one after the other: seconds a step of each of their samples (processes, samples), and of each."""

    arm: str
    times: Floats
    seconds: Floats


def replay(batches: Sequence[Batch], sessions: int) -> Iterator[Cell]:
    """Every rule on every arm of every workload of a pool."""
    for workload in WORKLOADS:
        of_load = [batch for batch in batches if batch.workload == workload]
        if sum(batch.kind == "lockstep" for batch in of_load) < 2:
            continue
        yield from _dlbench(workload, EQUAL_STEPS, equal_steps(of_load), sessions)
        yield from _dlbench(workload, AS_PLANTED, [lockstep(of_load, EFFECT).as_planted()], sessions)
        for arm in (arm for arm in arms(of_load) if arm != BASE):
            ours = list(_dlbench(workload, arm, [lockstep(of_load, arm)], sessions))
            yield from ours
            seconds = statistics.fmean(ours[1].seconds)
            yield from _peers(of_load, arm, seconds, sessions)
            yield from _interleaved(of_load, arm, seconds, sessions)


def _dlbench(workload: str, arm: str, pairs: Sequence[Groups], sessions: int) -> Iterator[Cell]:
    """Without replacement within a session; confirmed on groups that the session has not used."""
    cells = [Cell(rule, workload, arm, len(pairs[0].log_ratios)) for rule in (FIXED, ADAPTIVE, CONFIRMED)]
    generator = random.Random(f"{workload} {arm}")
    for _ in range(sessions):
        pair = generator.choice(pairs)
        pool = pair.drawn(generator)
        _judge(cells[0], pool, min(GROUPS, len(pool.log_ratios)))
        used = rules.groups_used(pool.log_ratios, pool.seconds, pool.is_steady)
        verdict = _judge(cells[1], pool, used)
        _confirm(cells[2], pool, used, verdict)
    yield from cells


def _judge(cell: Cell, pool: Groups, used: int) -> Verdict:
    log_ratios = pool.log_ratios[:used]
    verdict = rules.dlbench(log_ratios) if pool.is_steady(used) else "none"
    cell.add(verdict, sum(pool.seconds[:used]), used)
    if verdict == "none":
        return verdict
    if (shift := Paired(known(log_ratios)).shift()) is not None:
        low, high = shift.interval()
        cell.covered.append(low <= pool.truth <= high)
    return verdict


def _confirm(cell: Cell, pool: Groups, used: int, verdict: Verdict) -> None:
    """A difference counts when as many fresh groups say the same; if there are none left it is undecided."""
    total = used
    if verdict in ("slower", "faster"):
        total = min(2 * used, len(pool.log_ratios))
        again = pool.log_ratios[used:total]
        verdict = verdict if len(again) == used and rules.dlbench(again) == verdict else "inconclusive"
    cell.add(verdict, sum(pool.seconds[:total]), total)


def _peers(batches: Sequence[Batch], arm: str, seconds: float, sessions: int) -> Iterator[Cell]:
    """Each of the other tools with as many processes as it ships with, and with as many as the seconds pay for."""
    rows = [batch for batch in batches if batch.kind == "sequential"]
    if len(rows) < 2:
        return
    for peer in PEERS:
        sides = [_alone([of(batch, name) for batch in rows], peer) for name in (BASE, arm)]
        yield from _sessions_of(peer, rows, sides, seconds, sessions)


def _interleaved(batches: Sequence[Batch], arm: str, seconds: float, sessions: int) -> Iterator[Cell]:
    """The rule of minima of calls that take turns, on the arms that did: a group holds a process of each."""
    rows = [batch for batch in batches if batch.kind == "lockstep"]
    sides = [_alone([of(batch, name) for batch in rows], INTERLEAVED) for name in (BASE, arm)]
    yield from _sessions_of(INTERLEAVED, rows, sides, seconds, sessions, together=True)


def _sessions_of(
    peer: Peer, rows: Sequence[Batch], sides: Sequence[Alone], seconds: float, sessions: int, *, together: bool = False
) -> Iterator[Cell]:
    """Sessions as shipped, and at equal wall time; `together` draws the same batches for both sides."""
    before, after = sides
    paid = int(seconds / float(before.seconds.mean() + after.seconds.mean()))
    for rule, processes in ((f"{peer.name}, as shipped", peer.processes), (peer.name, paid)):
        cell = Cell(rule, rows[0].workload, after.arm, len(rows))
        size = max(1, min(processes, int(MOST * len(rows))))
        generator = random.Random(f"{rule} {rows[0].workload} {after.arm}")
        for _ in range(sessions):
            ours = generator.sample(range(len(rows)), size)
            theirs = ours if together else generator.sample(range(len(rows)), size)
            said = peer.say(before.times[ours].ravel(), after.times[theirs].ravel())
            cell.add(said.verdict, float(before.seconds[ours].sum() + after.seconds[theirs].sum()), size)
            cell.scores.append(said.score)
        yield cell


def _alone(processes: Sequence[Taken], peer: Peer) -> Alone:
    """Processes as this tool takes them: they end after the samples that it wants, and cost the less."""
    wanted = min([peer.samples or math.inf, *(len(taken.nanoseconds) for taken in processes)])
    times = np.array([taken.nanoseconds[: int(wanted)] for taken in processes]) * 1e-9
    unneeded = [sum(taken.nanoseconds[int(wanted) :]) * 1e-9 * taken.nominal for taken in processes]
    return Alone(processes[0].arm, times, np.array([taken.held for taken in processes]) - unneeded)
