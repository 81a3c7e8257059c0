"""Requests of `dlbench tune`: checked, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlbench.api.request import RunRequest
from dlbench.api.tune.arms import differing, name_of
from dlbench.api.tune.limits import Limits
from dlbench.spec import Policy, Spec
from dlbench.stats.tuning.decisions import FRONT, LOOKS, LOOKS_AGAIN, MOST

PROCESS = 4
"""Seconds of a process, for an estimate before anything is measured."""


@dataclass(frozen=True)
class Request:
    """Checked request of `dlbench tune`; `words` are those of its command, by which its folder can resume it."""

    run: RunRequest
    limits: Limits
    specs: tuple[Spec, ...]
    folder: Path
    seconds: float | None
    words: tuple[str, ...]
    resume: bool

    @property
    def policy(self) -> Policy:
        """The effort that was asked for."""
        return self.run.policy


def outline(asked: Request) -> list[str]:
    """Lines on what a race would do: its arms, groups and minutes."""
    axes, arms = differing(asked.specs), len(asked.specs)
    least = arms + min(arms, FRONT) * (LOOKS[0] - 1) + 2 * LOOKS_AGAIN[0]
    return [
        f"{asked.specs[0].plugin}, {asked.specs[0].phase}: {arms} settings; the default is "
        f"{name_of(asked.specs[0], axes)}",
        f"a group of all settings, {LOOKS[0] - 1} of the {min(arms, FRONT)} fastest, up to {MOST} of those that are "
        f"left, then {LOOKS_AGAIN[0]} to {LOOKS_AGAIN[-1]} of the winner beside the default in fresh processes",
        f"at least {least} processes, about {least * PROCESS / 60:.0f} minutes if one takes {PROCESS} s; "
        "nothing was measured",
        *(f"  limit {text}" for text in asked.limits.words()),
        *(f"  {name_of(spec, axes)}" for spec in asked.specs),
    ]


def given(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `dlbench run` among these, completed; what a race does by itself is left out."""
    own = {"out": None, "resume": None, "budget": None, "quiet": True, "dry_run": False, "parity": False}
    found = {**defaults, **{name: value for name, value in options.items() if name in (*defaults, "plugin")}}
    return {**found, "env": (), "explain": False, **own}
