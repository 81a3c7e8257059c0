"""METRICS: all figures read from a Run, each a name, a unit, a direction and a function Run -> number.

A metric is None if the Run lacks the data for it. Nothing is read from a Run that did not end well.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from dlbench.analysis.leaks import growth
from dlbench.analysis.learnt import quality_at_budget, seconds_to_target, steps_to_target
from dlbench.analysis.memo import by_run
from dlbench.analysis.memory import (
    device_memory_peak,
    driver_memory,
    memory_above,
    memory_baseline,
    memory_peak,
    memory_total,
)
from dlbench.analysis.scaling import efficiency, efficiency_beside
from dlbench.analysis.series import steps_of
from dlbench.record.flags import FlagName
from dlbench.record.schema import TRAINING, Run, Stage
from dlbench.spec import PHASES, PhaseName, workers
from dlbench.stats.estimates import Estimate, estimate, percentile

TIMED: tuple[PhaseName, ...] = tuple(name for name, phase in PHASES.items() if phase.timed)
TO_TARGET: tuple[PhaseName, ...] = tuple(name for name, phase in PHASES.items() if not phase.timed)
NEVER_STEADY: tuple[FlagName, ...] = ("unstable", "drifted", "not_settled")
"""Flags of Runs whose steady samples may be no steady state."""


class Metric(NamedTuple):
    """One row of METRICS.

    `unit` is one of `s`, `bytes`, `samples/s`, `FLOP/s`, `%` (a share), `steps` and empty for the task's own. `better`
    is None if neither direction is. `table` is the table of a report that shows it. `pooled` takes the Runs together if
    one is too short by itself.

    `gate` names the condition of `--fail-on` that fails when the metric gets worse; if it is empty, no condition uses
    the metric. `compared` metrics have rows in a comparison of two reports. `fresh_only` metrics are None for a process
    that is not fresh. `paired` is the comparison of arms in lockstep: by rounds of steady steps, or by one number a
    process. `stage` names samples that only the first processes of an adaptive session have: others do not count. Every
    program that ran in one of the phases has an `expected` metric, unless its steps never became steady. `contended`
    replaces `of` between two sessions on a busy machine.
    """

    title: str
    unit: str
    better: Literal["higher", "lower"] | None
    table: Literal["headline", "once", "memory", "learning", "scaling"]
    of: Callable[[Run], float | None]
    phases: tuple[PhaseName, ...] = tuple(PHASES)
    pooled: Callable[[Sequence[Run]], float | None] | None = None
    gate: str = ""
    compared: bool = False
    fresh_only: bool = False
    paired: Literal["rounds", "process"] = "process"
    expected: bool = False
    contended: Callable[[Run], float | None] | None = None
    stage: Stage | None = None

    @property
    def sign(self) -> int:
        """1 if a larger value is worse, -1 if it is better."""
        return -1 if self.better == "higher" else 1


def conditions() -> list[str]:
    """The conditions with a threshold that `--fail-on` knows."""
    return list(dict.fromkeys(metric.gate for metric in METRICS.values() if metric.gate))


def gated_by(condition: str) -> list[str]:
    """The metrics that a condition looks at; none for `counts`."""
    return [name for name, metric in METRICS.items() if metric.gate and metric.gate == condition]


def compared() -> list[str]:
    """The metrics that a comparison of two reports shows."""
    return [name for name, metric in METRICS.items() if metric.compared]


def over(metric: Metric, runs: Sequence[Run]) -> Estimate | None:
    """The metric over processes, one number each; pooled, without an interval, if some are too short for it.

    An interval of seconds begins at 0 at the least.
    """
    runs = [run for run in runs if run.ok and (metric.stage is None or steps_of(run, metric.stage))]
    if not runs:
        return None
    values = [value for run in runs if (value := metric.of(run)) is not None]
    if metric.pooled is not None and len(values) < len(runs):
        pooled = metric.pooled(runs)
        return None if pooled is None else Estimate(pooled, n=len(runs))
    found = estimate(values) if values else None
    if found is None or found.low is None or found.low >= 0 or metric.unit != "s":
        return found
    return msgspec.structs.replace(found, low=0.0)


@by_run
def step_seconds(run: Run) -> float | None:
    """Median steady seconds a step."""
    steady = steps_of(run, "steady")
    return statistics.median(steady) if steady else None


def step_lower_quartile(run: Run) -> float | None:
    """Lower quartile of the steady seconds a step, which a contended machine disturbs less than their median."""
    return percentile(steps_of(run, "steady"), 25)


def throughput(run: Run) -> float | None:
    """Samples of data a second, of all workers: those of a step over the median steady step."""
    step = step_seconds(run)
    return workers.samples(run.spec) / step if step else None


@by_run
def cores_busy(run: Run) -> float | None:
    """CPU seconds over wall seconds of the timed steps; None if the CPU's were not read."""
    timed = [sample for sample in run.samples if sample.stage in ("steady", TRAINING)]
    seconds = math.fsum(sample.cpu_seconds for sample in timed)
    return seconds / math.fsum(sample.seconds for sample in timed) if seconds > 0 else None


