"""Processors, threads and precision: actual values of a process that differ from the requested ones."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET

from dlbench.analysis import metrics, pairs
from dlbench.analysis.labels import Labels
from dlbench.record.processors import Actual, Pool
from dlbench.record.schema import Run
from dlbench.spec import Workload
from dlbench.stats.ranges import spans

SLACK = 0.1
"""Cores that clocks, a helper thread or an idle wait may add to or take from the cores that threads keep busy."""


def not_as_given(by_workload: Mapping[Workload, Sequence[Run]], names: Labels) -> Iterator[str]:
    """A line for each arm and fault, and one for all arms that left about half of their threads or more idle."""
    idle: dict[int, list[str]] = {}
    for load, of_load in by_workload.items():
        for label, of_arm in pairs.arms(of_load).items():
            arm, ended_well = names.arm(load, label), [run for run in of_arm if run.ok]
            busy, given = _busy(ended_well), of_arm[0].spec.process_threads
            if load.threads > 1 and busy is not None and round(busy, 2) <= given / 2 + SLACK:
                idle.setdefault(given, []).append(f"{arm} {busy:.2f}")
            yield from (f"{arm}: {text}" for text in (*_beyond(busy, given), *_facts(ended_well)))
    for threads, arms in idle.items():
        yield (
            f"given {threads} threads, and at most {threads / 2 + SLACK:.3g} cores kept busy (half of the threads, "
            f"and {SLACK:g} for clocks and waits; CPU over wall seconds): "
            f"{'; '.join(arms)}: steps too small to be shared, other programs on the cores, or a setting that did not "
            "take; compare with --threads 1"
        )
    yield from _replaced([run for of_load in by_workload.values() for run in of_load])


def _busy(runs: Sequence[Run]) -> float | None:
    """Cores that an arm on the CPU kept busy, the median over processes; None if it was not read."""
    found = [busy for run in runs if (busy := metrics.cores_busy(run)) is not None]
    on_cpu = all(run.info is not None and run.info.device == "cpu" for run in runs)
    return statistics.median(found) if found and on_cpu else None


def _beyond(busy: float | None, threads: int) -> Iterator[str]:
    if busy is not None and busy > threads + max(SLACK, SLACK * threads):
        yield (
            f"given {_threads(threads)}, kept {busy:.2f} cores busy (CPU over wall seconds): it computes with more "
            "than it was given, and so not under the terms of the other arms"
        )


def _facts(runs: Sequence[Run]) -> Iterator[str]:
    found = Counter(text for run in runs if run.actual is not None for text in _of_process(run, run.actual))
    for text, number in found.items():
        yield f"{text}; in {number} of {len(runs)} processes" if number < len(runs) else text


def _of_process(run: Run, actual: Actual) -> Iterator[str]:
    threads, held_to, cpus = run.spec.process_threads, actual.held_to, actual.cpus
    if held_to and len(held_to) < threads:
        yield f"given {threads} threads on {len(held_to)} processors, which they share by turns; give fewer"
    if len(cpus) < min(threads, len(held_to)):
        yield (
            f"given {threads} threads, which may run on processor {spans(cpus)} alone; GOMP_CPU_AFFINITY, OMP_PLACES, "
            "OMP_PROC_BIND or the plugin itself holds them there"
        )
    if set(cpus) - set(held_to):
        yield (
            f"held to processors {spans(held_to)}, it moved itself to {spans(cpus)}, and so does not compute under "
            "the terms of the other arms"
        )
    limits = run.environment.limits if run.environment is not None else None
    if limits is not None and limits.cpu_quota is not None and limits.cpu_quota < threads:
        yield (
            f"given {_threads(threads)} in a control group whose quota is {limits.cpu_quota:.3g} cores; raise it, "
            "or give fewer"
        )
    rounding = "" if run.spec.variant is UNSET else run.spec.variant.rounding
    if actual.taken_in and not {run.spec.precision, rounding} & set(actual.taken_in):
        yield (
            f"asked for precision {run.spec.precision}, it multiplies in {' or '.join(actual.taken_in)}: its outputs "
            "show that, whatever the plugin says; its times say nothing of the precision that was asked for"
        )
    for pool in actual.pools:
        yield from _of_pool(pool, min(threads, len(held_to) or threads))


def _of_pool(pool: Pool, threads: int) -> Iterator[str]:
    starts = pool.threads if pool.limit is None else min(pool.threads, pool.limit)
    if starts < threads:
        limited = pool.limit is not None and pool.limit < threads
        why = (
            "its limit is lower (OMP_THREAD_LIMIT, KMP_ALL_THREADS); unset that" if limited else "the plugin set it so"
        )
        yield f"given {threads} threads, but {pool.library} starts {starts}: {why}, or give --threads {starts}"
    if starts > threads:
        yield f"given {_threads(threads)}, {pool.library} starts {starts}: the plugin set it so"
    if pool.dynamic and threads > 1:
        yield f"{pool.library} may start fewer than its {pool.threads} threads when it likes (OMP_DYNAMIC); unset that"


def _replaced(runs: Sequence[Run]) -> Iterator[str]:
    """Variables of the caller that say another number than the Spec; in dlbench's own process they stay in force."""
    found = {
        f"threads {run.spec.threads}, and {name}={value} of the caller's environment "
        + ("stayed in force (--isolation none)" if run.isolation == "none" else "was replaced")
        for run in runs
        for name, value in run.caller.items()
        if value.strip() != str(run.spec.threads)
    }
    yield from sorted(found)


def _threads(number: int) -> str:
    return f"{number} thread" if number == 1 else f"{number} threads"
