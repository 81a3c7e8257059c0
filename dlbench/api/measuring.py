"""Measuring groups of a plan into a journal, here or on a cluster, with as many groups and rounds as it asks for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from dlbench.analysis import effort, stopping
from dlbench.record import journal
from dlbench.record.journal import Journal
from dlbench.record.schema import Plan, Run
from dlbench.session import schedule
from dlbench.session.listener import Listener
from dlbench.session.machine import here
from dlbench.session.plan import Group
from dlbench.session.schedule import Measure
from dlbench.workers.backends import Starter

FOLDER = "confirmation"
"""Folder of the second measurement within the folder of the first; further ones are `confirmation-2` and so on."""


@contextmanager
def machines(plan: Plan, cluster: str = "") -> Iterator[Measure]:
    """Measuring on this machine, or on the cluster at this address. Raises DlbenchError if it cannot measure this."""
    if not cluster:
        with Starter(plan.pythons) as start:
            yield here(start)
        return
    from dlbench.session.cluster import farm, on_ray

    with on_ray.connected(cluster) as connection:
        farm.require(connection, plan)
        yield farm.on(connection)


def measure(groups: Sequence[Group], open_journal: Journal, listener: Listener, by: Measure) -> list[Run]:
    """Measure the groups that the journal lacks, and return all its Runs. Raises as `schedule.record` does."""
    return schedule.record(groups, open_journal, listener, by, stopping.enough, effort.rounds_due)


def measure_in(
    folder: Path, listener: Listener, by: Measure | None = None
) -> Callable[[Plan, Sequence[Group]], Sequence[Run]]:
    """A function that measures the groups of a plan in a new folder within this one, on this machine unless told."""

    def measure_again(again: Plan, groups: Sequence[Group]) -> Sequence[Run]:
        listener.note(f"measured again: {', '.join(spec.label for spec in again.specs)}")
        with journal.begin(_free(folder), again) as book, nullcontext(by) if by else machines(again) as found:
            return measure(groups, book, listener, found)

    return measure_again


def _free(folder: Path) -> Path:
    """Folder that does not exist yet: an earlier confirmation, also an interrupted one, is kept."""
    names = itertools.chain([FOLDER], (f"{FOLDER}-{number}" for number in itertools.count(2)))
    return next(folder / name for name in names if not (folder / name).exists())
