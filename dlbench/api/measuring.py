"""Measuring groups of a plan into a journal, with the stop rule of this plan."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from dlbench.analysis import stopping
from dlbench.record import journal
from dlbench.record.journal import Journal
from dlbench.record.schema import Plan, Run
from dlbench.session import schedule
from dlbench.session.plan import Group
from dlbench.session.schedule import Listener
from dlbench.workers.backends import Starter

FOLDER = "confirmation"
"""Folder of the second measurement within the folder of the first; further ones are `confirmation-2` and so on."""


def measure(groups: Sequence[Group], open_journal: Journal, listener: Listener) -> list[Run]:
    """Measure the groups that the journal lacks, and return all its Runs. Raises as `schedule.record` does."""
    with Starter(open_journal.plan.pythons) as start:
        return schedule.record(groups, open_journal, listener, start, stopping.enough)


def measure_in(folder: Path, listener: Listener) -> Callable[[Plan, Sequence[Group]], Sequence[Run]]:
    """A function that measures the groups of a plan in a new folder within this one."""

    def measure_again(again: Plan, groups: Sequence[Group]) -> Sequence[Run]:
        listener.note(f"measured again: {', '.join(spec.label for spec in again.specs)}")
        with journal.begin(_free(folder), again) as book:
            return measure(groups, book, listener)

    return measure_again


def _free(folder: Path) -> Path:
    """Folder that does not exist yet: an earlier confirmation, also an interrupted one, is kept."""
    names = itertools.chain([FOLDER], (f"{FOLDER}-{number}" for number in itertools.count(2)))
    return next(folder / name for name in names if not (folder / name).exists())
