"""`dlbench list`: plugins from metadata, tasks, suites, and devices when the frameworks are to be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench import architectures, registry, tasks
from dlbench.cli import configuration
from dlbench.registry import offers
from dlbench.registry.entry_points import Entry
from dlbench.tasks import TASKS, TaskRow


def lines(*, with_devices: bool = False, with_tasks: bool = False) -> Iterator[str]:
    """The listing, line by line; imports no framework, and starts a child for each only to ask for devices."""
    entries = registry.entries()
    yield "Plugins"
    yield from columns(list(map(_row, entries)))
    if not entries:
        yield "  none; pip install a package that provides some, such as dlbench-<framework>"
    yield "Tasks"
    yield from _explained() if with_tasks else _tasks()
    if others := architectures.entries():
        yield "Architectures of other packages"
        yield from columns(list(map(_row, others)))
    if others := exported():
        yield "Exports of other packages"
        yield from columns(list(map(_row, others)))
    yield "Suites"
    yield from columns(list(configuration.suites().items()))
    if with_devices:
        yield "Devices"
        yield from _devices(entries)


def asked(entries: Sequence[Entry]) -> dict[str, tuple[dict[str, str], str]]:
    """Devices of each framework, and the reason why it cannot say."""
    from dlbench.workers.calls import ask_devices
    from dlbench.workers.child import ChildError

    found: dict[str, tuple[dict[str, str], str]] = {}
    for framework, entry in registry.speakers(entries).items():
        try:
            found[framework] = ({}, entry.broken) if entry.broken else (ask_devices(entry.name), "")
        except ChildError as error:
            found[framework] = ({}, str(error))
    return found


def exported() -> list[Entry]:
    """Exports of other packages; the table of dlbench's own is only read if there are some."""
    if not offers.entries(offers.EXPORTS, ()):
        return []
    from dlbench.report import FORMATS, exports

    return exports.entries(FORMATS)


def _tasks() -> Iterator[str]:
    yield from columns([(name, row.summary, f"for {row.of}{_need(name, row)}") for name, row in TASKS.items()])
    yield from columns([_offer(entry, row) for entry, row in tasks.offered()])


def _offer(entry: Entry, row: TaskRow | None) -> tuple[str, ...]:
    """A task of another package, with its row as far as that is known."""
    name, *package = _row(entry)
    return (name, row.summary, f"for {row.of}", *package) if row else (name, "", "", *package)


def _explained() -> Iterator[str]:
    """Each task with its inputs, its expected outputs, and the quality that counts as trained."""
    from dlbench.api.tasks import explained

    others = {entry.name: entry for entry in tasks.entries()}
    for name in tasks.names():
        row, found = explained(name)
        facts = [("", found)] if isinstance(found, str) else list(zip(found._fields, found, strict=True))
        package = f", of {others[name].distribution} {others[name].version}" if name in others else ""
        yield f"  {name}: {f'{row.summary}, ' if row.summary else ''}for {row.of}{package}" if row else f"  {name}"
        yield from (f"    {field.ljust(8)} {text}" if field else f"    {text}" for field, text in facts)
    yield from columns([_row(entry) for entry in tasks.entries() if entry.broken])


def _need(name: str, row: TaskRow) -> str:
    return "" if row.ready or row.needs is None else f"; its data is not here: {row.needs.remedy(name)}"


def _row(entry: Entry) -> tuple[str, ...]:
    return entry.name, f"{entry.distribution} {entry.version}", _state(entry.broken) if entry.broken else ""


def _state(broken: str) -> str:
    from dlbench.errors import redaction

    return f"broken: {redaction.text(broken)}"


def _devices(entries: Sequence[Entry]) -> Iterator[str]:
    """One plugin of each framework speaks for it; a framework that cannot be loaded says why."""
    broken = {framework for framework, entry in registry.speakers(entries).items() if entry.broken}
    for framework, (devices, why) in asked(entries).items():
        if framework in broken:
            continue
        if why:
            yield f"  {framework}  broken: {why}"
            continue
        yield from columns([(framework, device, name) for device, name in devices.items()])
        if not devices:
            yield f"  {framework}  its plugins list no devices"


def columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Indented lines whose texts stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
