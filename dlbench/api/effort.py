"""The measuring effort: options of the command line that make a Policy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from dlbench.errors import SpecError
from dlbench.spec import AXES, Policy

PROCESSES = {"quick": 1, "rigorous": 15}
FIXED_BY_PLAN = (
    *(axis.option for axis in AXES.values() if axis.option),
    *("jit", "env", "quick", "rigorous", "processes", "adaptive", "cold", "budget", "timeout", "memory_limit"),
    *("isolation", "out"),
)
"""Options that a plan answers."""


def policy(options: Mapping[str, Any]) -> Policy:
    """How hard to measure. Raises SpecError, also for what a resumed session has in its plan already."""
    if options["resume"] and (given := [name for name in FIXED_BY_PLAN if options[name]]):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise SpecError(f"--resume goes on with what was planned; leave {names} out")
    processes = _processes(options)
    return Policy(
        processes=processes,
        adaptive=options["adaptive"],
        budget_seconds=options["budget"],
        timeout_seconds=Policy().timeout_seconds if options["timeout"] is None else options["timeout"],
        isolation=options["isolation"] or Policy().isolation,
        memory_limit_bytes=_bytes(options["memory_limit"]) if options["memory_limit"] else None,
        discard=processes > 1 and not options["cold"] and options["isolation"] != "none",
    )


def _bytes(text: str) -> int:
    """`512M` or `4G`, in powers of 1024. Raises SpecError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if match is None:
        raise SpecError(f"memory limit is {text!r}: it must be a size such as 512M or 4G")
    size = float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")
    if not math.isfinite(size):
        raise SpecError(f"memory limit is {text[:40]!r}: no number is that large; give a size such as 512M or 4G")
    return int(size)


def _processes(options: Mapping[str, Any]) -> int:
    asked = [name for name in ("quick", "rigorous", "adaptive") if options[name]]
    asked += ["processes"] if options["processes"] is not None else []
    if len(asked) > 1:
        raise SpecError(f"--{' and --'.join(asked)} contradict each other; give one")
    if not asked or asked == ["adaptive"]:
        return Policy().processes
    return PROCESSES[asked[0]] if asked[0] in PROCESSES else int(options["processes"])