def flop_rate(run: Run) -> float | None:
    """FLOPs that the architecture states for a step, over the median steady step; not the executed operations."""
    step = step_seconds(run)
    return run.flops_per_step / step if step and run.flops_per_step is not None else None


def utilization(run: Run) -> float | None:
    """Model FLOPs utilization (MFU): `flop_rate` over the rate of a large matrix product in the same process.

    The product has the framework, device, precision and threads of the Spec. Chowdhery et al. (2022, PaLM, section
    4.1) divide by the maker's figure instead, which no CPU has.
    """
    rate, peak = flop_rate(run), peak_flop_rate(run)
    return None if rate is None or peak is None else rate / peak


def peak_flop_rate(run: Run) -> float | None:
    """FLOP/s of a large matrix product in the same process; each framework has its own."""
    return run.peak_flop_rate or None


def latency(rank: float, run: Run) -> float | None:
    """Percentile of the seconds of single steps, each ended by the barrier."""
    return percentile(_latencies(run), rank)


@by_run
def _latencies(run: Run) -> Sequence[float]:
    """Their seconds, rising."""
    return sorted(steps_of(run, "latency"))


def pooled_latency(rank: float, runs: Sequence[Run]) -> float | None:
    """The same over the steps of all Runs together."""
    return percentile([seconds for run in runs for seconds in steps_of(run, "latency")], rank)


def once(phase: str, run: Run) -> float | None:
    """Seconds of work done once: `import`, `build`, `first_step`; a process that is not fresh has less to do."""
    if run.isolation != "fresh":
        return None
    return next((time.seconds for time in run.times if time.phase == phase), None)


def compile_seconds(run: Run) -> float | None:
    """First step minus the median steady step, if a compiler ran and found no compiled code on the disk."""
    compiled = run.info is not None and run.info.compiler is not None and cold(run)
    return _first_step_excess(run) if compiled else None


def cold(run: Run) -> bool:
    """True unless the compiler's cache on the disk is known to have held compiled code before the first compilation."""
    return run.compilation is None or run.compilation.cache not in ("not empty", "unknown")


def warm_compile_seconds(run: Run) -> float | None:
    """The same of a second model in the same process: the compiler's caches are warm."""
    return _excess("first_step_warm", run)


def warm_up_seconds(run: Run) -> float | None:
    """First step minus the median steady step, if nothing compiles: tracing, allocation and other late starts.

    0 if the first step was no longer than a steady one. None for a Run without a steady state: nothing to subtract.
    """
    eager = run.info is not None and run.info.compiler is None
    return _first_step_excess(run) if eager and not any(map(run.has, NEVER_STEADY)) else None


def _first_step_excess(run: Run) -> float | None:
    return _excess("first_step", run)


def _excess(phase: str, run: Run) -> float | None:
    """Seconds beyond the median steady step; 0 for what took no longer, as no time is negative."""
    first, step = once(phase, run), step_seconds(run)
    return None if first is None or step is None else max(0.0, first - step)


