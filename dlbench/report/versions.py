"""Packages and variables with all the values that Runs had of them, and the environments that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from dlbench.analysis import provenance
from dlbench.errors import redaction
from dlbench.record.schema import Environment, Run


def installed(environments: Iterable[Environment]) -> dict[str, list[str]]:
    """Each package with all its versions, in order of appearance; a session that went on after an upgrade has two."""
    return every(at.packages for at in environments)


def every(found: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Each name with all its values, in order of appearance."""
    values: dict[str, dict[str, None]] = {}
    for one in found:
        for name, value in one.items():
            values.setdefault(name, {})[value] = None
    return {name: list(of_name) for name, of_name in values.items()}


def joined(found: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Each name with all its values as a reader sees them.

    Of folders the last alone: schemas 1 and 2 hold those of compile caches, and each process has its own.
    """
    return {name: values[-1] if name.endswith("_DIR") else " / ".join(values) for name, values in every(found).items()}


def environments(runs: Iterable[Run]) -> Iterable[Environment]:
    """Each machine and interpreter once, with the packages and variables of all its Runs."""
    found: dict[tuple[object, ...], list[Environment]] = {}
    for at in (run.environment for run in runs if run.environment is not None):
        key = (at.name, *provenance.machine(at).values(), at.system, at.python, at.nice, at.scheduling)
        found.setdefault(key, []).append(at)
    for alike in found.values():
        fields = {name: joined(getattr(at, name) for at in alike) for name in ("packages", "variables", "instructions")}
        fields["variables"] = redaction.without_secrets(fields["variables"])  # schemas 1 and 2 recorded by prefix
        yield msgspec.structs.replace(alike[0], **fields)
