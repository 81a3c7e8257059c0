"""Warnings that a reader must know before believing the figures: read from the Runs, one line each."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dlbench.analysis import metrics, pairs, pooling
from dlbench.analysis.evidence import BUSY
from dlbench.analysis.labels import Labels
from dlbench.analysis.leaks import growth
from dlbench.record import proof
from dlbench.record.flags import FLAGS, HELPED, FlagName
from dlbench.record.schema import Load, Run
from dlbench.report.actual import not_as_given
from dlbench.report.configuration import MUST_AGREE, fairness
from dlbench.report.contradicting import contradicting
from dlbench.report.outliers import outlying
from dlbench.report.units import format_value
from dlbench.spec import Workload

STOLEN = 0.01
FAULTS = 1000
"""Pages read from the disk above which a process was not measured warm."""
WIDE = 0.05
"""Half-width of a throughput's interval, as a share, above which absolute figures say little."""


class Mark(NamedTuple):
    """A share of `whole`, what it means, above which it is worth a word, and what to do."""

    text: str
    of: Callable[[Load], float | None]
    limit: float
    advice: str
    whole: str = "the time"


MARKS = (
    Mark(
        "tasks waited for a core (CPU pressure)",
        lambda load: load.cpu_pressure,
        BUSY,
        "other programs, or more threads than cores; end them, or give fewer --threads",
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
        "a limit of the container; raise it, or give fewer --threads",
        "its periods",
    ),
)


def warnings(by_workload: Mapping[Workload, Sequence[Run]]) -> Iterator[str]:
    """All that applies, the most serious first."""
    runs = [run for of_load in by_workload.values() for run in of_load]
    names = Labels(by_workload)
    yield from _unlike(runs)
    for load, of_load in by_workload.items():
        for label, of_arm in pairs.arms(of_load).items():
            yield from (f"{names.arm(load, label)}: {text}" for text in _of_arm(of_arm))
    yield from contradicting(by_workload, names)
    yield from not_as_given(by_workload, names)
    yield from outlying(by_workload, names)
    yield from _drift(by_workload, names)
    loads = [run.load for run in runs if run.load is not None]
    yield from busy(loads)
    yield from _disk(loads)
    yield from _gpu(runs)
    yield from _slow_library(runs)
    yield from _in_parts(by_workload, names)
    yield from _not_in_parts(runs, names)
    yield from _alone(by_workload)


def _unlike(runs: Sequence[Run]) -> Iterator[str]:
    for table in fairness(runs):
        for row in table.rows:
            if row.differs and row.name in MUST_AGREE:
                said = ", ".join(f"{arm} {got}" for arm, got in zip(table.arms, row.got, strict=True))
                yield f"{table.subject}: the arms differ in {row.name}: {said}"
    machines = pooling.kinds(runs)
    if len(machines) > 1:
        yield f"the Runs come from {len(machines)} kinds of machine: {'; '.join(machines)}"
    yield from pooling.mixed(runs)


def _of_arm(runs: Sequence[Run]) -> Iterator[str]:
    ended_well = [run for run in runs if run.ok]
    planned = pairs.planned(runs)
    if 0 < len(ended_well) < planned:
        yield f"partial: {len(ended_well)} of {planned} processes"
    grew = [grown for run in ended_well if (grown := growth(run)) is not None]
    if grew:
        yield (
            f"memory grew by {format_value(statistics.median(grew), 'bytes')} a step in {len(grew)} of "
            f"{len(ended_well)} processes and was not given back: a leak, or a cache without bound; "
            "`dlbench check` looks closer"
        )
    for flag, text in FLAGS.items():
        number = sum(run.has(flag) for run in ended_well)
        if number:
            yield f"{number} of {len(ended_well)} processes {text}{_why(flag, ended_well)}"


