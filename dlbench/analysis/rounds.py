"""Seconds a step by round of a group in lockstep: as the clock saw them, or without the time that lacked a core.

A program that is ready and has no core waits for a neighbour: on a busy machine that is noise of several percent, and
it draws ratios towards 1 where turns are shorter than the scheduler's slices. Linux counts it for every thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dlbench.analysis.memo import by_run
from dlbench.record.schema import Run, Sample

ByRound = Callable[[Run], Mapping[int, float]]
KNOWN = 0.9
"""Share of samples whose waits must be known."""
OWN = 0.005
"""CPU seconds of a program's own processes, for each second of its steps, that no verdict could tell from none."""


def by_round_of(runs: Iterable[Run]) -> ByRound:
    """The seconds in which arms are compared: without waiting if it is known of all of them, else the clock's."""
    return with_a_core if all(map(waits_are_known, runs)) else by_round


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
def waits_are_known(run: Run) -> bool:
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
    return bool(samples) and sum(sample.waited_seconds is not None for sample in samples) >= KNOWN * len(samples)


def _paired(run: Run) -> list[tuple[int, Sample]]:
    return [(one.round, one) for one in run.samples if one.stage == "steady" and one.round is not None]


def _with_a_core(sample: Sample) -> float:
    """Seconds without waits, and never less than a processor worked.

    Waits between their reading and that of the clock are counted too: beside other work in a quarter of samples.
    """
    return max(min(sample.cpu_seconds, sample.seconds), sample.seconds - (sample.waited_seconds or 0.0))
