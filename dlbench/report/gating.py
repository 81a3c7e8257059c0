"""The gate in words: passes, failures, and their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.analysis.gate import Outcome
from dlbench.report.document import Block, Bullets, Heading
from dlbench.report.units import format_interval


def blocks(outcomes: Sequence[Outcome], refused: str = "") -> Iterator[Block]:
    """A heading with a line a condition, and one for every pair that did not pass; nothing if nothing was gated."""
    lines = [f"not gated: {refused}"] if refused else list(_lines(outcomes))
    if lines:
        yield Heading(2, "Gate")
        yield Bullets(lines)


def _lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for condition in dict.fromkeys(one.condition for one in outcomes):
        mine = [one for one in outcomes if one.condition == condition]
        yield f"{condition}: {sum(one.result == 'passed' for one in mine)} of {len(mine)} passed"
        yield from (_line(one) for one in mine if one.result != "passed")


def _line(found: Outcome) -> str:
    ratio = "" if found.ratio is None else f", ratio {format_interval(found.ratio, '')}"
    reason = f" ({found.reason})" if found.reason else ""
    return f"{found.result} of {found.condition}: {found.pair}{ratio}{reason}"
