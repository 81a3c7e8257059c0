"""The gate in words: passes, failures, and their reasons."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from dlbench.analysis import gate
from dlbench.analysis.gate import Outcome
from dlbench.report.document import Block, Bullets, Details, Heading, Table
from dlbench.report.units import format_interval

ORDER = ("regression", "underpowered", "inconclusive", "passed")
"""Results, the most serious first."""


def blocks(outcomes: Sequence[Outcome], refused: str = "") -> Iterator[Block]:
    """A heading with a line a condition, and one for every pair that did not pass; nothing if nothing was gated."""
    lines = [f"not gated: {refused}"] if refused else list(_lines(outcomes))
    if lines:
        yield Heading(2, "Gate")
        yield Bullets(lines)


def title(outcomes: Sequence[Outcome], refused: str = "") -> str:
    """The outcome in a few words; empty if nothing was gated."""
    if refused:
        return "Gate refused"
    if not outcomes:
        return ""
    word = {gate.FINE: "passed", gate.REGRESSION: "failed"}.get(gate.exit_code(outcomes, strict=False), "undecided")
    found = Counter[str](one.result for one in outcomes)
    counts = ", ".join(f"{found[result]} {result}" for result in ORDER if found[result])
    return f"Gate {word}: {counts}"


def undecided(outcomes: Sequence[Outcome], refused: str = "") -> list[str]:
    """A line for each outcome that did not pass, the most serious and largest first, or the refusal."""
    found = [one for one in outcomes if one.result != "passed"]
    found.sort(key=lambda one: (ORDER.index(one.result), -_size(one)))
    return [f"not gated: {refused}"] if refused else [line(one) for one in found]


def details(outcomes: Sequence[Outcome]) -> Iterator[Details]:
    """A fold with every pair and condition; nothing if nothing was gated."""
    if outcomes:
        rows = [_cells(one) for one in sorted(outcomes, key=lambda one: ORDER.index(one.result))]
        table = Table(["", "Condition", "Ratio", "Result", "Minimum detectable change", "Reason"], rows)
        yield Details("Gate, every pair", [table], f"{len(rows)}")


def line(found: Outcome) -> str:
    """One outcome in a sentence."""
    ratio = "" if found.ratio is None else f", ratio {format_interval(found.ratio, '')}"
    reason = f" ({found.reason})" if found.reason else ""
    return f"{found.result} of {found.condition}{ratio}: {found.pair}{reason}"


def _lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for condition in dict.fromkeys(one.condition for one in outcomes):
        mine = [one for one in outcomes if one.condition == condition]
        yield f"{condition}: {sum(one.result == 'passed' for one in mine)} of {len(mine)} passed"
        yield from (line(one) for one in mine if one.result != "passed")


def _cells(one: Outcome) -> list[str]:
    could = "–" if one.could_show is None else f"{one.could_show:.1%}"
    return [one.pair, one.condition, format_interval(one.ratio, ""), one.result, could, one.reason]


def _size(one: Outcome) -> float:
    return abs(math.log(one.ratio.value)) if one.ratio is not None and one.ratio.value > 0 else 0.0
