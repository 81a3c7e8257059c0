"""Failed and unsupported Specs in words: each reason once, with every Spec that it kept from running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dlbench.analysis.labels import Labels
from dlbench.record.flags import STATUSES, StatusName
from dlbench.report.document import Block, Code, Details, Paragraph, Table
from dlbench.report.section import Failure, Section


class _Place(NamedTuple):
    """Name of a failed arm: by phase and label alone, and in full."""

    arm: str
    full: str
    failure: Failure


def blocks(sections: Sequence[Section], title: str) -> Iterator[Block]:
    """A fold with a table of the reasons; then the output of processes that failed otherwise than by a refusal."""
    names = Labels(section.workload for section in sections)
    failed: dict[tuple[StatusName, str], list[_Place]] = {}
    for section in sections:
        for arm in section.arms:
            plain, full = f"{section.workload.phase}, {arm.label}", names.arm(section.workload, arm.label)
            for one in arm.failures:
                failed.setdefault((one.status, one.reason), []).append(_Place(plain, full, one))
    if not failed:
        return
    number = Counter(status for (status, _), found in failed.items() for _ in found)
    summary = ", ".join(f"{times} {status}" for status, times in number.items())
    serious = any(STATUSES[status].failed for status in number)
    yield Details(title, list(_reasons(failed, sections)), summary, unfolded=serious)


def _reasons(failed: Mapping[tuple[StatusName, str], list[_Place]], sections: Sequence[Section]) -> Iterator[Block]:
    measured = Counter(f"{section.workload.phase}, {arm.label}" for section in sections for arm in section.arms)
    yield Table(["", "Status", "Processes", "Reason"], [_row(*why, found, measured) for why, found in failed.items()])
    for place in (place for found in failed.values() for place in found):
        if place.failure.output_tail.strip() and STATUSES[place.failure.status].failed:
            yield Paragraph(f"{place.full}: the last output of the process")
            yield Code(place.failure.output_tail)


def _row(status: str, reason: str, found: Sequence[_Place], measured: Counter[str]) -> list[str]:
    """An arm that this kept from running everywhere is named without the places."""
    times = Counter(place.arm for place in found)
    named = [place.arm if times[place.arm] == measured[place.arm] else place.full for place in found]
    processes = f"{sum(place.failure.runs for place in found)}{f' in {len(found)} arms' if len(found) > 1 else ''}"
    return ["; ".join(dict.fromkeys(named)), status, processes, reason]
