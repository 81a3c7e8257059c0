"""Facts of a step: the packages that differ between its sides, and the command that shows it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib.metadata import distributions
from typing import Any

from packaging.utils import canonicalize_name

from dlbench.api.bisection.groups import is_timed
from dlbench.api.bisection.request import Request
from dlbench.errors import redaction
from dlbench.stats.bisection.answer import Bisection
from dlbench.stats.bisection.search import Step
from dlbench.workers.environments import words

PROCESSES = 10
"""Processes of the command that shows a figure again which has one value a process."""


def sides(asked: Request, found: Bisection) -> dict[str, Any]:
    """Options by which both sides of the first confirmed step are explained; empty if there is none."""
    confirmed = [one for one in found.changes if one.verdict == "confirmed"]
    if not confirmed:
        return {}
    of = {one.name: one.recipe for one in asked.found.candidates}
    names = (confirmed[0].before, confirmed[0].after)
    pythons = tuple(f"{name}={asked.cache.environment(of[name], name).python}" for name in names)
    return {**asked.given, "env": pythons, "out": asked.folder / "explanation", "quick": True}


def differing(asked: Request, step: Step) -> tuple[str, ...]:
    """Packages whose versions differ between both sides of a step, the commit of a repository included."""
    below = {canonicalize_name(one.name): one.version for one in distributions() if one.name}
    sides: list[Mapping[str, str]] = []
    for place in (step.before, step.after):
        one = asked.found.candidates[place]
        made = asked.cache.environment(one.recipe, one.name)
        sides.append(below | made.installed)
    names = sorted(name for name in sides[0].keys() | sides[1].keys() if sides[0].get(name) != sides[1].get(name))
    return tuple(f"{name} {sides[0].get(name, 'none')} → {sides[1].get(name, 'none')}" for name in names)


def again(asked: Request, step: Step) -> str:
    """The command that measures both sides of a step, each in the same environment."""
    envs = []
    for place in (step.before, step.after):
        one = asked.found.candidates[place]
        envs += ["--env", f"{one.name}={words.written(one.recipe)}"]
    effort = ["--adaptive"] if is_timed(asked.metric) else ["--processes", str(PROCESSES)]
    return redaction.text(shlex.join(["dlbench", "run", *envs, *asked.options, *effort]))
