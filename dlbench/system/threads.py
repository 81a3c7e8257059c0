"""Threads of a program: the default number, and the variables by which users and libraries set it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dlbench.system import cpus
from dlbench.system.cgroup import ROOT, cpu_quota

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Numbers of threads that numerical libraries read; every child gets all of them, equal to its Spec's threads."""
LIMITS = ("OMP_THREAD_LIMIT", "KMP_DEVICE_THREAD_LIMIT", "KMP_ALL_THREADS")
"""Limits that the OpenMP libraries of GCC and LLVM read; a child keeps them."""


class Default(NamedTuple):
    """Default number of threads of a Spec; `why` is the reason if it is not one a core."""

    number: int
    why: str = ""


def default(variables: Mapping[str, str], root: Path = ROOT) -> Default:
    """Threads that a variable requests, or one a core, within a quota and a limit."""
    found = _asked(variables) or _by_quota(cpu_quota(root))
    for name in LIMITS:
        limit = _number(variables.get(name, ""))
        if limit is not None and limit < found.number:
            found = Default(limit, f"{name}={limit} of this environment")
    return found


def caller(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of the caller's environment that a child does not get as they are."""
    return {name: variables[name] for name in VARIABLES if variables.get(name)}


def note(given: int | None, variables: Mapping[str, str], root: Path = ROOT) -> str:
    """One line on a number of threads that the user may not expect; empty if there is nothing to say."""
    chosen = default(variables, root) if given is None else Default(given)
    replaced = [f"{name}={value}" for name, value in caller(variables).items() if value.strip() != str(chosen.number)]
    said = []
    if chosen.why:
        said.append(f"threads {chosen.number}: {chosen.why}; --threads gives another number")
    if replaced:
        said.append(f"threads {chosen.number} replaces {', '.join(replaced)} of this environment")
    return "; ".join(said)


def _asked(variables: Mapping[str, str]) -> Default | None:
    """Number of the first variable that has one; OpenMP's may hold one number a level of nesting."""
    for name in VARIABLES:
        if (count := _number(variables.get(name, "").partition(",")[0])) is not None:
            return Default(count, f"{name}={count} of this environment")
    return None


def _by_quota(quota: float) -> Default:
    cores = cpus.count()
    count = max(1, math.floor(min(quota, cores)))
    return Default(count, f"the control group's quota is {quota:.3g} of {cores} cores" if count < cores else "")


def _number(text: str) -> int | None:
    """A whole number from 1; None for anything else."""
    found = text.strip()
    return int(found) if found.isascii() and found.isdigit() and int(found) else None
