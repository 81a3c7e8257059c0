"""The page of real sessions: right and wrong answers of each kind, and the seconds that they took."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

from studies.decision_quality.markdown import table
from studies.decision_quality.sessions import AGAIN, KINDS, SLOWER, Session

BUSY_BAR = 180.0
"""Seconds that a session beside neighbours may take."""
FORMER_TURN = 0.02
"""Seconds of a turn before they had a length of their own."""
UNDECIDED = frozenset({"too-few-groups", "ranks-disagree", "one-of-many"})
"""Reasons of an `inconclusive` that rests on a ratio; with any other reason a session has no verdict."""


def render(sessions: Sequence[Session], command: str) -> str:
    """The whole page."""
    parts, ordered = [_introduction(command)], sorted(sessions, key=lambda one: (_place(one), [*KINDS].index(one.kind)))
    for (count, duty, turn, machine), found in itertools.groupby(ordered, key=_place):
        at_once = list(found)
        parts += [f"## {_load(count, duty)}, turns of {1e3 * turn:g} ms", _machine(machine, at_once)]
        parts += [_pressure(at_once), _answers(at_once), _seconds(at_once), _list(at_once)]
    return "\n\n".join(parts) + "\n"


def outcome(one: Session) -> str:
    """The answer in a word: found, alarm, wrong `same`, right `same`, inconclusive, without verdict."""
    if one.verdict == "same":
        return "wrong `same`" if one.candidate == SLOWER else "right `same`"
    if one.verdict == "slower" and one.candidate == SLOWER:
        return "found"
    if one.verdict in ("slower", "faster"):
        return "alarm" if one.candidate == AGAIN else "found the wrong way"
    return "inconclusive" if one.code in UNDECIDED else "without verdict"


def _introduction(command: str) -> str:
    return f"""# Verdicts of real sessions

Written by `{command}`. Each session is `dlbench run --adaptive` of two plugins, started as a user starts it. Its
seconds are those from the prompt to the exit code. The second plugin computes 34 predictions in a step where the first
computes 33, which is 3.03 % more work, or the same 33. `inconclusive` has a ratio that is not known well enough; a
session without a verdict has no ratio that counts, or no report."""


def _place(one: Session) -> tuple[int, float, float, str]:
    """Load, turns and machine: sessions that share them stand side by side."""
    return one.neighbours, one.duty, one.turn_seconds or FORMER_TURN, one.machine


def _machine(machine: str, sessions: Sequence[Session]) -> str:
    started = sorted(one.started for one in sessions)
    return f"{machine}: {len(started)} sessions, {started[0]} to {started[-1]}."


def _load(count: int, duty: float) -> str:
    if count == 0:
        return "No neighbour"
    return f"{count} neighbour{'' if count == 1 else 's'} at work for {duty:.0%} of the time"


def _pressure(sessions: Sequence[Session]) -> str:
    found = [one.pressure for one in sessions if one.pressure is not None]
    if not found:
        return "The kernel does not say how long tasks waited for a core."
    return (
        f"Tasks waited for a core {statistics.median(found):.1%} of the time "
        f"(median of sessions; {min(found):.1%} to {max(found):.1%})."
    )


def _answers(sessions: Sequence[Session]) -> str:
    head = ["", "With 3 % more", "found", "in time", "wrong `same`", "inconclusive", "without verdict", "Equal work"]
    rows = [[*head, "alarms", "right `same`", "inconclusive", "without verdict"]]
    for kind, of_kind in itertools.groupby(sessions, key=lambda one: one.kind):
        found = list(of_kind)
        bar = BUSY_BAR if found[0].neighbours else KINDS[kind].bar
        more, equal = ([one for one in found if one.candidate == which] for which in (SLOWER, AGAIN))
        in_time = sum(outcome(one) == "found" and one.seconds <= bar for one in more)
        said = [_count(more, "found"), f"{in_time} in {bar:g} s"]
        said += [_count(more, "wrong `same`", "found the wrong way"), *_undecided(more), str(len(equal))]
        rows.append([kind, str(len(more)), *said, _count(equal, "alarm"), _count(equal, "right `same`")])
        rows[-1] += _undecided(equal)
    return table(rows[0], rows[1:])


def _undecided(sessions: Sequence[Session]) -> list[str]:
    return [_count(sessions, "inconclusive"), _count(sessions, "without verdict")]


def _count(sessions: Sequence[Session], *outcomes: str) -> str:
    return str(sum(outcome(one) in outcomes for one in sessions))


def _seconds(sessions: Sequence[Session]) -> str:
    """Medians of the time, of groups, and of the seconds of all processes by activity."""
    parts = list(dict.fromkeys(name for one in sessions for name in one.spent))
    rows = [["", "Median seconds", "from", "to", "groups", *parts]]
    for kind, of_kind in itertools.groupby(sessions, key=lambda one: one.kind):
        found = list(of_kind)
        seconds = [one.seconds for one in found]
        spent = [statistics.median(one.spent.get(part, 0.0) for one in found) for part in parts]
        figures = [statistics.median(seconds), min(seconds), max(seconds)]
        groups = f"{statistics.median(one.groups for one in found):g}"
        rows.append([kind, *(f"{one:.0f}" for one in figures), groups, *(f"{one:.1f}" for one in spent)])
    return table(rows[0], rows[1:])


def _list(sessions: Sequence[Session]) -> str:
    rows = [["Session", "Answer", "Verdict", "Reason", "Ratio (95 % interval)", "Groups", "Seconds", "More groups"]]
    for one in sessions:
        ratio = "" if one.ratio is None else f"{one.ratio:.4f}"
        ratio += "" if one.low is None or one.high is None else f" ({one.low:.4f}–{one.high:.4f})"
        more = "" if one.more_groups is None else f"{one.more_groups}, {one.more_seconds or 0:.0f} s"
        said = [one.verdict or "none", one.code or one.problem, ratio, str(one.groups), f"{one.seconds:.0f}", more]
        rows.append([f"{one.kind} {one.number} {one.candidate}", outcome(one), *said])
    return table(rows[0], rows[1:])
