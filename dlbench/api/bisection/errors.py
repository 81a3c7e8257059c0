"""Errors of the members of a trial as its figure: each group holds every member against the same exact form."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from dlbench.api.bisection.members import Members
from dlbench.errors import RecordError, redaction
from dlbench.parity import fidelity
from dlbench.record import files
from dlbench.record.fidelity import Fidelity
from dlbench.stats.bisection.search import Exhausted, Trial
from dlbench.stats.interim import INTERIM_GROUPS

ERRORS_FILE = "errors.json"
"""Errors of a trial in its folder: those of the members, group by group."""
MOST = 1e9
"""Times the explained error that count at the most: an error that is not finite is a number too."""


@dataclass
class Errors:
    """Measures trials as `dlbench.api.bisection.trials.Trials` does; the figure is the error of an arm.

    It is the largest of its errors in outputs, first gradients and losses, each over what its precision explains; 1 if
    that explains all of them.
    """

    members: Members
    folder: Path
    seconds: float | None
    begin: float = field(default_factory=time.monotonic)
    took: dict[tuple[int, ...], float] = field(default_factory=dict)
    arm: str = ""

    def __call__(self, trial: Trial) -> list[Mapping[int, float]]:
        """Groups of a trial, those of an earlier call first. Raises Unmeasurable, Exhausted and DlbenchError."""
        for member in trial.members:
            self.members.require(member)
        names = [self.members.name(one) for one in trial.members]
        place = self.members.place(trial, self.folder, lambda place: _is_of(_read(place / ERRORS_FILE), names))
        kept = _read(place / ERRORS_FILE)
        for look in INTERIM_GROUPS:
            while len(kept) < look:
                if self.seconds is not None and time.monotonic() - self.begin > self.seconds:
                    raise Exhausted(f"the budget of {self.seconds:g} s is used", self._groups(trial, kept))
                kept.append(self._measured(trial))
                _write(place / ERRORS_FILE, kept)
            groups = self._groups(trial, kept)
            if look >= trial.most or trial.verdict(groups) is not None:
                break
        return groups

    def _measured(self, trial: Trial) -> list[Fidelity]:
        """One more group. Raises Unmeasurable for a member whose error is not known; the group is not kept then."""
        begin = time.monotonic()
        pythons = {self.members.name(one): self.members.python(one) for one in trial.members}
        policy = self.members.request.policy
        specs = self.members.specs(pythons, policy)
        self.arm = specs[0].label.replace(f" @{specs[0].python}", "")
        found = redaction.record(fidelity.check(specs, policy.timeout_seconds, pythons))
        self.took[trial.members] = self.took.get(trial.members, 0.0) + time.monotonic() - begin
        names = self._names(trial)
        for one in (one for one in found if not one.deviations):
            self.members.lose(names[one.spec.python], f"{one.spec.python}: its error is not known: {one.reason}")
        return found

    def _names(self, trial: Trial) -> dict[str, int]:
        return {self.members.name(one): one for one in trial.members}

    def _groups(self, trial: Trial, kept: list[list[Fidelity]]) -> list[Mapping[int, float]]:
        """The logarithms of the figure, group by group."""
        names = self._names(trial)
        return [{names[one.spec.python]: math.log(_figure(one)) for one in group} for group in kept]


def _figure(one: Fidelity) -> float:
    shares = [found.error / found.explained for found in one.deviations if found.explained]
    return min(max([1.0, *shares]), MOST)


def _is_of(kept: list[list[Fidelity]], names: list[str]) -> bool:
    """True if these members were measured, or none yet."""
    return all([one.spec.python for one in group] == names for group in kept)


def _read(path: Path) -> list[list[Fidelity]]:
    """Groups whose errors are all known: an earlier version of dlbench kept others too, and they are measured again."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=list[list[Fidelity]])
        return [group for group in kept if all(one.deviations for one in group)]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise RecordError(f"{path} cannot be read ({error}); give another --out") from error


def _write(path: Path, kept: list[list[Fidelity]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, msgspec.json.encode(kept))
    except OSError as error:
        raise RecordError(f"{path} cannot be written ({error.strerror}); give another --out") from error
