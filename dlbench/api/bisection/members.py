"""Members of a range: their environments, the arm that is measured in each, and those that cannot be had."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from dlbench.api.request import RunRequest
from dlbench.errors import DlbenchError, SpecError
from dlbench.session import models
from dlbench.session.listener import Listener
from dlbench.spec import Policy, Spec, workload_key
from dlbench.stats.bisection.search import Trial, Unmeasurable
from dlbench.workers import interpreters
from dlbench.workers.environments import used
from dlbench.workers.environments.cache import Cache
from dlbench.workers.environments.layers import NothingInstallable
from dlbench.workers.environments.ranges import Found


@dataclass
class Members:
    """The members of a range, made as they are asked for.

    `skipped` are the reasons of those that can never be measured here, which `keep` puts on the disk as they come.
    `lost` are those of all that were lost in this call: what an installer or a process met may be over in the next one.
    """

    found: Found
    request: RunRequest
    cache: Cache
    listener: Listener
    skipped: dict[int, str]
    keep: Callable[[], object]
    lost: dict[int, str] = field(default_factory=dict)
    pythons: dict[int, str] = field(default_factory=dict)
    plugins: list[str] | None = None

    def name(self, member: int) -> str:
        """Name of a member and of its environment."""
        return self.found.candidates[member].name

    def python(self, member: int) -> str:
        """The interpreter of a member, whose environment is made if need be. Raises Unmeasurable and SpecError."""
        if member not in self.pythons:
            one = self.found.candidates[member]
            try:
                made = self.cache.environment(one.recipe, one.name, self.listener.note)
                named = self.request.subjects.selection.get("plugin", ())
                self.plugins = interpreters.plugins({one.name: made.python}, named)
            except NothingInstallable:
                raise
            except DlbenchError as error:
                self.lose(member, str(error))
            if not self.found.packages:  # a repository tells its package when it is installed
                used.check(made.installed, named)
            self.pythons[member] = made.python
        return self.pythons[member]

    def specs(self, pythons: Mapping[str, str], policy: Policy) -> list[Spec]:
        """One Spec a member, and a seed. Raises SpecError for options that select more."""
        subjects = self.request.subjects
        subjects = subjects._replace(selection={**subjects.selection, "python": tuple(pythons)})
        specs = models.expand(subjects, policy, self.plugins, next(iter(pythons.values())))
        each = {(spec.label, workload_key(spec)): spec for spec in specs}
        if len(each) != len(pythons):
            said = ", ".join(sorted({label.partition(" @")[0] for label, _ in each})) or "none"
            why = f"these options select {len(each) // len(pythons)} ({said})"
            raise SpecError(f"a bisection measures one arm on one workload, and {why}; give one value of each")
        return specs

    def place(self, trial: Trial, folder: Path, fits: Callable[[Path], bool]) -> Path:
        """The folder of a trial: one that fits, or that is not there.

        A search that goes on another way than before, as a member can be measured now, meets trials of other members.
        """
        stem = f"{trial.number + 1:02d}-{trial.kind}-{self.name(trial.place)}"
        names = (stem if number == 1 else f"{stem}-{number}" for number in itertools.count(1))
        return next(place for place in map(folder.joinpath, names) if not place.exists() or fits(place))

    def require(self, member: int) -> None:
        """Raise Unmeasurable for a member that is known to be."""
        if reason := self.lost.get(member) or self.skipped.get(member):
            raise Unmeasurable(member, reason)

    def lose(self, member: int, reason: str, *, final: bool = False) -> NoReturn:
        """Raise Unmeasurable, and put the reason down: for this call, or for all of them."""
        self.lost[member] = reason
        if final:
            self.skipped[member] = reason
            self.keep()
        raise Unmeasurable(member, reason)
