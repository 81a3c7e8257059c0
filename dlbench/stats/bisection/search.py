"""The search: two ends that differ, then halves of what lies between them, and each step that is found once more.

Both ends of a stretch are measured in lockstep with every candidate, so that a candidate is compared with what they are
at that moment. A candidate that is neither like one end nor like the other parts the stretch in two, and each part has
a step of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dlbench.stats.bisection import decisions
from dlbench.stats.bisection.decisions import DELTA, MOST, Contrasts, Groups, Known, Rule, Verdict
from dlbench.stats.decisions import NEGLIGIBLE_CHANGE
from dlbench.stats.interim import INTERIM_GROUPS

Kind = Literal["ends", "candidate", "confirmation", "strip"]
Status = Literal["found", "same", "undecided", "not measured"]
WHY: Mapping[str, str] = {
    "not confirmed": f"fresh processes show less than {NEGLIGIBLE_CHANGE:.0%} between its sides",
    "undecided": f"{MOST} groups do not decide",
}
"""Reasons of verdicts that leave a question open."""


@dataclass(frozen=True)
class Trial:
    """Some members of the range to measure in lockstep, until `verdict` has an answer or the last look is over.

    `place` is the member in question; of ends it is the new one, of a confirmation the later side of the step. `most`
    groups are its last look for now.
    """

    number: int
    kind: Kind
    members: tuple[int, ...]
    place: int
    rule: Rule
    share: float
    all_count: bool = False
    most: int = MOST

    def verdict(self, groups: Groups) -> Verdict | None:
        """The verdict on these groups; None if another look is to be taken."""
        if len(groups) < INTERIM_GROUPS[0]:
            return None
        found = self.rule(self.contrasts(groups))
        return found or ("undecided" if len(groups) >= self.most else None)

    def contrasts(self, groups: Groups) -> Contrasts:
        """Differences between its members."""
        return Contrasts(groups, self.share, self.all_count)


class Unmeasurable(Exception):
    """A member that cannot be installed, imported or run, and the reason in a line."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place, self.reason = place, reason


class Exhausted(Exception):
    """Nothing further is measured: the reason in a line, and the groups of the trial that it cut short."""

    def __init__(self, reason: str, groups: Groups = ()) -> None:
        super().__init__(reason)
        self.groups = groups


Measure = Callable[[Trial], Groups]
"""Groups of a trial, as many as its verdict takes. Raises Unmeasurable or Exhausted."""


class Row(NamedTuple):
    """A line of the transcript: a trial with its verdict.

    `to_old` is the ratio of `place` to the old end of its stretch, and `whole` that of the new end to the old one.
    """

    kind: Kind
    place: int
    members: tuple[int, ...]
    verdict: Verdict
    to_old: Known | None = None
    whole: Known | None = None
    reason: str = ""


class Step(NamedTuple):
    """A change between two places. They are neighbours, unless `skipped` between them could not be measured."""

    before: int
    after: int
    ratio: Known | None
    verdict: Verdict
    skipped: tuple[int, ...] = ()


class Outcome(NamedTuple):
    """The end of a search; `reason` says why it has no answer, and `ranges` where a change still is, if it is known."""

    status: Status
    rows: tuple[Row, ...]
    steps: tuple[Step, ...]
    reason: str = ""
    ranges: tuple[tuple[int, int], ...] = ()

    @property
    def confirmed(self) -> tuple[Step, ...]:
        """The steps that the second measurement showed too."""
        return tuple(step for step in self.steps if step.verdict == "confirmed")

    @property
    def several(self) -> bool:
        """True if the range has more than one step."""
        parted = any(row.verdict == "between" for row in self.rows)
        return parted or len(self.confirmed) + len(self.ranges) > 1


class Stretch(NamedTuple):
    """A part of the range with a change in it, between `low` and `high`; `old` and `new` are its ends."""

    old: int
    low: int
    high: int
    new: int


class _Lost(Exception):
    """An end of a stretch cannot be measured, so that nothing can be compared with it."""


def search(
    places: int, measure: Measure, tell: Callable[[Row], object] = lambda _: None, *, all_count: bool = False
) -> Outcome:
    """Search a range of this many places, from 0, the old end; `tell` gets each row of the transcript as it is known.

    The answer is wrong in at most `ALARM` of all searches. With `all_count` no outermost group is left out of a ratio.
    """
    state = _Search(places, measure, tell, all_count)
    try:
        status, reason = state.run()
    except Exhausted as error:
        status, reason = "undecided", str(error)
    except _Lost as error:
        status, reason = "not measured", str(error)
    ranges = tuple((one.low, one.high) for one in state.open)
    found = Outcome(status, tuple(state.rows), tuple(sorted(state.steps, key=lambda step: step.before)), reason, ranges)
    return found._replace(status="found") if found.confirmed else found


