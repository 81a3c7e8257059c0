"""Packages and the versions that Runs had of them."""

from __future__ import annotations

from collections.abc import Iterable

from dlbench.record import Environment


def installed(environments: Iterable[Environment]) -> dict[str, list[str]]:
    """Each package with all its versions, in order of appearance; a session that went on after an upgrade has two."""
    found: dict[str, dict[str, None]] = {}
    for at in environments:
        for package, version in at.packages.items():
            found.setdefault(package, {})[version] = None
    return {package: list(versions) for package, versions in found.items()}
