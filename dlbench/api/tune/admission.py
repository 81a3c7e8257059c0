"""Limits on arms of a race: on memory and latency as their groups come, on errors once an arm leads."""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.api.tune.limits import Facts, broken, facts
from dlbench.api.tune.request import Request
from dlbench.api.tune.rounds import Rounds
from dlbench.errors import redaction
from dlbench.parity import fidelity
from dlbench.record.fidelity import FIDELITY_FILE, Fidelity
from dlbench.record.journal import Journal, append
from dlbench.record.reading import read_fidelities
from dlbench.stats.tuning.race import Found, Left


class Within:
    """Measures as the race asks, and lets go of arms that break a limit on memory or latency."""

    def __init__(self, asked: Request, rounds: Rounds) -> None:
        self._asked, self._rounds = asked, rounds

    def __call__(self, number: int, arms: Sequence[int]) -> Found:
        """A group. Raises as the rounds do."""
        found = self._rounds(number, arms)
        over = {
            arm: Left("limit", reason)
            for arm in found.values
            if (reason := broken(self._asked.limits, facts(self._rounds.of(arm)), ("memory", "latency")))
        }
        return Found(found.values, {**over, **found.left})


class Errors:
    """Admits arms to the lead of a race by the limit on their error, if there is one."""

    def __init__(self, asked: Request, book: Journal) -> None:
        self._asked, self._path = asked, book.folder / FIDELITY_FILE
        found = read_fidelities(self._path) if self._path.exists() else []
        self._found = {one.spec: one for one in found}

    def __call__(self, arm: int) -> str:
        """Reason that an arm may not win; empty if it may. Raises RecordError."""
        if self._asked.limits.error is None:
            return ""
        found = self._of(arm)
        if found.worst is None:
            return f"its error is not known: {found.reason}"
        return broken(self._asked.limits, Facts(error=found.worst), ("error",))

    def known(self, arm: int) -> float | None:
        """The error of an arm, if it was looked for."""
        found = self._found.get(fidelity.arm_of(self._asked.specs[arm]))
        return None if found is None else found.worst

    def _of(self, arm: int) -> Fidelity:
        spec = fidelity.arm_of(self._asked.specs[arm])
        if spec not in self._found:
            found = redaction.record(fidelity.check([spec], self._asked.policy.timeout_seconds, {}))
            append(self._path, found)
            self._found[spec] = found[0]
        return self._found[spec]