@dataclass
class _Search:
    """The state of a search: `open` stretches have a change that is not found yet."""

    places: int
    measure: Measure
    tell: Callable[[Row], object]
    all_count: bool
    rows: list[Row] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    open: list[Stretch] = field(default_factory=list)
    skipped: set[int] = field(default_factory=set)

    def run(self) -> tuple[Status, str]:
        """The status of a search without a confirmed step, and its reason. Raises Exhausted and _Lost."""
        last, undecided = self.places - 1, list[Stretch]()
        row, _ = self.trial("ends", (0, last), last, decisions.ends(0, last))
        if row.verdict != "differ":
            known = row.verdict == "same"
            return ("same", "") if known else ("undecided", f"the ends are not told apart after {MOST} groups")
        self.open.append(Stretch(0, 0, last, last))
        while self.open:
            if not self.advance():
                undecided.append(self.open.pop(0))
        self.open += undecided
        if any(step.verdict == "not confirmed" for step in self.steps):
            return "undecided", f"a step was seen, and {WHY['not confirmed']}"
        return ("undecided", f"not every verdict was reached after {MOST} groups") if self.open else ("found", "")

    def advance(self) -> bool:
        """Measure one more member of the first open stretch, or confirm its step; False if that decided nothing."""
        old, low, high, new = self.open[0]
        place = self.middle(low, high)
        if place is None:
            return self.confirm(self.open[0])
        row, _ = self.trial("candidate", (old, place, new), place, decisions.candidate(old, place, new))
        match row.verdict:
            case "between":
                self.open[:1] = [Stretch(old, old, place, place), Stretch(place, place, new, new)]
            case "like old":
                self.open[0] = Stretch(old, place, high, new)
            case "like new":
                self.open[0] = Stretch(old, low, place, new)
        return row.verdict != "undecided"

    def middle(self, low: int, high: int) -> int | None:
        """The place nearest to the middle that can be measured; None if none is left."""
        left = [place for place in range(low + 1, high) if place not in self.skipped]
        return min(left, key=lambda place: (abs(2 * place - low - high), place), default=None)

    def confirm(self, stretch: Stretch) -> bool:
        """Measure both sides of a step once more, with the ends; what they leave unexplained is looked for in turn."""
        old, before, after, new = stretch
        rule = decisions.confirmation(old, before, after, new)
        row, found = self.trial("confirmation", (old, before, after, new), after, rule)
        assert found is not None
        skipped = tuple(place for place in sorted(self.skipped) if before < place < after)
        self.steps.append(Step(before, after, found.known(after, before), row.verdict, skipped))
        if row.verdict != "confirmed":
            return False
        rests = [(old, before), (after, new)]
        left = [(one, other) for one, other in rests if (gap := found.of(other, one)) and gap.clear_of(DELTA)]
        self.open[:1] = [Stretch(one, one, other, other) for one, other in left]
        return True

    def trial(self, kind: Kind, members: tuple[int, ...], place: int, rule: Rule) -> tuple[Row, Contrasts | None]:
        """Measure, and put a row down. Raises Exhausted, and _Lost if another than a candidate is not measurable."""
        members = tuple(dict.fromkeys(members))
        asked = sum(row.verdict != "not measured" for row in self.rows)
        share = decisions.share(asked, self.places)
        if share is None:
            raise Exhausted(f"{asked} decisions are as many as the error of a search is shared among")
        trial = Trial(len(self.rows), kind, members, place, rule, share, self.all_count)
        try:
            groups = self.measure(trial)
        except Unmeasurable as error:
            self.skipped.add(error.place)
            row = self.put(Row(kind, error.place, members, "not measured", reason=error.reason))
            if kind == "candidate" and error.place == place:
                return row, None
            raise _Lost(error.reason) from error
        except Exhausted as error:
            if error.groups:
                self.put(_row(trial, trial.contrasts(error.groups), "undecided")._replace(reason=str(error)))
            raise
        found, verdict = trial.contrasts(groups), trial.verdict(groups) or "undecided"
        return self.put(_row(trial, found, verdict)._replace(reason=WHY.get(verdict, ""))), found

    def put(self, row: Row) -> Row:
        """Add a row to the transcript."""
        self.rows.append(row)
        self.tell(row)
        return row


def _row(trial: Trial, found: Contrasts, verdict: Verdict) -> Row:
    """The row of a trial with its ratios."""
    old, new = trial.members[0], trial.members[-1]
    ratios = found.known(trial.place, old), found.known(new, old)
    return Row(trial.kind, trial.place, trial.members, verdict, *ratios)