def _why(flag: FlagName, runs: Sequence[Run]) -> str:
    """Reasons for breaks, and the parts that were left to Python, as the plugin gave them."""
    found = [(run.spec, run.compilation) for run in runs if run.has(flag) and run.compilation is not None]
    match flag:
        case "graph_breaks":
            said = [reason for _, one in found for reason in one.reasons]
        case "left_to_python":
            said = [", ".join(proof.left(spec, one)) if one.parts else "not said which" for spec, one in found]
        case _:
            said = []
    return f": {'; '.join(dict.fromkeys(said))}" if said else ""


def _drift(by_workload: Mapping[Workload, Sequence[Run]], names: Labels) -> Iterator[str]:
    widths = {
        (load, label): width
        for load, of_load in by_workload.items()
        for label, of_arm in pairs.arms(of_load).items()
        if (width := _half_width(of_arm)) > WIDE
    }
    if widths:
        worst = max(widths, key=lambda arm: widths[arm])
        yield (
            f"absolute figures drift: throughput is known within {widths[worst]:.0%} either way at worst "
            f"({names.arm(*worst)}); ratios of arms in lockstep hold better"
        )


def _half_width(runs: Sequence[Run]) -> float:
    """Half the interval of the throughput as a share of it; 0 where there is no interval."""
    found = metrics.over(metrics.METRICS["throughput"], runs)
    if found is None or found.low is None or found.high is None:
        return 0.0
    return (found.high - found.low) / 2 / found.value


def busy(loads: Sequence[Load]) -> Iterator[str]:
    """Number, likely cause and next action for each way in which the machine was not left alone."""
    for mark in MARKS:
        values = [value for load in loads if (value := mark.of(load)) is not None]
        above = [value for value in values if value > mark.limit]
        if above:
            often = (
                f" at worst, above {mark.limit:.0%} in {len(above)} of {len(values)} processes"
                if len(loads) > 1
                else ""
            )
            yield f"busy machine: {mark.text} {max(above):.0%} of {mark.whole}{often}; {_advice(mark, loads)}"
    unseen = sum(load.cpu_pressure is None for load in loads)
    if unseen:
        where = f" in {unseen} of {len(loads)} processes" if len(loads) > 1 else ""
        yield (
            f"busy or not: the system did not say how long tasks waited for a core (/proc/pressure/cpu){where}, "
            "so other programs would not show; look for them (top), or measure on a Linux that shows it (psi=1)"
        )


def _advice(mark: Mark, loads: Sequence[Load]) -> str:
    """Processes that plugins start are named before programs of others: they are part of what is measured."""
    helped = max((load.helper_cpu or 0.0 for load in loads), default=0.0)
    if mark.limit != BUSY or helped <= HELPED:
        return mark.advice
    return (
        f"the plugins' own processes took up to {helped:.2f} CPU seconds for each second of their steps; "
        f"give them fewer processes, and if that is not enough: {mark.advice}"
    )


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


def _in_parts(by_workload: Mapping[Workload, Sequence[Run]], names: Labels) -> Iterator[str]:
    """Parts of a group are numbered as groups that follow the last."""
    for load, runs in by_workload.items():
        if (parts := 1 + max(run.group // run.groups for run in runs)) > 1:
            yield (
                f"{names.title(load)}: memory does not hold all arms together, so they were "
                f"measured in {parts} parts; arms take turns with those of their part alone"
            )


def _not_in_parts(runs: Sequence[Run], names: Labels) -> Iterator[str]:
    """Sizes come from processes that are discarded first; without them all arms are alive together."""
    full = [run for run in runs if run.status == "out-of-memory" and run.arms > 1 and not run.policy.discard]
    if full:
        arms = "; ".join(dict.fromkeys(names.spec(run.spec) for run in full))
        yield (
            f"{arms}: out of memory beside other arms, whose sizes were not known (no process is discarded first with "
            "--quick, --cold or --isolation none); measure without these options, or fewer arms at once"
        )


def _alone(by_workload: Mapping[Workload, Sequence[Run]]) -> Iterator[str]:
    if all(len(pairs.arms(runs)) == 1 for runs in by_workload.values()):
        yield "measured alone: absolute figures carry the drift of this machine; name two plugins or paths for a ratio"
