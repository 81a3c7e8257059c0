"""Pooling: Runs of one Spec that were made alike form one figure; others are listed with their differences.

The rule is one for all rows of `dlbench.analysis.provenance`: equal values are pooled, others never. A value that one
Run lacks is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from dlbench.analysis.provenance import FILES, ROWS, Provenance, Row, Values, against, machine_of, of_run, together
from dlbench.record.schema import Run
from dlbench.spec import REMEMBERED, Spec, arm_key


class Change(NamedTuple):
    """One value that differs between two sides."""

    row: Row
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        """The line that a report says of it."""
        name = "" if self.row.machine else f"{self.name} "
        before, after = (side.partition(FILES) for side in (self.before, self.after))
        if before[0] == after[0]:
            changed = f"{before[0]}, files differ ({before[2].strip(')')} became {after[2].strip(')')})"
        else:
            changed = f"{self.before} became {self.after}"
        return f"{self.row.text}: {name}{changed}"


def parted(runs: Iterable[Run]) -> list[Run]:
    """The Runs; Runs of one Spec that were made otherwise than its first become other arms.

    A Spec's `origin` numbers the provenance of its Runs, from 0 in order of appearance; a control and seeds that
    replicate are numbered with their arm. A value that one Run lacks is no difference.
    """
    pools: dict[Spec, list[Provenance]] = {}
    return [_with_origin(run, _number(pools.setdefault(_arm(run.spec), []), of_run(run))) for run in runs]


def by_origin(runs: Iterable[Run]) -> list[list[Run]]:
    """The Runs of one arm by origin, in their order."""
    found: dict[int, list[Run]] = {}
    for run in runs:
        found.setdefault(run.spec.origin, []).append(run)
    return [found[number] for number in sorted(found)]


def changes(before: Iterable[Run], after: Iterable[Run]) -> list[Change]:
    """Differences between two sides; a side whose Runs differ has all their values, in order of appearance."""
    return _differing(_joined(map(of_run, before)), _joined(map(of_run, after)))


def mixed(runs: Sequence[Run]) -> Iterator[str]:
    """A line for each kind of difference within arms that `parted` told apart, with its arms and processes."""
    found: dict[tuple[str, ...], dict[str, list[Run]]] = {}
    first: dict[Spec, list[Run]] = {}
    for run in runs:
        first.setdefault(_arm(run.spec), []).extend([run] if run.spec.origin == 0 else [])
    for spec in dict.fromkeys(run.spec for run in runs if run.spec.origin and not run.control):
        mine = [run for run in runs if run.spec == spec]
        lines = tuple(str(change) for change in changes(first[_arm(spec)], mine))
        found.setdefault(lines, {}).setdefault(f"{spec.phase}, {spec.label}", []).extend(mine)
    for lines, arms in found.items():
        which = "; ".join(f"{arm} ({_processes(of_arm)})" for arm, of_arm in arms.items())
        yield f"not pooled, because they were not made alike: {which}: {', '.join(lines)}; measure again for one figure"


def unrecorded(before: Iterable[Run], after: Iterable[Run]) -> Iterator[str]:
    """Values that one side alone has recorded, so that a difference would not show."""
    sides = [_joined(map(of_run, runs)) for runs in (before, after)]
    for side, other, name in ((*sides, "baseline"), (*reversed(sides), "candidate")):
        lacking = [row.text for row, mine, theirs in zip(ROWS, side, other, strict=True) if mine is None and theirs]
        if lacking:
            yield f"not recorded in the {name}, so it may differ: {', '.join(lacking)}"


def machines(before: Iterable[Run], after: Iterable[Run]) -> str:
    """Both machines of two sides, with their differences; empty if they are of the same kind."""
    theirs, ours = (together([found for run in runs if (found := machine_of(run))]) for runs in (before, after))
    return "" if theirs is None or ours is None else against(theirs, ours)


def nearest_first(runs: Iterable[Run], others: Iterable[Run]) -> list[Run]:
    """The Runs, those before the rest that differ in least from the others: first in their machine, then in all."""
    there: dict[str, Provenance] = {}
    for run in others:
        there.setdefault(run.spec.plugin, of_run(run))
    return sorted(runs, key=lambda run: _distance(of_run(run), there.get(run.spec.plugin)))


def _distance(mine: Provenance, other: Provenance | None) -> tuple[bool, int]:
    found = [] if other is None else _differing(mine, other)
    return any(change.row.machine for change in found), len(found)


def kinds(runs: Iterable[Run]) -> list[str]:
    """Every machine that these Runs come from, in a few words."""
    return list(dict.fromkeys(", ".join(found.values()) for run in runs if (found := machine_of(run))))


def _with_origin(run: Run, number: int) -> Run:
    if run.spec.origin == number:
        return run
    return msgspec.structs.replace(run, spec=msgspec.structs.replace(run.spec, origin=number))


def _number(pools: list[Provenance], mine: Provenance) -> int:
    """The place of the first pool without a difference from this; a new one at the end if there is none."""
    for number, pool in enumerate(pools):
        if pool == mine:
            return number
        if not _differing(pool, mine):
            pools[number] = _joined((pool, mine))
            return number
    pools.append(mine)
    return len(pools) - 1


@lru_cache(REMEMBERED)
def _arm(spec: Spec) -> Spec:
    alike = arm_key(spec)
    return msgspec.structs.replace(alike, origin=0) if alike.origin else alike


def _differing(before: Provenance, after: Provenance) -> list[Change]:
    found: list[Change] = []
    for row, mine, theirs in zip(ROWS, before, after, strict=True):
        if mine is None or theirs is None:
            continue
        both = ((name, mine.get(name, row.unset), theirs.get(name, row.unset)) for name in {**mine, **theirs})
        found += [Change(row, name, one, other) for name, one, other in both if one and other and one != other]
    return found


def _joined(found: Iterable[Provenance]) -> Provenance:
    """All values of several Runs, each once."""
    rows: list[list[Values]] = [[] for _ in ROWS]
    for one in found:
        for of_row, values in zip(rows, one, strict=True):
            of_row.extend([] if values is None else [values])
    return tuple(map(together, rows))


def _processes(runs: Sequence[Run]) -> str:
    """`processes 2, 3 of session 1f2e3d`."""
    sessions: dict[str, set[int]] = {}
    for run in runs:
        sessions.setdefault(run.session, set()).add(run.group + 1)
    return "; ".join(_numbered(session, sorted(numbers)) for session, numbers in sessions.items())


def _numbered(session: str, numbers: Sequence[int]) -> str:
    return f"process{'es' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))} of session {session}"
