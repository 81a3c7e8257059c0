"""Failed and unsupported Specs in words: each reason once, with every Spec that it kept from running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dlbench.analysis.labels import Labels
from dlbench.record.flags import STATUSES
from dlbench.report.document import Block, Code, Heading, Paragraph, Table
from dlbench.report.section import Failure, Section


class _Place(NamedTuple):
    """Name of a failed arm: by phase and label alone, and in full."""

    arm: str
    full: str
    failure: Failure


def blocks(sections: Sequence[Section], names: Labels) -> Iterator[Block]:
    """A table of the reasons; then the output of processes that failed otherwise than by a refusal."""
    failed: dict[tuple[str, str], list[_Place]] = {}
    for section in sections:
        for arm in section.arms:
            plain, full = f"{section.workload.phase}, {arm.label}", names.arm(section.workload, arm.label)
            for one in arm.failures:
                failed.setdefault((one.status, one.reason), []).append(_Place(plain, full, one))
    if not failed:
        return
    measured = Counter(f"{section.workload.phase}, {arm.label}" for section in sections for arm in section.arms)
    yield Heading(2, "Not run")
    yield Table(["", "Status", "Runs", "Reason"], [_row(*why, found, measured) for why, found in failed.items()])
    for place in (place for found in failed.values() for place in found):
        if place.failure.output_tail.strip() and STATUSES[place.failure.status].failed:
            yield Paragraph(f"{place.full}: the last output of the process")
            yield Code(place.failure.output_tail)


def _row(status: str, reason: str, found: Sequence[_Place], measured: Counter[str]) -> list[str]:
    """An arm that this kept from running everywhere is named without the places."""
    times = Counter(place.arm for place in found)
    named = [place.arm if times[place.arm] == measured[place.arm] else place.full for place in found]
    return ["; ".join(dict.fromkeys(named)), status, str(sum(place.failure.runs for place in found)), reason]
