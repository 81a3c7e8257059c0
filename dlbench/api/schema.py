"""The JSON Schema (2020-12) of a line of `runs.jsonl`, and of `report.json`, made from the records' types."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from dlbench.errors import UnknownName
from dlbench.record.encoding import WORDS
from dlbench.record.schema import SCHEMA, Run
from dlbench.report import Report

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUBJECTS: Mapping[str, type[msgspec.Struct]] = {"runs": Run, "report": Report}
ABOUT = {
    "runs": "One line of runs.jsonl: one Spec in one process.",
    "report": "report.json: all figures of a report.",
}


def schema(subject: str) -> dict[str, Any]:
    """The schema of this subject, `runs` or `report`, in the version that this dlbench writes. Raises UnknownName.

    Runs of earlier versions say so in their field `schema`, which is then another number: the schema refuses them, and
    `dlbench.read` reads them.
    """
    if subject not in SUBJECTS:
        raise UnknownName("subject", subject, SUBJECTS)
    found = msgspec.json.schema(SUBJECTS[subject])
    name = SUBJECTS[subject].__name__
    parts = {part: _worded(one) for part, one in found["$defs"].items()}
    version = {"const": SCHEMA, "description": "version of this schema"}
    parts[name]["properties"]["schema"] = version
    parts[name]["required"] = [*parts[name]["required"], "schema"]
    head = {"$schema": DIALECT, "$id": f"https://github.com/dlbench/dlbench/schema/{subject}-{SCHEMA}.json"}
    return {**head, "title": ABOUT[subject], "version": SCHEMA, "$ref": found["$ref"], "$defs": parts}


def _worded(part: Any) -> Any:
    """The same, with the words that stand in place of infinity and NaN, for which JSON has no numbers."""
    if isinstance(part, list):
        return [_worded(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") == "number":
        return {"anyOf": [part, {"enum": list(WORDS)}]}
    return {name: inspect.cleandoc(one) if name == "description" else _worded(one) for name, one in part.items()}
