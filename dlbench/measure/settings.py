"""Settings of a variant: a plugin's offer, and the check that the requested ones are in effect."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from dlbench.errors import SettingNotTaken, Unsupported
from dlbench.measure import reported
from dlbench.plugin import Setting, SettingsRead, TakesSettings
from dlbench.registry import adaptors
from dlbench.spec import Spec


def list_settings(spec: Spec) -> list[Setting]:
    """The table of the Spec's plugin; empty if it takes no settings.

    Raises PluginLoadError, ContractViolation, and whatever the plugin raises.
    """
    plain = msgspec.structs.replace(spec, variant=UNSET)
    plugin = adaptors.load_plugin(plain)
    if not isinstance(plugin, TakesSettings):
        return []
    found: list[Setting] = reported.checked(spec.plugin, "settings()", list(plugin.settings(plain)), list[Setting])
    return found


def taken(spec: Spec, plugin: object, *, so_far: bool = False) -> dict[str, str]:
    """Settings in effect, those of the Spec's variant among them; `so_far` one may not be known yet.

    Empty for a Spec without a variant. Raises SettingNotTaken for one that is not in effect, Unsupported for a plugin
    that takes none, and ContractViolation.
    """
    if spec.variant is UNSET:
        return {}  # nobody has asked, and reading takes time and memory
    found = _read(spec, plugin)
    _require_taken(spec, found, so_far=so_far)
    return found


def _read(spec: Spec, plugin: object) -> dict[str, str]:
    if isinstance(plugin, TakesSettings):
        found: dict[str, str] = reported.checked(spec.plugin, "read_settings()", plugin.read_settings(), SettingsRead)
        return found
    if spec.settings and spec.variant is not UNSET:
        raise Unsupported(f"{spec.plugin} takes no settings; leave --variant {spec.variant.text} out")
    return {}


def _require_taken(spec: Spec, found: Mapping[str, str], *, so_far: bool) -> None:
    if spec.variant is UNSET:
        return
    for key, asked in spec.variant.settings:
        got = found.get(key)
        if got != asked and not (so_far and got is None):
            shown = "does not say what is in effect" if got is None else f"reads back {key}:{got}"
            raise SettingNotTaken(f"variant {spec.variant.name} asks for {key}:{asked}, and {spec.plugin} {shown}")


def may_round_to(spec: Spec, precision: str) -> bool:
    """True if the variant may round operands of products to this precision, or to one of several, such as fp32/tf32."""
    kinds = ("tf32", "fp16", "bf16")
    rounding = "" if spec.variant is UNSET else spec.variant.rounding
    allowed = kinds[: kinds.index(rounding) + 1] if rounding else ()
    return bool(allowed) and set(precision.split("/")) <= {spec.precision, *allowed}
