"""`dlbench list --capabilities`: the capabilities of the contract, and the plugins that have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlbench import registry
from dlbench.cli.listing import columns
from dlbench.errors import redaction
from dlbench.measure.capable import CAPABILITIES, Capable
from dlbench.registry.entry_points import Entry
from dlbench.workers.calls import ask_capabilities
from dlbench.workers.child import ChildError

OPTIONS = {
    "ComputesGradients": "parity",
    "ExchangesParameters": "parity",
    "Instruments": "explain",
    "ListsDevices": "list --devices",
    "Profiles": "explain",
    "ReportsCompilation": "--path jit",
    "TakesSettings": "--variant",
    "TrainsInParallel": "--workers",
    "TrainsOnDevices": "--variant",
}
"""Commands and options of `dlbench run` that need a capability."""


def lines() -> Iterator[str]:
    """The capabilities of all installed plugins, line by line."""
    yield "Capabilities"
    yield from columns(list(_rows(asked(registry.entries()))))


def asked(entries: Sequence[Entry]) -> dict[str, Capable]:
    """The capabilities of each plugin; a child for each framework loads all of its plugins."""
    found = {entry.name: Capable(broken=entry.broken) for entry in entries if entry.broken}
    for names in _by_framework([entry.name for entry in entries if not entry.broken]).values():
        try:
            found |= ask_capabilities(names)
        except ChildError as error:
            found |= dict.fromkeys(names, Capable(broken=str(error)))
    return dict(sorted(found.items()))


def _rows(found: Mapping[str, Capable]) -> Iterator[tuple[str, ...]]:
    """A row for each capability: the option that needs it, and its plugins."""
    frameworks = _by_framework(found)
    for name in sorted(CAPABILITIES, key=lambda name: (name not in OPTIONS, name)):
        having = {one for one, capable in found.items() if name in capable.has}
        yield name, OPTIONS.get(name, ""), ", ".join(_folded(having, frameworks)) or "none"
    broken = {name: capable.broken for name, capable in found.items() if capable.broken}
    yield from ((name, "", f"broken: {redaction.text(why)}") for name, why in broken.items())


def _folded(having: set[str], frameworks: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The plugins, `NAME.*` for a framework all of whose plugins are among them."""
    for framework, names in frameworks.items():
        if len(names) > 1 and having.issuperset(names):
            yield f"{framework}.*"
        else:
            yield from (name for name in names if name in having)


def _by_framework(names: Sequence[str] | Mapping[str, Capable]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.partition(".")[0], []).append(name)
    return found
