"""Groups of two arms in lockstep, as a session of the product draws and judges them."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from dlbench.analysis import evidence
from dlbench.analysis.steady_state import SERIES, ratio_is_steady
from dlbench.record.schema import Run, Sample
from dlbench.session.plan import IN_FULL
from dlbench.stats.decisions import Paired
from studies.decision_quality.pool import Batch, Taken
from studies.decision_quality.workloads import SLOWDOWNS, WORKLOADS

BASE = "base"


@dataclass(frozen=True)
class Groups:
    """Two arms in lockstep: a log ratio a group, seconds of both, and the log ratio that was planted.

    The ratio is NaN for a group in which other programs held the processors for a time that is not known.
    `runs` are the processes of each group, and `pilots` the seconds of both that are thrown away before the first.
    """

    log_ratios: list[float]
    seconds: list[float]
    truth: float
    runs: list[tuple[Run, Run]]
    in_full: list[bool]
    pilots: float = 0.0

    def drawn(self, generator: random.Random) -> Groups:
        """All groups in a random order, first as many of those in full as a session has, then none of them."""
        order = generator.sample(range(len(self.log_ratios)), len(self.log_ratios))
        if any(self.in_full):
            first = [at for at in order if self.in_full[at]][:IN_FULL]
            order = first + [at for at in order if not self.in_full[at]]
        seconds = [self.seconds[at] for at in order]
        seconds[0] += self.pilots
        return replace(
            self,
            log_ratios=[self.log_ratios[at] for at in order],
            seconds=seconds,
            runs=[self.runs[at] for at in order],
            in_full=[self.in_full[at] for at in order],
        )

    def as_planted(self) -> Groups:
        """The same with the mean log ratio that was planted: chance in the choice of these processes is taken out."""
        shift = Paired(known(self.log_ratios)).shift()
        assert shift is not None, "a pool has several groups"
        return replace(self, log_ratios=[value - shift.mean + self.truth for value in self.log_ratios])

    def is_steady(self, groups: int) -> bool:
        """True if the ratio of the first groups is steady, or has too few rounds to be judged."""
        if self.runs[0][0].policy.samples < SERIES:
            return True
        before, after = zip(*self.runs[:groups], strict=True)
        return ratio_is_steady(before, after)


def lockstep(batches: Iterable[Batch], arm: str, base: str = BASE) -> Groups:
    """The groups of one workload; the log ratio of each is dlbench's own."""
    pairs = [(batch, of(batch, base), of(batch, arm)) for batch in batches if batch.kind == "lockstep"]
    before, after = [run_of(batch, one) for batch, one, _ in pairs], [run_of(batch, other) for batch, _, other in pairs]
    pilots = [batch.pilot_seconds for batch, _, _ in pairs if batch.pilot_seconds]
    return Groups(
        [_or_nan(evidence.log_ratio(*runs)) for runs in zip(before, after, strict=True)],
        [one.held + other.held for _, one, other in pairs],
        statistics.fmean(math.log1p(other.slowdown) - math.log1p(one.slowdown) for _, one, other in pairs),
        list(zip(before, after, strict=True)),
        [batch.in_full for batch, _, _ in pairs],
        2 * statistics.median(pilots) if pilots else 0.0,
    )


def known(log_ratios: Sequence[float]) -> list[float]:
    """Those of the groups whose ratio is known."""
    return [value for value in log_ratios if not math.isnan(value)]


def _or_nan(log_ratio: float | None) -> float:
    return math.nan if log_ratio is None else log_ratio


def equal_steps(batches: Sequence[Batch]) -> list[Groups]:
    """Every two arms brought to equal steps: pairs of programs that are known to be the same."""
    pairs = [lockstep(batches, other, one) for one, other in itertools.combinations(arms(batches), 2)]
    return [replace(pair, log_ratios=[value - pair.truth for value in pair.log_ratios], truth=0.0) for pair in pairs]


def arms(batches: Sequence[Batch]) -> list[str]:
    """Arms that every group in lockstep holds, in the order of the study."""
    held = [{taken.arm for taken in batch.processes} for batch in batches if batch.kind == "lockstep"]
    return [name for name in SLOWDOWNS if all(name in each for each in held)]


def of(batch: Batch, arm: str) -> Taken:
    """The process of an arm."""
    return next(taken for taken in batch.processes if taken.arm == arm)


def run_of(batch: Batch, taken: Taken) -> Run:
    """The process as dlbench's record has it, as far as `compare` reads it."""
    if taken.run is not None:
        return msgspec.structs.replace(taken.run, group=batch.number, groups=batch.number + 1)
    samples = tuple(
        Sample(stage="steady", steps=1, seconds=value * 1e-9, cpu_seconds=math.nan, round=place)
        for place, value in enumerate(taken.nanoseconds)
    )
    return Run(
        spec=next(iter(WORKLOADS.values())),
        policy=batch.policy,
        session="pool",
        group=batch.number,
        groups=batch.number + 1,
        arm=0,
        arms=1,
        status="ok",
        started="",
        wall_seconds=taken.held,
        samples=samples,
    )
