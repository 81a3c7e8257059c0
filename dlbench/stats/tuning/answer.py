"""The answer of a race, and of a search for the largest batch, as they are kept and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from dlbench.stats.bisection.decisions import Known
from dlbench.stats.tuning.decisions import ALARM, TOLERANCE
from dlbench.stats.tuning.race import End

Status = Literal["found", "default", "undecided", "not measured"]
"""A setting is surely faster than the default; the default is recommended; not known; nothing could be measured."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """An arm of a race.

    `axes` are its values where the arms differ, by option. `ratio` is its seconds for a sample of data over those of
    the chosen one. Figures are a median throughput (samples/s), the median of single calls (s), peak bytes, and the
    error against the most exact form, None if they are not known. `left` is the way in which it left, with `reason`.
    On the `front` no other arm has both more throughput and a shorter call.
    """

    name: str
    axes: dict[str, str]
    groups: int
    ratio: Known | None = None
    throughput: float | None = None
    latency: float | None = None
    memory: float | None = None
    error: float | None = None
    left: End = ""
    reason: str = ""
    front: bool = False


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """A whole search. `error` bounds the chance that a `proven` choice is not within `tolerance` of the fastest.

    `speedup` is the speed of the chosen setting over that of the default, measured again in fresh processes; None if
    there was nothing to compare. `recommended` is the setting of `command`, and `settings` say what to set. `alike` are
    settings that are within 1 % of the chosen one by their means, or faster.
    """

    subject: str
    phase: str
    status: Status
    default: str
    chosen: str = ""
    recommended: str = ""
    proven: bool = False
    speedup: Known | None = None
    alike: tuple[str, ...] = ()
    arms: tuple[Setting, ...]
    limits: tuple[str, ...] = ()
    groups: int = 0
    processes: int = 0
    seconds: float = 0.0
    reason: str = ""
    command: str = ""
    settings: tuple[str, ...] = ()
    error: float = ALARM
    tolerance: float = TOLERANCE


class Largest(msgspec.Struct, frozen=True, kw_only=True):
    """The largest batch whose memory keeps the limit, by a line through measured peaks; bytes throughout.

    `measured` are batch sizes with their peaks, of which the last two checked the line. `margin` was kept of the free
    memory; 0 for a limit that was given.
    """

    subject: str
    phase: str
    batch_size: int
    limit: float
    margin: float = 0.0
    base: float
    each: float
    measured: tuple[tuple[int, float], ...]
    command: str = ""


class Place(NamedTuple):
    """Throughput and seconds of a call."""

    throughput: float
    latency: float


def front(places: Sequence[Place | None]) -> list[bool]:
    """True for those that no other beats in both, or in one at equality in the other; False where nothing is known."""
    known = [place for place in places if place is not None]
    return [place is not None and not any(_beats(other, place) for other in known) for place in places]


def _beats(one: Place, other: Place) -> bool:
    as_good = one.throughput >= other.throughput and one.latency <= other.latency
    return as_good and one != other