def _latency_row(rank: float) -> Metric:
    of, pooled = partial(latency, rank), partial(pooled_latency, rank)
    return Metric(f"Step latency p{rank:g}", "s", "lower", "headline", of, TIMED, pooled, stage="latency")


def _memory_row(title: str, phase: str, phases: tuple[PhaseName, ...] = tuple(PHASES)) -> Metric:
    title = f"{title} above import"
    return Metric(title, "bytes", "lower", "memory", partial(memory_above, phase), phases, fresh_only=True)


def _once_row(title: str, of: Callable[[Run], float | None], phases: tuple[PhaseName, ...] = tuple(PHASES)) -> Metric:
    return Metric(title, "s", "lower", "once", of, phases, fresh_only=True)


def _compile_row(title: str, of: Callable[[Run], float | None]) -> Metric:
    return Metric(title, "s", "lower", "headline", of, TIMED, fresh_only=True)


def _scaling_row(title: str, of: Callable[[Run], float | None]) -> Metric:
    return Metric(title, "%", "higher", "scaling", of, TIMED)


def _peak_row(title: str, of: Callable[[Run], float | None]) -> Metric:
    return Metric(title, "bytes", "lower", "headline", of)


METRICS: dict[str, Metric] = {
    "throughput": Metric("Throughput", "samples/s", "higher", "headline", throughput, TIMED, expected=True),
    "step_time": Metric(
        "Step time, median",
        "s",
        "lower",
        "headline",
        step_seconds,
        TIMED,
        gate="slower",
        compared=True,
        paired="rounds",
        expected=True,
        contended=step_lower_quartile,
    ),
    "latency_p50": _latency_row(50),
    "latency_p95": _latency_row(95),
    "latency_p99": _latency_row(99),
    "flop_rate": Metric("Achieved arithmetic", "FLOP/s", "higher", "headline", flop_rate, TIMED),
    "peak_flop_rate": Metric("Peak: a matrix product", "FLOP/s", "higher", "headline", peak_flop_rate, TIMED),
    "utilization": Metric("Share of that peak (MFU)", "%", "higher", "headline", utilization, TIMED),
    "compile_time": _compile_row("Compile time", compile_seconds)._replace(gate="compile", compared=True),
    "warm_compile_time": _compile_row("Compile time, warm", warm_compile_seconds),
    "memory_peak": _peak_row("Peak memory above import", memory_peak)._replace(
        gate="memory", compared=True, fresh_only=True
    ),
    "device_memory_peak": _peak_row("Peak device memory", device_memory_peak)._replace(gate="memory", compared=True),
    "driver_memory": _peak_row("Device memory by the driver", driver_memory),
    "import_time": _once_row("Import", partial(once, "import")),
    "build_time": _once_row("Build", partial(once, "build")),
    "first_step_time": _once_row("First step", partial(once, "first_step")),
    "warm_up_time": _once_row("First step beyond a steady one", warm_up_seconds, TIMED),
    "memory_baseline": Metric("Resident after import", "bytes", "lower", "memory", memory_baseline, fresh_only=True),
    "memory_task": _memory_row("Task's data, peak", "task"),
    "memory_build": _memory_row("Build, peak", "build"),
    "memory_first_step": _memory_row("First step, peak", "first_step"),
    "memory_steady": _memory_row("Steps thereafter, peak", "steady"),
    "memory_total": Metric("In all, peak", "bytes", "lower", "memory", memory_total, fresh_only=True),
    "memory_growth": Metric("Growth a step: a leak", "bytes", "lower", "memory", growth, TIMED),
    "efficiency": _scaling_row("Efficiency against one worker", efficiency),
    "efficiency_beside": _scaling_row("Efficiency against workers without exchange", efficiency_beside),
    "steps_to_target": Metric("Steps to target", "steps", "lower", "learning", steps_to_target, TO_TARGET),
    "seconds_to_target": Metric("Training time to target", "s", "lower", "learning", seconds_to_target, TO_TARGET),
    "quality_at_budget": Metric("Quality at budget", "", None, "learning", quality_at_budget, TO_TARGET),
}
