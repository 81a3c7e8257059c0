"""The output of a model that its loss reads, of one array or several by name, attribute or place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dlbench.errors import SpecError

OUTPUTS = ("logits", "output", "outputs", "prediction", "predictions", "last_hidden_state")
"""Names of the output that a loss reads by default: the first existing one."""


def output_name(outputs: Any, asked: str = "") -> str:
    """The key, attribute or place of the output that the loss reads; empty if a model gives one array alone.

    `asked` chooses it. By default it is the first existing name of OUTPUTS, or the first output that is not a loss.
    Raises SpecError that lists the outputs if the requested one is not among them, and for a model that returns None.
    """
    if outputs is None:
        raise SpecError("the model returns nothing; end its call with `return` and the outputs")
    named = _by_name(outputs)
    if named is None:
        if asked:
            raise SpecError(f"output {asked}: the model returns one array; leave --output out")
        return ""
    if asked and asked not in named:
        raise SpecError(f"output {asked}: the model returns {', '.join(named) or 'nothing'}; choose one of them")
    chosen = asked or next((name for name in OUTPUTS if name in named), "")
    chosen = chosen or next((name for name in named if name != "loss"), "")
    if not chosen:
        raise SpecError("the model returns no output: its call must return an array, or arrays by name or place")
    return chosen


def pick_output(outputs: Any, asked: str = "") -> Any:
    """The output that `output_name` chooses, of those that a model returned. Raises as it does."""
    chosen, named = output_name(outputs, asked), _by_name(outputs)
    return outputs if named is None else named[chosen]


def _by_name(outputs: Any) -> dict[str, Any] | None:
    """Outputs by key, attribute or place; None for a single array. Outputs that are None are left out."""
    if isinstance(outputs, Mapping):
        found = {str(name): value for name, value in outputs.items()}
    elif dataclasses.is_dataclass(outputs):
        found = {field.name: getattr(outputs, field.name) for field in dataclasses.fields(outputs)}
    elif hasattr(outputs, "_asdict"):
        found = dict(outputs._asdict())
    elif isinstance(outputs, tuple | list):
        found = {str(place): value for place, value in enumerate(outputs)}
    else:
        return None
    return {name: value for name, value in found.items() if value is not None}
