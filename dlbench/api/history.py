"""A history of reports: kept in a file to which reports are added, or made of a folder of reports. It gates nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dlbench.errors import RecordError, SpecError
from dlbench.record import places
from dlbench.record.reading import read_runs
from dlbench.record.schema import RUNS_FILE
from dlbench.report.history import database
from dlbench.report.history.points import Point, points
from dlbench.report.history.series import Filter, Series, series


def history(source: Path, added: Sequence[Path], wanted: Filter) -> list[Series]:
    """The series of a history that fit, after reports were added to it.

    `source` is a history, or a folder below which reports lie. Raises RecordError, also if nothing fits, SpecError and
    UnknownName.
    """
    wanted.check()
    if places.is_folder(source):
        if added:
            raise SpecError(f"--add writes to a file, and {source} is a folder; give a file such as history.sqlite")
        every = [point for runs in _files(source) for point in points(read_runs(runs))]
    else:
        if added:
            database.add(source, [point for one in added for runs in _files(one) for point in points(read_runs(runs))])
        every = database.read(source)
    found = series(_once(every), wanted)
    if not found:
        raise RecordError(f"{source}: {_why(every)}; give other filters, or add reports")
    return found


def _once(every: Sequence[Point]) -> list[Point]:
    """The points without those of copies of a report; the one of more processes stays, as in a file."""
    found: dict[tuple[str, ...], Point] = {}
    for point in every:
        key = (point.session, point.machine, point.arm, point.metric)
        if key not in found or point.n >= found[key].n:
            found[key] = point
    return list(found.values())


def _files(source: Path) -> Iterator[Path]:
    """The files of Runs of a report, or of all below a folder. Raises RecordError if there is none."""
    found = places.runs_files(source)
    if not found:
        raise RecordError(f"{source}: holds no {RUNS_FILE}; give a report, or the folder of several")
    yield from found


def _why(every: Sequence[Point]) -> str:
    if not every:
        return "holds no figure"
    plugins, machines = ({getattr(point, name) for point in every} for name in ("plugin", "machine"))
    return f"nothing fits; there are plugins {', '.join(sorted(plugins))} and machines {'; '.join(sorted(machines))}"
