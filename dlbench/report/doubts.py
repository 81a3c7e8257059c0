"""Figures that are not to be believed: groups far from the others, impossible shares, wide intervals, long tails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS
from dlbench.record.schema import Run
from dlbench.report.outliers import outlying
from dlbench.report.section import Arm, Section
from dlbench.report.units import format_interval, format_value
from dlbench.spec import Workload

Sections = Sequence[Section]
WIDE = 0.05
"""Half-width of a throughput's interval, as a share, above which absolute figures say little."""
TAIL = 3.0
"""Times of the median latency from which the 99th percentile is worth a word."""
SHOWN = 4
"""Figures that a line names one by one."""
SHARE, MEDIAN, FAR = "utilization", "latency_p50", "latency_p99"


def lines(by_workload: Mapping[Workload, Sequence[Run]], names: Labels, sections: Sections) -> Iterator[str]:
    """A line for each pair with outlying groups, and one for each kind of doubtful figure."""
    yield from outlying(by_workload, names)
    found: dict[str, list[str]] = {}
    for section in sections:
        for arm in section.arms:
            for kind, figure in _doubtful(arm):
                found.setdefault(kind, []).append(f"{names.arm(section.workload, arm.label)} {figure}")
    for kind, figures in found.items():
        more = f"; and {len(figures) - SHOWN} more" if len(figures) > SHOWN else ""
        yield f"{kind}: {'; '.join(figures[:SHOWN])}{more}"


def drift(names: Labels, sections: Sections) -> Iterator[str]:
    """One line for the arm with the least precise throughput, if that is imprecise."""
    widths = {(section.workload, arm.label): _half_width(arm) for section in sections for arm in section.arms}
    wide = {arm: width for arm, width in widths.items() if width > WIDE}
    if wide:
        worst = max(wide, key=lambda arm: wide[arm])
        yield (
            f"absolute figures drift: throughput is known within {wide[worst]:.0%} either way at worst "
            f"({names.arm(*worst)}); ratios of arms in lockstep hold better"
        )


def _half_width(arm: Arm) -> float:
    """Half the interval of the throughput as a share of it; 0 if there is no interval."""
    found = arm.metrics.get("throughput")
    if found is None or found.low is None or found.high is None:
        return 0.0
    return (found.high - found.low) / 2 / found.value


def _doubtful(arm: Arm) -> Iterator[tuple[str, str]]:
    """The kind of each doubt, with the figure."""
    of = arm.metrics
    if (share := of.get(SHARE)) is not None and max(share.value, share.high or 0.0) > 1.0:
        kind = "no step is faster than the machine: shares of its peak whose interval passes 100 % are not known"
        yield kind, format_interval(share, METRICS[SHARE].unit)
    for name, one in of.items():
        if one.low is not None and one.high is not None and one.high - one.low > abs(one.value) > 0:
            unit = METRICS[name].unit
            yield (
                "intervals wider than their value, which is then only a size",
                f"{METRICS[name].title} {format_interval(one, unit)}",
            )
    middle, far = of.get(MEDIAN), of.get(FAR)
    if middle is not None and far is not None and far.value > TAIL * middle.value:
        kind = f"the slowest steps (p99) take more than {TAIL:g} times as long as the median one"
        yield kind, f"{format_value(far.value, 's')} beside {format_value(middle.value, 's')}"
