"""The page of the price of speed: an answer for each option, the table of what was measured, and what was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlbench.report.fidelity import WHATS

BASE = "base"
"""Name of the plain arm."""
Row = dict[str, Any]
Parts = Mapping[str, Mapping[str, Row]]
"""The rows of each part, by variant."""


def page(parts: Parts, size: str, every: Mapping[str, Sequence[str]]) -> str:
    """All parts as a page; `every` names the parts that there can be, and the options of each."""
    head = ("arm", "variant", "step time, ratio", *WHATS, "bits agree", "within its precision")
    return "\n".join(
        [
            "# The price of speed",
            "",
            f"Options at size {size}, each beside the plain arm in lockstep: the ratio of step times with its 95 %",
            "interval, and relative errors in the 2-norm of outputs, first gradients and the losses of 20 steps.",
            "Made by `python -m studies.price_of_speed`.",
            "",
            *_answers(parts),
            "",
            "## Each option",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *(line(arm, name, row) for arm, rows in parts.items() for name, row in rows.items() if not _why(row)),
            "",
            "## Where it was measured",
            "",
            *_places(parts),
            *_processes_of(parts),
            "",
            "## What was not measured",
            "",
            *_reasons(parts),
            *_missing(parts, every),
            "",
        ]
    )


def _answers(parts: Parts) -> Iterator[str]:
    """Of each option the number of arms that it makes faster or slower, how far, and its largest error of outputs."""
    by_name: dict[str, list[tuple[str, Row]]] = {}
    for arm, rows in parts.items():
        for name, row in rows.items():
            if name != BASE and not _why(row) and row["ratio"] is not None:
                by_name.setdefault(name, []).append((arm, row))
    for name, found in by_name.items():
        known = [(arm, row["ratio"]) for arm, row in found if None not in row["ratio"]]
        faster = [one for one in known if one[1][2] < 1]
        slower = [one for one in known if one[1][1] > 1]
        error = max((row["errors"].get("outputs", 0.0) for _, row in found), default=0.0)
        yield (
            f"- `{name}`, {len(found)} arms: {_far('faster', faster, min)}, {_far('slower', slower, max)}, not told "
            f"apart in {len(found) - len(faster) - len(slower)}; outputs differ by {error:.1e} at most."
        )


def _far(word: str, found: Sequence[tuple[str, Sequence[float]]], most: Any) -> str:
    if not found:
        return f"{word} in none"
    arm, ratio = most(found, key=lambda one: one[1][0])
    return f"{word} in {len(found)} (most: {arm}, {ratio[0]:.3f})"


def _places(parts: Parts) -> Iterator[str]:
    """Machines and threads of all parts, a line each; with several, each names its parts."""
    found: dict[tuple[str, int], list[str]] = {}
    for name, rows in parts.items():
        for place in dict.fromkeys((row["machine"], row["threads"]) for row in rows.values() if "machine" in row):
            found.setdefault(place, []).append(name)
    for (machine, threads), names in found.items():
        yield f"- {machine}, threads {threads}{': ' + ', '.join(names) if len(found) > 1 else ''}"


def _processes_of(parts: Parts) -> Iterator[str]:
    numbers = {name: processes(rows) for name, rows in parts.items()}
    for many in sorted({*numbers.values()} - {0}):
        yield f"- {many} processes an arm: {', '.join(name for name, number in numbers.items() if number == many)}"


def _reasons(parts: Parts) -> Iterator[str]:
    """A line for each reason of a refusal or a failure, with its option and its arms."""
    found: dict[tuple[str, str], list[str]] = {}
    for arm, rows in parts.items():
        for name, row in rows.items():
            if why := _why(row):
                found.setdefault((name, _plain(why, name, arm)), []).append(arm)
    for (name, said), arms in found.items():
        yield f"- `{name}`: {said} ({', '.join(arms)})"


def _plain(why: str, name: str, arm: str) -> str:
    """A refusal without the option and the arm that it begins with, which differ where the reason is one."""
    said = why.removeprefix("dlbench: ")
    if said.startswith(f"--variant {name}="):
        return said.partition(": ")[2]
    return said.removeprefix(f"{arm.replace(':', ' on the path ')}: ")


def _missing(parts: Parts, every: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if missing := [name for name in every if name not in parts]:
        yield f"- not tried yet: {', '.join(missing)}"
    for arm, names in every.items():
        if left := [name for name in names if name not in parts.get(arm, names)]:
            yield f"- not tried yet with {arm}: {', '.join(left)}"


def processes(rows: Mapping[str, Row]) -> int:
    """Processes an arm of a part; 0 if nothing of it was measured."""
    return max((row.get("processes", (0, 0))[1] for row in rows.values()), default=0)


def line(arm: str, name: str, row: Row) -> str:
    """A row of the table."""
    if why := _why(row):
        return f"| {arm} | {name} | {why} |{' |' * (len(WHATS) + 2)}"
    good, planned = row.get("processes", (0, 0))
    ratio = "1" if name == BASE else _shown(row["ratio"])
    less = f"; {good} of {planned} processes" if good < planned else ""
    errors = [f"{row['errors'][what]:.1e}" if what in row["errors"] else "" for what in WHATS]
    same = {True: "yes", False: "NO", None: "not checked"}[row["same"]]
    return f"| {' | '.join((arm, name, ratio + less, *errors, row['bits'], same))} |"


def _why(row: Row) -> str:
    """The reason that there is nothing of a row; empty if something was measured."""
    good, planned = row.get("processes", (0, 0))
    return row["why"] or (row["failed"] if not good and planned else "")


def _shown(ratio: Sequence[float | None] | None) -> str:
    if ratio is None:
        return "not measured"
    value, *ends = ratio
    interval = " to ".join(f"{end:.3f}" for end in ends if end is not None)
    return f"{value:.3f} ({interval or 'no interval'})"
