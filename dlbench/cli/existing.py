"""Names that exist, for a message to somebody who gave an option none; each is looked up then, and not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping


def named(kind: str) -> str:
    """The names that an option of this kind takes, for the end of a message."""
    if kind not in _FOUND:
        return "give one, or leave the option out"
    return f"known: {', '.join(sorted(_FOUND[kind]()))}"


def _formats() -> Iterable[str]:
    from dlbench.api import formats

    return formats.names()


def _plugins() -> Iterable[str]:
    from dlbench import registry

    return {entry.name for entry in registry.entries()}


def _tasks() -> Iterable[str]:
    from dlbench.registry import offers
    from dlbench.tasks.table import TASKS

    return {*TASKS, *(entry.name for entry in offers.entries(offers.TASKS, TASKS))}


def _metrics() -> Iterable[str]:
    from dlbench.analysis.metrics import METRICS

    return METRICS


def _conditions() -> Iterable[str]:
    from dlbench.analysis import gate

    return gate.known()


def _keys() -> Iterable[str]:
    from dlbench.analysis import pairs

    return pairs.KEYS


_FOUND: Mapping[str, Callable[[], Iterable[str]]] = {
    "format": _formats,
    "plugin": _plugins,
    "task": _tasks,
    "metric": _metrics,
    "condition": _conditions,
    "key": _keys,
}
