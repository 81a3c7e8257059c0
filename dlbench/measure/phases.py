"""Phases of a plugin: all, unless it says which ones it lacks."""

from __future__ import annotations

import msgspec

from dlbench.errors import Unsupported
from dlbench.measure import reported
from dlbench.plugin import LacksPhases, PhaseName
from dlbench.spec import PHASES, Spec


def of_plugin(name: str, plugin: object) -> tuple[PhaseName, ...]:
    """The phases that a plugin has, in their order. Raises ContractViolation."""
    lacking = _lacking(name, plugin)
    return tuple(phase for phase in PHASES if phase not in lacking)


def require(spec: Spec, plugin: object) -> None:
    """Raise Unsupported, with the plugin's reason, for a Spec of a phase that it lacks."""
    lacking = _lacking(spec.plugin, plugin)
    if spec.phase in lacking:
        others = ", ".join(phase for phase in PHASES if phase not in lacking)
        raise Unsupported(f"phase {spec.phase}: {lacking[spec.phase]}; choose --phase {others}")


def possible(spec: Spec, plugin: object) -> Spec:
    """The Spec, in the first phase that the plugin has if it lacks this one."""
    found = of_plugin(spec.plugin, plugin)
    return spec if spec.phase in found or not found else msgspec.structs.replace(spec, phase=found[0])


def _lacking(name: str, plugin: object) -> dict[PhaseName, str]:
    if not isinstance(plugin, LacksPhases):
        return {}
    found: dict[PhaseName, str] = reported.checked(
        name, "missing_phases()", dict(plugin.missing_phases()), dict[PhaseName, str]
    )
    return found
