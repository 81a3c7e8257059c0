"""Inputs of a model: one array, or a tuple of arrays for a model of several inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def parts(values: Any) -> tuple[Any, ...]:
    """The arrays of inputs or targets, one or several."""
    return values if isinstance(values, tuple) else (values,)


def each(function: Callable[..., Any], *values: Any) -> Any:
    """The function of the arrays at each place of several inputs: one result, or a tuple for tuples."""
    if not isinstance(values[0], tuple):
        return function(*values)
    return tuple(function(*at_place) for at_place in zip(*values, strict=True))
