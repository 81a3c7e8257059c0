"""Seconds a step by round of a group in lockstep: as the clock saw them, or without the time that lacked a core.

A program that is ready and has no core waits for a neighbour: on a busy machine that is noise of several percent, and
it draws ratios towards 1 where turns are shorter than the scheduler's slices. Linux counts it for every thread. Of
threads that hand work to one another, or work beside each other, it does not say how long the program waited: each
hand-over beside a neighbour is a wait, so such a program is slowed down more than others, and no ratio holds. Rounds
in which that happened are left out, and a group that has too few others gives no ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dlbench.analysis.memo import by_run
from dlbench.record.schema import Run, Sample

ByRound = Callable[[Run], Mapping[int, float]]
KNOWN = 0.9
"""Share of samples whose waits must have been counted, and be known where nobody disturbed them."""
ENOUGH = 0.25
"""Share of a group's rounds whose waits must be known: fewer are no group."""
PRESSED, UNSURE = 0.25, 0.1
"""Shares of time in which a task waited for a core, and of samples in which the program may have.

Above both, waits that are not known are for a neighbour. Threads of one program wait for each other too: in Runs of
reports/all-plugins, on two threads, for 0.21 of the time at most. Compiling presses for longer, and is in no sample.
"""
OWN = 0.005
"""CPU seconds of a program's own processes, for each second of its steps, that no verdict could tell from none."""


def by_round_of(runs: Iterable[Run]) -> ByRound:
    """The seconds in which arms that took turns are compared: without waiting, else the clock's.

    The clock's are taken if waits of one of them were not counted, or are those of its own threads for each other.
    """
    runs = list(runs)
    if not all(map(waits_are_counted, runs)):
        return by_round
    return with_a_core if all(map(waits_are_known, runs)) or any(map(_is_disturbed, runs)) else by_round


def too_few(rounds: int, of: Run) -> bool:
    """True if this number of rounds whose waits are known is too small for a group with this Run."""
    return rounds < ENOUGH * len(by_round(of))


@by_run
def by_round(run: Run) -> Mapping[int, float]:
    """Seconds a step of the steady samples that are paired, by their round."""
    return {
        one.round: one.seconds / one.steps for one in run.samples if one.stage == "steady" and one.round is not None
    }


@by_run
def with_a_core(run: Run) -> Mapping[int, float]:
    """The same without the time in which the program was ready and had no core, for the samples that know it."""
    known = [(at, sample) for at, sample in _paired(run) if sample.waited_seconds is not None]
    return {at: _with_a_core(sample) / sample.steps for at, sample in known}


@by_run
def waits_are_counted(run: Run) -> bool:
    """True for a program on a CPU whose waits were counted, and that started no processes that worked beside it.

    A device goes on while its program waits; and a program that waits for its own processes waits for itself. One of
    several workers waits for the others.
    """
    if (
        run.spec.together
        or run.info is None
        or run.info.device != "cpu"
        or (run.load is not None and (run.load.helper_cpu or 0.0) > OWN)
    ):
        return False
    samples = [sample for _, sample in _paired(run)]
    counted = [one for one in samples if one.waited_seconds is not None or one.unsure_seconds is not None]
    return bool(samples) and len(counted) >= KNOWN * len(samples)


@by_run
def waits_are_known(run: Run) -> bool:
    """True if the waits of most rounds are known."""
    return waits_are_counted(run) and len(with_a_core(run)) >= KNOWN * len(by_round(run))


@by_run
def _is_disturbed(run: Run) -> bool:
    """True if other programs took its processors: by the kernel's pressure, where it is known, and by its waits."""
    pressure = None if run.load is None else run.load.cpu_pressure
    samples = [sample for _, sample in _paired(run)]
    unsure = sum(one.unsure_seconds or 0.0 for one in samples) / sum(one.seconds for one in samples)
    return unsure > PRESSED if pressure is None else unsure > UNSURE and pressure > PRESSED


def _paired(run: Run) -> list[tuple[int, Sample]]:
    return [(one.round, one) for one in run.samples if one.stage == "steady" and one.round is not None]


def _with_a_core(sample: Sample) -> float:
    """Seconds without waits, and never less than a processor worked.

    Waits between their reading and that of the clock are counted too: beside other work in a quarter of samples.
    """
    return max(min(sample.cpu_seconds, sample.seconds), sample.seconds - (sample.waited_seconds or 0.0))
