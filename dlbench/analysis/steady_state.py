"""Steady state of programs, judged afterwards: flags for Runs, and steadiness of the ratio of two arms.

An arm that was measured alone is judged by its own series, warm-ups included. One that took turns is judged by its
ratio to the others, round by round: changes that all show at the same time are the machine's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from dlbench.analysis.neighbours import Group
from dlbench.analysis.shapes import UNSTABLE, Shape, shape, shape_beside
from dlbench.record.flags import FlagName
from dlbench.record.schema import Run, Together
from dlbench.spec import Member, workload

SERIES = 20
"""Samples from which a series is looked at."""

Series = Sequence[float]


class _Pool(NamedTuple):
    """Runs of one Spec that are judged together: those that took turns with other arms, or those alone."""

    member: Member
    beside: bool


def flag_unsteady(runs: Iterable[Run]) -> list[Run]:
    """The Runs; programs without a steady state are flagged.

    The flag is `unstable` if the change recurs, so that no time is read from them. It is `drifted` for a single
    process, which cannot tell a change of the program from one of the machine: such figures are indicative, and are
    kept.
    """
    runs = list(runs)
    groups: dict[tuple[object, Together], list[Run]] = {}
    for run in runs:
        if run.ok and run.spec.timed:
            groups.setdefault((workload(run.spec), run.together), []).append(run)
    pools: dict[_Pool, list[tuple[Run, Group]]] = {}
    for together in groups.values():
        group = Group(together)
        for run in together:
            pools.setdefault(_Pool(run.member, group.has_neighbours), []).append((run, group))
    flags = {
        (run.member, run.together): flag
        for pool, found in pools.items()
        if (flag := _flag_of(found, beside=pool.beside)) is not None
        for run, _ in found
    }
    if not flags:
        return runs
    return [_flagged(run, flags.get((run.member, run.together))) if run.ok else run for run in runs]


def ratio_is_steady(before: Iterable[Run], after: Iterable[Run]) -> bool:
    """True if neither of two arms changes its speed beside the other, by the groups that hold both.

    False if no group holds a series of both.
    """
    sides = [{run.together: run for run in runs} for runs in (before, after)]
    both = [(run, sides[1][key]) for key, run in sides[0].items() if key in sides[1]]
    groups = [Group(pair) for pair in both]
    found = [_shape_beside([(pair[side], of) for pair, of in zip(both, groups, strict=True)]) for side in (0, 1)]
    return all(one is not None and one not in UNSTABLE for one in found)


def _flag_of(found: Sequence[tuple[Run, Group]], *, beside: bool) -> FlagName | None:
    if beside:
        series = _series_beside(found)
        said, number = _shape_of(series), len(series)
    else:
        alone = [values for run, _ in found if len(values := _series(run)) >= SERIES]
        said, number = shape(alone) if alone else None, len(alone)
    if said is None or said not in UNSTABLE:
        return None
    return "unstable" if number > 1 else "drifted"


def _shape_beside(found: Sequence[tuple[Run, Group]]) -> Shape | None:
    """None if no group has a series."""
    return _shape_of(_series_beside(found))


def _shape_of(series: Sequence[tuple[Series, Series]]) -> Shape | None:
    return shape_beside(*map(list, zip(*series, strict=True))) if series else None


def _series_beside(found: Sequence[tuple[Run, Group]]) -> list[tuple[Series, Series]]:
    """Logarithms of seconds a step, of the program and of its neighbours, one value for each common round."""
    pairs = [group.beside(run) for run, group in found]
    return [pair for pair in pairs if len(pair[0]) >= SERIES]


def _series(run: Run) -> list[float]:
    return [math.log(one.seconds / one.steps) for one in run.samples if one.stage in ("warm-up", "steady")]


def _flagged(run: Run, flag: FlagName | None) -> Run:
    return run if flag is None or run.has(flag) else msgspec.structs.replace(run, flags=(*run.flags, flag))
