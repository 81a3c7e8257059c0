"""The clause on settings: values that a variant may ask for take effect, and leave the model as it is.

It comes last, because a setting of the whole process stays as the last build left it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from dlbench.conformance.model import Broken, Model, ModelsUnderTest, NotLookedAt, require
from dlbench.errors import ContractViolation, SettingNotTaken, Unsupported
from dlbench.measure import settings
from dlbench.plugin import Setting, TakesSettings
from dlbench.registry import variables
from dlbench.spec import Spec, Variant

STEPS = 2
"""Steps after which a setting must still be in effect."""


def settings_take_effect(session: ModelsUnderTest) -> str:
    """Each value that the table offers reads back after the build, on the path eager after some steps too.

    A value may be refused with Unsupported. One that takes effect changes no parameter. Values that must be set before
    the import are left to the Runs of a variant, as is what only a compiled step shows.
    """
    plain = session.plain
    if not isinstance(plain.plugin, TakesSettings):
        raise NotLookedAt("needs settings() and read_settings()")
    refused, early = [], []
    for setting, value in _offered(session.spec, settings.list_settings(session.spec)):
        said = f"{setting.key}:{value}"
        text = setting.texts.get(value, value) if setting.variable else ""
        if text and not variables.holds(setting.variable, text):
            early.append(said)
        elif not _takes(session, setting, value):
            refused.append(said)
    return "; ".join(
        f"{what}: {', '.join(found)}"
        for what, found in (("refused for this model", refused), ("not tried, set before the import", early))
        if found
    )


def _offered(spec: Spec, table: list[Setting]) -> Iterator[tuple[Setting, str]]:
    """The settings that have a meaning on this path, with each value that can be had here."""
    for setting in table:
        if not setting.paths or spec.path in setting.paths:
            yield from ((setting, value) for value in setting.values if value not in setting.missing)


def _takes(session: ModelsUnderTest, setting: Setting, value: str) -> bool:
    """True if a model with this value has it in effect; False if the plugin refuses it. Raises Broken."""
    variant = Variant(setting.key[:40], ((setting.key, value),), rounding=setting.rounding.get(value, ""))
    spec = msgspec.structs.replace(session.spec, variant=variant)
    try:
        model = Model.build(spec)
        _require_same(session.plain, model, f"{setting.key}:{value}")
        for step in range(STEPS if spec.path == "eager" else 0):
            model.step(model.batch(step))
        settings.taken(spec, model.plugin, so_far=spec.path != "eager")
    except (SettingNotTaken, ContractViolation) as error:
        raise Broken(f"{error}; a value that cannot be had stands in Setting.missing, or build() refuses it") from error
    except Unsupported:
        return False
    return True


def _require_same(plain: Model, model: Model, said: str) -> None:
    """Raise Broken unless the model starts with the parameters that it has without the setting."""
    counts = plain.info.parameter_count, model.info.parameter_count
    require(counts[0] == counts[1], f"{said} changes the model: {counts[0]:,} parameters became {counts[1]:,}")
    before, after = plain.observed["parameters"], model.parameters()
    other = next((name for name in before if name not in after or not np.array_equal(before[name], after[name])), "")
    require(not other, f"{said} changes the model: its parameter {other} starts with other values")
