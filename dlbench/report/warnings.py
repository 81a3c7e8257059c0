"""Warnings that a reader must know before believing the figures: read from the Runs, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dlbench.analysis import pairs, pooling
from dlbench.analysis.labels import Labels
from dlbench.record.parity import Parity
from dlbench.record.schema import Run
from dlbench.report import doubts, parity
from dlbench.report.actual import not_as_given
from dlbench.report.arm_warnings import arm_warnings, contradicting, oversubscribed
from dlbench.report.configuration import MUST_AGREE, Fairness
from dlbench.report.doubts import Sections
from dlbench.report.machine import machine_warnings
from dlbench.spec import Workload


def warnings(
    runs: Iterable[Run],
    parities: Iterable[Parity],
    built: Sequence[Fairness],
    sections: Sections,
) -> Iterator[str]:
    """All that applies, the most serious first; `built` and `sections` are those of the report."""
    by_workload = pairs.by_workload(runs)
    runs = [run for of_load in by_workload.values() for run in of_load]
    names = Labels(by_workload)
    yield from parity.warnings(parities)
    yield from _unlike(runs, built)
    for load, of_load in by_workload.items():
        for label, of_arm in pairs.arms(of_load).items():
            yield from (f"{names.arm(load, label)}: {text}" for text in arm_warnings(of_arm))
    yield from contradicting(by_workload, names)
    yield from not_as_given(by_workload, names)
    yield from doubts.lines(by_workload, names, sections)
    yield from oversubscribed(by_workload, names)
    yield from doubts.drift(names, sections)
    yield from machine_warnings(runs)
    yield from _in_parts(by_workload, names)
    yield from _not_in_parts(runs, names)
    yield from _alone(by_workload)


def _unlike(runs: Sequence[Run], built: Sequence[Fairness]) -> Iterator[str]:
    for table in built:
        for row in table.rows:
            if row.differs and row.name in MUST_AGREE:
                said = ", ".join(f"{arm} {got}" for arm, got in zip(table.arms, row.got, strict=True))
                yield f"{table.subject}: the arms differ in {row.name}: {said}"
    machines = pooling.kinds(runs)
    if len(machines) > 1:
        yield f"the Runs come from {len(machines)} kinds of machine: {'; '.join(machines)}"
    yield from pooling.mixed(runs)


def _in_parts(by_workload: Mapping[Workload, Sequence[Run]], names: Labels) -> Iterator[str]:
    """Workloads whose arms did not fit into memory together."""
    for load, runs in by_workload.items():
        if (parts := 1 + max(run.part for run in runs)) > 1:
            yield (
                f"{names.title(load)}: memory does not hold all arms together, so they were "
                f"measured in {parts} parts; arms take turns only within their part"
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
        yield (
            "only one configuration was measured: absolute times include this machine's drift; "
            "measure two side by side for a reliable ratio"
        )
