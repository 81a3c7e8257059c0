"""Capabilities of plugins, in a child: a plugin is loaded, and nothing is built."""

from __future__ import annotations

from dlbench import plugin, registry
from dlbench.errors import ContractViolation, PluginLoadError, UnknownName, words
from dlbench.record.schema import Record

CAPABILITIES = {
    name: kind
    for name, kind in vars(plugin).items()
    if getattr(kind, "_is_protocol", False) and kind not in (plugin.ModelPlugin, plugin.Adapts)
}
"""All capabilities of the contract, by the names of their classes."""


class Capable(Record, frozen=True):
    """Names of the capabilities that a plugin has; `broken` says why it could not be loaded."""

    has: tuple[str, ...] = ()
    broken: str = ""


def list_capabilities(plugins: tuple[str, ...]) -> dict[str, Capable]:
    """Capabilities of each of these plugins."""
    return {name: _of(name) for name in plugins}


def _of(name: str) -> Capable:
    try:
        loaded = registry.load(name)
    except (PluginLoadError, ContractViolation, UnknownName) as error:
        return Capable(broken=words.bounded(str(error), 500))
    return Capable(has=tuple(found for found, kind in sorted(CAPABILITIES.items()) if isinstance(loaded, kind)))
