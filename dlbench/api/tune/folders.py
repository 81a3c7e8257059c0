"""Folders of a race's measurements, each a session of its own that can be resumed, and their effort."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dlbench.api.request import LEAN
from dlbench.record import journal
from dlbench.record.journal import Journal
from dlbench.record.schema import PLAN_FILE, Plan
from dlbench.spec import Isolation, Policy, Spec
from dlbench.stats.tuning.decisions import LOOKS_AGAIN

RACE, AGAIN = "race", "confirmation"
"""Folders of both measurements."""
FAST: Isolation = "fork" if sys.platform.startswith("linux") else "fresh"
"""Isolation in a race, but of first processes if memory has a limit; a winner is measured again in fresh ones."""
LATENCY = 0.5
"""Seconds of single steps in the first process of an arm."""
ROUNDS = 10
"""Rounds of a group of a race: from eight on its spread is that between processes, and nobody asks for steadiness."""


def race(folder: Path, specs: Sequence[Spec], asked: Policy) -> Journal:
    """The journal of a race. Raises RecordError."""
    return _opened(folder / RACE, specs, msgspec.structs.replace(_policy(asked, FAST), samples=ROUNDS))


def again(folder: Path, specs: Sequence[Spec], asked: Policy) -> Journal:
    """The journal of the winner and the default. Raises RecordError."""
    return _opened(folder / AGAIN, specs, msgspec.structs.replace(_policy(asked, "fresh"), discard=True))


def _policy(asked: Policy, isolation: Isolation) -> Policy:
    lean = {**LEAN, "latency_seconds": LATENCY}
    of_race = {"adaptive": True, "processes": LOOKS_AGAIN[-1], "budget_seconds": None, "discard": False}
    return msgspec.structs.replace(asked, **lean, **of_race, isolation=isolation)


def _opened(folder: Path, specs: Sequence[Spec], policy: Policy) -> Journal:
    if (folder / PLAN_FILE).exists():
        return journal.resume(folder)
    return journal.begin(folder, Plan(session=uuid.uuid4().hex[:12], specs=tuple(specs), policy=policy))
