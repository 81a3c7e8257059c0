"""Both measurements of a race: all settings, and its winner once more beside the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dlbench.api.tune import folders
from dlbench.api.tune.admission import Errors, Within
from dlbench.api.tune.arms import distance
from dlbench.api.tune.limits import Facts, facts
from dlbench.api.tune.request import Request
from dlbench.api.tune.rounds import Deadline, Rounds
from dlbench.record.schema import Run
from dlbench.session.listener import Listener
from dlbench.spec import Spec
from dlbench.stats.tuning import decisions
from dlbench.stats.tuning.decisions import LOOKS_AGAIN
from dlbench.stats.tuning.race import Exhausted, Left, Outcome, race
from dlbench.workers.backends import Starter


@dataclass(frozen=True)
class Raced:
    """The end of both measurements: the outcome, groups of default (0) and winner (1) in fresh processes, and Runs."""

    outcome: Outcome
    runs: Sequence[Run]
    facts: Sequence[Facts]
    again: Sequence[Mapping[int, float]] = ()
    verdict: decisions.Confirmed | None = None
    confirmed: Sequence[Run] = ()
    reason: str = ""


def measure(asked: Request, listener: Listener) -> Raced:
    """Measure what the folder lacks. Raises DlbenchError."""
    deadline = Deadline(asked.seconds)
    first = _raced(asked, listener, deadline)
    outcome = first.outcome
    if outcome.chosen in (None, 0) or outcome.standings[0].left.end == "failed" or outcome.reason:
        return first
    return _again(asked, first, listener, deadline)


def _raced(asked: Request, listener: Listener, deadline: Deadline) -> Raced:
    with folders.race(asked.folder, asked.specs, asked.policy) as book, Starter() as start:
        errors = Errors(asked, book)
        rounds = Rounds(book, listener, start, deadline, fresh=asked.limits.memory is not None)
        outcome = race([distance(spec, asked.specs[0]) for spec in asked.specs], Within(asked, rounds), errors)
        outcome = _of_default(outcome, errors)
        known = [facts(rounds.of(arm))._replace(error=errors.known(arm)) for arm in range(len(asked.specs))]
        return Raced(outcome, list(book.runs), known, reason=outcome.reason)


def _of_default(outcome: Outcome, errors: Errors) -> Outcome:
    """The outcome without a default that breaks the limit on errors: it is to be taken if the winner is not faster."""
    first, *others = outcome.standings
    if outcome.reason or outcome.chosen in (None, 0) or first.left.end in ("failed", "limit"):
        return outcome
    if not (reason := errors(0)):
        return outcome
    alike = tuple(one for one in outcome.alike if one != 0)
    return outcome._replace(alike=alike, standings=(first._replace(left=Left("limit", reason)), *others))


def _again(asked: Request, first: Raced, listener: Listener, deadline: Deadline) -> Raced:
    """The winner once more, in fresh processes beside the default: a race favours the lucky."""
    assert first.outcome.chosen is not None
    pair = (asked.specs[0], asked.specs[first.outcome.chosen])
    listener.note("the winner again beside the default, in fresh processes")
    with folders.again(asked.folder, pair, asked.policy) as book, Starter() as start:
        groups, reason = _groups(Rounds(book, listener, start, deadline))
        verdict = "undecided" if reason else decisions.confirmed(groups, 1, 0) or "undecided"
        known = [_completed(one, spec, book.runs) for one, spec in zip(first.facts, asked.specs, strict=True)]
        return replace(first, facts=known, again=groups, verdict=verdict, confirmed=list(book.runs), reason=reason)


def _completed(known: Facts, spec: Spec, runs: Sequence[Run]) -> Facts:
    """With the memory of a fresh process, if there was one."""
    if known.memory is not None:
        return known
    return known._replace(memory=facts([run for run in runs if run.spec == spec]).memory)


def _groups(rounds: Rounds) -> tuple[list[Mapping[int, float]], str]:
    """Groups of the default and the winner until there is a verdict, and the reason if none can be had."""
    groups: list[Mapping[int, float]] = []
    try:
        for number in range(LOOKS_AGAIN[-1]):
            if number in LOOKS_AGAIN and decisions.confirmed(groups, 1, 0) is not None:
                break
            found = rounds(number, (0, 1))
            if found.left:
                return groups, f"measured again, one of two failed: {next(iter(found.left.values())).reason}"
            groups += [found.values] if len(found.values) == 2 else []
    except Exhausted as error:
        return groups, str(error)
    return groups, ""
