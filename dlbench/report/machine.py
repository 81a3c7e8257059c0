"""Warnings about the machine during the measurements: other programs, memory, disk, GPU, slow libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from dlbench.analysis.evidence import BUSY, contended
from dlbench.analysis.rounds import by_round, waits_are_counted
from dlbench.record.flags import HELPED
from dlbench.record.schema import Load, Run
from dlbench.spec import workers

STOLEN = 0.01
FAULTS = 1000
"""Pages read from the disk above which a process was not measured warm."""


class Mark(NamedTuple):
    """A share of `whole`, its meaning, the limit above which it is worth a word, and a remedy.

    `several` is the remedy if an arm may have more than one thread.
    """

    text: str
    of: Callable[[Load], float | None]
    limit: float
    advice: str
    whole: str = "the time"
    several: str = ""


MARKS = (
    Mark(
        "tasks waited for a core (CPU pressure)",
        lambda load: load.cpu_pressure,
        BUSY,
        "other programs; end them",
        several="other programs, or more threads than cores; end them, or give fewer --threads",
    ),
    Mark(
        "tasks waited for memory (memory pressure)",
        lambda load: load.memory_pressure,
        STOLEN,
        "memory is short; end other programs, or measure fewer arms at once",
    ),
    Mark(
        "the hypervisor gave CPU time away (steal)",
        lambda load: load.steal,
        STOLEN,
        "other guests of the host; measure at another time or on a machine of one's own, and believe ratios alone",
    ),
    Mark(
        "the control group's quota of CPU was used up (throttling)",
        lambda load: load.throttled,
        STOLEN,
        "a limit of the container; raise it",
        "its periods",
        "a limit of the container; raise it, or give fewer --threads",
    ),
)


def machine_warnings(runs: Sequence[Run]) -> Iterator[str]:
    """All that applies to the machine of these Runs."""
    loads = [run.load for run in runs if run.load is not None]
    yield from busy(loads, one_thread=all(run.spec.threads == 1 and workers.count(run.spec) == 1 for run in runs))
    yield from _waits(runs)
    yield from _disk(loads)
    yield from _gpu(runs)
    yield from _slow_library(runs)


def busy(loads: Sequence[Load], *, one_thread: bool = False) -> Iterator[str]:
    """Number, likely cause and next action for each way in which the machine was not left alone.

    An arm of `one_thread` can have no fewer.
    """
    for mark in MARKS:
        values = [value for load in loads if (value := mark.of(load)) is not None]
        above = [value for value in values if value > mark.limit]
        if above:
            often = (
                f" at worst, above {mark.limit:.0%} in {len(above)} of {len(values)} processes"
                if len(loads) > 1
                else ""
            )
            advice = _advice(mark, loads, one_thread=one_thread)
            yield f"busy machine: {mark.text} {max(above):.0%} of {mark.whole}{often}; {advice}"
    unseen = sum(load.cpu_pressure is None for load in loads)
    if unseen:
        where = f" in {unseen} of {len(loads)} processes" if len(loads) > 1 else ""
        yield (
            "CPU pressure unknown: the system did not report how long tasks waited for a core (/proc/pressure/cpu)"
            f"{where}, so other programs would not show; look for them (top), or use a Linux that shows it (psi=1)"
        )


def _advice(mark: Mark, loads: Sequence[Load], *, one_thread: bool) -> str:
    """Processes that plugins start are named before programs of others: they are part of the measurement."""
    helped = max((load.helper_cpu or 0.0 for load in loads), default=0.0)
    advice = mark.advice if one_thread else mark.several or mark.advice
    if mark.limit != BUSY or helped <= HELPED:
        return advice
    return (
        f"the plugins' own processes took up to {helped:.2f} CPU seconds for each second of their steps; "
        f"give them fewer processes, and if that is not enough: {advice}"
    )


def _waits(runs: Sequence[Run]) -> Iterator[str]:
    """Ratios on a busy machine are not those of the seconds shown."""
    if not contended(runs):
        return
    known = [waits_are_counted(run) for run in runs if run.ok and by_round(run)]
    if any(known):
        of_both = "" if all(known) and not _unsure(runs) else " if it is known of both arms"
        yield (
            "in ratios of arms that took turns, time in which a program was ready and had no core is left out"
            f"{of_both}; seconds a step and throughput hold it"
        )


def _unsure(runs: Iterable[Run]) -> bool:
    """True if the waits of some round are not known."""
    return any(one.waited_seconds is None for run in runs for one in run.samples if one.round is not None)


def _disk(loads: Sequence[Load]) -> Iterator[str]:
    faults = [load.major_faults or 0 for load in loads]
    above = [number for number in faults if number > FAULTS]
    if above:
        yield (
            f"{max(above):,} pages were read from the disk (major faults) in a process at worst, above {FAULTS:,} in "
            f"{len(above)} of {len(faults)}: memory is short or files were not cached; measure again"
        )


def _gpu(runs: Sequence[Run]) -> Iterator[str]:
    on_gpu = [
        run for run in runs if run.info is not None and run.info.device.startswith("gpu") and run.load is not None
    ]
    found = [run.load.gpu for run in on_gpu if run.load is not None and run.load.gpu is not None]
    if len(found) < len(on_gpu):
        yield (
            f"clocks, temperature and power of the GPU were not read in {len(on_gpu) - len(found)} of {len(on_gpu)} "
            "processes, so throttling would not show, and that a GPU was at work is the plugin's word alone; on "
            "NVIDIA: pip install 'dlbench[gpu]'"
        )
    slowed = [gpu for gpu in found if gpu.limited_by]
    if slowed:
        worst = min(slowed, key=lambda gpu: gpu.clock_mhz / max(1, gpu.clock_limit_mhz))
        yield (
            f"the GPU was held back by {', '.join(worst.limited_by)} in {len(slowed)} of {len(found)} processes: "
            f"at worst {worst.clock_mhz:,} of {worst.clock_limit_mhz:,} MHz, {worst.temperature} °C, "
            f"{worst.power_watts:.0f} of {worst.power_limit_watts:.0f} W; "
            "cool it, raise its limit, or lock its clocks lower (nvidia-smi -lgc)"
        )


def _slow_library(runs: Iterable[Run]) -> Iterator[str]:
    """MKL takes a slower path on processors that are not its maker's; it can explain a difference."""
    slow = [
        run.spec.plugin
        for run in runs
        if run.environment is not None
        and run.environment.cpu_vendor == "AuthenticAMD"
        and run.info is not None
        and "mkl" in run.info.details.get("BLAS", "").lower()
    ]
    if slow:
        names = ", ".join(dict.fromkeys(slow))
        yield f"{names}: matrix products come from MKL, which on AMD processors is slower than other libraries"
