"""Values of keys in a file, each checked by itself, so that a fault names its file, line, key and value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dlbench.analysis import gate, pairs
from dlbench.api import formats, request
from dlbench.cli.configuration import Configured
from dlbench.errors import DlbenchError, RecordError, SpecError
from dlbench.record import places
from dlbench.session.cluster import address
from dlbench.spec import AXES, PATHS, Policy

_AXES = {axis.option: axis for axis in AXES.values() if axis.option}


def check(found: Configured) -> None:
    """Raise SpecError for the first value that no call could have, whatever the other options are."""
    for one in found.stated:
        name = one.key.replace("-", "_")
        try:
            _check(name, found.options[name])
        except DlbenchError as error:
            words, message = f"{name.replace('_', ' ')} is ", str(error).replace(one.flag, one.key)
            said = message.removeprefix(words) if message.startswith(words) else f"{one.shown}: {message}"
            raise SpecError(f"{one.place}: {one.key} is {said}") from error


def _check(name: str, value: Any) -> None:
    if name in CHECKS:
        CHECKS[name](value)
    elif name in _AXES and name != "data":  # which may be a file
        axis = _AXES[name]
        for part in axis.read(value if axis.several else [value]):
            axis.check(part, axis.only or PATHS[0])


def _of_policy(field: str, value: Any) -> None:
    Policy(**{field: value})


def _are_there(reports: Iterable[Path]) -> None:
    for one in reports:
        if not places.is_there(one):
            raise RecordError(f"{one} is not there; give a runs.jsonl or its folder")


CHECKS: Mapping[str, Callable[[Any], object]] = {
    "processes": partial(_of_policy, "processes"),
    "budget": partial(_of_policy, "budget_seconds"),
    "timeout": partial(_of_policy, "timeout_seconds"),
    "memory_limit": request.memory_limit,
    "cluster": address.check,
    "fail_on": gate.parse,
    "allow": pairs.check_keys,
    "format": formats.known,
    "history": _are_there,
    "against": lambda report: _are_there([report]),
}
"""Options besides the axes whose values can be checked by themselves."""
