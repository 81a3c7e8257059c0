"""Version of the contract, and of the one that a package was written for.

A package says it in its metadata, which is read without importing anything, by an entry point of the group
`dlbench.contract` whose name is the version and whose value is the package:

    [project.entry-points."dlbench.contract"]
    "1.0" = "dlbench_acme"

It holds for all that the package brings: plugins, adaptors, tasks, architectures and exports.
"""

from __future__ import annotations

import re

CONTRACT_VERSION = "1.0"
"""Semantic: a later minor version only adds, a later major version changes what a plugin must do."""
FIRST = "1.0"
"""The version of a package that does not say one."""
GROUP = "dlbench.contract"
CHANGES: dict[int, str] = {1: "versions of the contract began with 1.0"}
"""The change of each major version, in a line: it is told to the users of plugins written for an older one."""

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})")


def why_not(written_for: str) -> str:
    """The reason why a package written for this version of the contract cannot be used; empty if it can.

    An older minor version works. Of an older major version the changes since then are told.
    """
    parts = _parts(written_for)
    if parts is None:
        said = f"its contract version {written_for!r} is no version such as {CONTRACT_VERSION}"
        return f"{said}; mend its entry point of {GROUP}, and install it again"
    own = _parts(CONTRACT_VERSION)
    assert own is not None
    here = f"it is written for contract {written_for}, and this dlbench has {CONTRACT_VERSION}"
    if parts > own:
        return f"{here}; pip install --upgrade dlbench"
    if parts[0] == own[0]:
        return ""
    changed = "; ".join(f"{major}.0: {CHANGES[major]}" for major in range(parts[0] + 1, own[0] + 1))
    return f"{here} ({changed}); install a later release of it"


def _parts(version: str) -> tuple[int, int] | None:
    found = _VERSION.fullmatch(version)
    return None if found is None else (int(found[1]), int(found[2]))
