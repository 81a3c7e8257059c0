"""The answer of a bisection as it is kept and shown, with the names of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from dlbench.stats.bisection.decisions import ALARM, Known
from dlbench.stats.bisection.search import Outcome, Row, Status
from dlbench.stats.bisection.strip import Point


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the transcript: `ratio` is to the old end of its stretch, `whole` that of both ends."""

    kind: str
    name: str
    title: str = ""
    old: str = ""
    new: str = ""
    verdict: str
    ratio: Known | None = None
    whole: Known | None = None
    seconds: float = 0.0
    reason: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A step between two members: its ratio, the packages that differ, and the command that shows it again.

    `skipped` members between them could not be measured.
    """

    before: str
    after: str
    title: str = ""
    ratio: Known | None = None
    verdict: str
    skipped: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    again: str = ""


class Bisection(msgspec.Struct, frozen=True, kw_only=True):
    """A whole search. All decisions hold together in all but `error` of searches."""

    subject: str
    metric: str
    arm: str
    status: Status
    members: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    changes: tuple[Change, ...] = ()
    several: bool = False
    reason: str = ""
    ranges: tuple[tuple[str, str], ...] = ()
    points: tuple[Line, ...] = ()
    error: float = ALARM


def line(row: Row, names: Sequence[str], titles: Sequence[str], seconds: float) -> Line:
    """A row with names; of a strip, `whole` is the ratio to the neighbour before."""
    return Line(
        kind=row.kind,
        name=names[row.place],
        title=titles[row.place],
        old=names[row.members[0]],
        new=names[row.members[-1]],
        verdict=row.verdict,
        ratio=row.to_old,
        whole=row.whole,
        seconds=seconds,
        reason=row.reason,
    )


def changes(
    outcome: Outcome, names: Sequence[str], titles: Sequence[str], facts: Mapping[int, tuple[tuple[str, ...], str]]
) -> tuple[Change, ...]:
    """The steps with names; `facts` has the packages that differ and the command, by the later side."""
    return tuple(
        Change(
            before=names[step.before],
            after=names[step.after],
            title=titles[step.after],
            ratio=step.ratio,
            verdict=step.verdict,
            skipped=tuple(names[one] for one in step.skipped),
            differing=facts[step.after][0],
            again=facts[step.after][1],
        )
        for step in outcome.steps
    )


def point(one: Point, names: Sequence[str], titles: Sequence[str]) -> Line:
    """A place of a strip with its name."""
    return Line(
        kind="strip",
        name=names[one.place],
        title=titles[one.place],
        verdict=one.verdict,
        ratio=one.to_old,
        whole=one.to_before,
        reason=one.reason,
    )
