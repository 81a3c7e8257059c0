"""Trials, measured: each a session of its own in the folder of the search, which can be resumed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlbench.api.bisection import effort
from dlbench.api.bisection import groups as of_runs
from dlbench.api.bisection.members import Members
from dlbench.errors import SpecError
from dlbench.record import journal
from dlbench.record.schema import PLAN_FILE, Plan, Run
from dlbench.session import machine, plan, schedule
from dlbench.stats.bisection.search import Exhausted, Trial
from dlbench.stats.interim import INTERIM_GROUPS
from dlbench.workers.backends import Starter


@dataclass
class Trials:
    """Measures trials as a search asks for them, until `seconds` are used.

    `took` are the seconds of each trial, by its members, and `arm` names what was measured. `last` is what the last
    trial taught of the noise here: the rounds of the next one follow from it.
    """

    members: Members
    metric: str
    folder: Path
    seconds: float | None
    begin: float = field(default_factory=time.monotonic)
    took: dict[tuple[int, ...], float] = field(default_factory=dict)
    arm: str = ""
    last: effort.Learnt | None = None

    def __call__(self, trial: Trial) -> list[Mapping[int, float]]:
        """Groups of a trial, those of an earlier call first. Raises Unmeasurable, Exhausted and DlbenchError."""
        for member in trial.members:
            self.members.require(member)
        with self._journal(trial) as book, Starter(book.plan.pythons) as start:
            first = book.plan.specs[0]
            self.arm = first.label.replace(f" @{first.python}", "")
            self._forget(trial, book)
            done = max((run.group + 1 for run in book.runs), default=0)
            self.took[trial.members] = of_runs.seconds(book.runs)
            groups = self._groups(trial, book.runs)
            for look in (one for one in INTERIM_GROUPS if one >= done):
                if look > done or not book.runs:
                    self._require_time(groups)
                    self._measure(trial, book, start, look)
                self.took[trial.members] = of_runs.seconds(book.runs)
                groups = self._groups(trial, book.runs)
                if len({run.group for run in book.runs}) < look:
                    self._require_time(groups)
                if look >= trial.most or trial.verdict(groups) is not None:
                    break
                self._require_quiet(trial, book.runs, groups)
            self._learn(trial, book.runs)
            return groups

    def _learn(self, trial: Trial, runs: Sequence[Run]) -> None:
        if of_runs.is_timed(self.metric):
            found = of_runs.by_member(trial, runs, self._names(trial))
            self.last = effort.learnt(trial, found, runs)

    def _require_quiet(self, trial: Trial, runs: Sequence[Run], groups: Sequence[Mapping[int, float]]) -> None:
        """Raise Exhausted if other programs leave no ratio at two looks: more groups would teach nothing."""
        if groups or max(run.group for run in runs) + 1 < INTERIM_GROUPS[1]:
            return
        found = of_runs.by_member(trial, runs, self._names(trial))
        if said := of_runs.disturbance(trial, found, self.metric):
            raise Exhausted(said, groups)

    def _forget(self, trial: Trial, book: journal.Journal) -> None:
        """Forget the groups of an earlier call from where a member no longer ran: what kept it may be over."""
        found = of_runs.by_member(trial, book.runs, self._names(trial))
        stopped = min((run.group for run in book.runs if schedule.never_ran(run)), default=None)
        if not all(found.values()):
            book.truncate(0)
        elif stopped is not None:
            book.truncate(sum(run.group < stopped for run in book.runs))

    def _groups(self, trial: Trial, runs: Sequence[Run]) -> list[Mapping[int, float]]:
        """Groups so far. Raises Unmeasurable for a member whose Runs up to a look all failed, or that cannot run."""
        names = self._names(trial)
        found = of_runs.by_member(trial, runs, names)
        for name, member in names.items():
            if failure := of_runs.failure(runs, name):
                self.members.lose(member, failure.reason, final=failure.final)
        groups = of_runs.groups(trial, found, self.metric)
        if not groups and runs and (lacking := of_runs.lacking(found, self.metric)) is not None:
            self.members.lose(lacking, f"{self.members.name(lacking)}: {of_runs.no_figure(self.metric)}")
        return groups

    def _names(self, trial: Trial) -> dict[str, int]:
        return {self.members.name(one): one for one in trial.members}

    def _require_time(self, groups: Sequence[Mapping[int, float]]) -> None:
        """Raise Exhausted, with the groups so far, when the budget is used."""
        if self.seconds is not None and not self._has_time():
            raise Exhausted(f"the budget of {self.seconds:g} s is used", groups)

    def _has_time(self) -> bool:
        return self.seconds is None or time.monotonic() - self.begin <= self.seconds

    def _worth(self, due: Iterator[plan.Group | None], book: journal.Journal) -> Iterator[plan.Group | None]:
        """The first of these groups, and further ones until the budget is used or a member is seen not to run."""
        for group in due:
            yield group
            if not self._has_time() or any(map(schedule.never_ran, book.runs)):
                return

    def _measure(self, trial: Trial, book: journal.Journal, start: Starter, look: int) -> None:
        for member in trial.members:
            if self.members.python(member) != book.plan.pythons[self.members.name(member)]:
                raise SpecError(f"{book.folder} was measured in other environments; give another --out")
        groups = plan.groups(book.plan.specs, book.plan.policy)
        here = machine.here(start)
        schedule.record(
            [group for group in groups if group.number < look],
            book,
            self.members.listener,
            lambda planned, listener, before, due: here(planned, listener, before, self._worth(due, book)),
        )

    def _journal(self, trial: Trial) -> journal.Journal:
        names = [*self._names(trial)]
        place = self.members.place(trial, self.folder, lambda found: of_runs.is_of(found, names))
        if (place / PLAN_FILE).exists():
            return journal.resume(place)
        pythons = {self.members.name(one): self.members.python(one) for one in trial.members}
        request = self.members.request
        together = bool(request.subjects.selection.get("workers"))
        confirms = trial.kind == "confirmation"
        samples = effort.samples(trial, self.last)
        policy = effort.policy(request.policy, self.metric, samples, confirms=confirms, together=together)
        specs = self.members.specs(pythons, policy)
        planned = Plan(session=uuid.uuid4().hex[:12], specs=tuple(specs), policy=policy, pythons=pythons)
        return journal.begin(place, planned)
