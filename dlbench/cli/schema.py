"""`dlbench schema`: the JSON Schema of a file."""

from __future__ import annotations

import json

from dlbench.api.schema import schema


def show(subject: str) -> None:
    """Print the schema. Raises UnknownName."""
    print(json.dumps(schema(subject), indent=2))  # noqa: T201 (the answer to the command)
