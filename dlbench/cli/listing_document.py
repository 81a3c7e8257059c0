"""`dlbench list --json`: the listing for programs."""

from __future__ import annotations

from dlbench import architectures, registry, tasks
from dlbench.cli import configuration, listing
from dlbench.errors import redaction
from dlbench.record import encoding
from dlbench.registry.entry_points import Entry
from dlbench.tasks import TASKS, TaskRow


def document(*, with_devices: bool = False, with_tasks: bool = False, with_capabilities: bool = False) -> str:
    """The listing as one document of JSON; imports no framework."""
    entries = registry.entries()
    found: dict[str, object] = {
        "plugins": list(map(_entry, entries)),
        "tasks": [_task(name, row, explained=with_tasks) for name, row in TASKS.items()],
        "tasks_of_other_packages": [_offer(*offer, explained=with_tasks) for offer in tasks.offered()],
        "architectures_of_other_packages": list(map(_entry, architectures.entries())),
        "exports_of_other_packages": list(map(_entry, listing.exported())),
        "suites": configuration.suites(),
    }
    if with_devices:
        asked = listing.asked(entries).items()
        found["devices"] = {name: {"devices": devices, "broken": why} for name, (devices, why) in asked}
    if with_capabilities:
        from dlbench.cli import listing_capabilities

        found["capabilities"] = listing_capabilities.asked(entries)
    return encoding.page(redaction.record(found))


def _entry(entry: Entry) -> dict[str, str]:
    return {name: getattr(entry, name) for name in ("name", "distribution", "version", "broken")}


def _task(name: str, row: TaskRow, *, explained: bool) -> dict[str, object]:
    found: dict[str, object] = {"name": name, "summary": row.summary, "for": row.of, "ready": row.ready}
    return found | (_facts(name) if explained else {})


def _offer(entry: Entry, row: TaskRow | None, *, explained: bool) -> dict[str, object]:
    """A task of another package; without a row that is known, its summary and what it is for are empty."""
    found = {**_entry(entry), "summary": row.summary if row else "", "for": row.of if row else ""}
    return found | (_facts(entry.name) if explained and not entry.broken else {})


def _facts(name: str) -> dict[str, object]:
    """The facts of a task, whose data is read, with its row if that is another package's."""
    from dlbench.api.tasks import explained

    row, facts = explained(name)
    of_row: dict[str, object] = {"summary": row.summary, "for": row.of} if row else {}
    return of_row | ({"reason": facts} if isinstance(facts, str) else {"facts": facts._asdict()})
