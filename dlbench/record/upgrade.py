"""Older schemas in the words of today's; `dlbench.record.schema` has their history."""

from __future__ import annotations

from typing import Any

GROUPS_HOLD_PARTS = 3
"""The last schema in which the number of a group hid the number of its part."""

_RENAMED = {"environment": "python", "variant": "origin"}


def upgraded(raw: Any) -> Any:
    """A decoded record of any schema, or of a file without one, as today's schema states it."""
    if isinstance(raw, list):
        return [upgraded(part) for part in raw]
    if not isinstance(raw, dict):
        return raw
    if "plugin" in raw and "phase" in raw:
        return _spec(raw)
    if "spec" in raw and "group" in raw:
        twin = isinstance(raw["spec"], dict) and raw["spec"].get("twin", False)
        return _run({"control": twin, **raw, "spec": upgraded(raw["spec"])})
    if "specs" in raw and "policy" in raw:
        raw = {**raw, **_specs_of_plan(raw)}
    return {name: upgraded(part) for name, part in raw.items()}


def _spec(raw: dict[str, Any]) -> dict[str, Any]:
    """`python` was `environment`, `origin` was `variant`; a control was a Spec of its own, the `twin` of another."""
    return {_renamed(name, part): part for name, part in raw.items() if name != "twin"}


def _renamed(name: str, part: object) -> str:
    """The variant of today is a record, or none; the one of schema 3 was a number."""
    return name if name == "variant" and not isinstance(part, int) else _RENAMED.get(name, name)


def _specs_of_plan(raw: dict[str, Any]) -> dict[str, Any]:
    """The Specs of a plan, and apart from them those that have a control."""
    specs = raw["specs"] if isinstance(raw["specs"], list) else []
    twins = [spec for spec in specs if isinstance(spec, dict) and spec.get("twin")]
    return {"specs": [spec for spec in specs if spec not in twins], "controls": twins} if twins else {}


def _run(raw: dict[str, Any]) -> dict[str, Any]:
    """Parts of a group were numbered as groups that follow the last."""
    group, groups, schema = (raw.get(name) for name in ("group", "groups", "schema"))
    if not isinstance(group, int) or not isinstance(groups, int) or not isinstance(schema, int):
        return raw
    hidden = groups > 0 and schema <= GROUPS_HOLD_PARTS
    return {**raw, "group": group % groups, "part": group // groups} if hidden else raw
