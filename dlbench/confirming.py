"""What a gate flags is measured again, in fresh processes and reversed order, before it may fail.

Whoever looks at many numbers flags one by chance now and then; seldom the same one twice.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from dlbench import gate, journal, judging, matching, plan, progress, schedule, stopping
from dlbench.gate import Gate, Outcome
from dlbench.judging import Answer, Question
from dlbench.plan import Group
from dlbench.record import Plan, Run
from dlbench.report import comparison
from dlbench.spec import Spec, workload
from dlbench.start import Starter

FOLDER = "confirmation"
"""Where the second measuring lies within the folder of the first."""

Sides = tuple[Spec, ...]
"""Baseline and candidate."""
Measure = Callable[[Plan, Sequence[Group]], Sequence[Run]]


def measure_in(folder: Path, console: Console, *, quiet: bool) -> Measure:
    """What measures the groups of a plan in this folder."""

    def measure(again: Plan, groups: Sequence[Group]) -> Sequence[Run]:
        console.print(f"measured again: {', '.join(spec.label for spec in again.specs)}", highlight=False)
        with (
            journal.begin(folder, again) as book,
            progress.listener(console, quiet=quiet) as listener,
            Starter(again.pythons) as start,
        ):
            return schedule.record(groups, book, listener, start, stopping.enough)

    return measure


def of_session(judged: Gate, planned: Plan, question: Question, measure: Measure) -> Gate:
    """The gate of a session once its regressions have been measured again."""
    flagged = {spec for sides in _flagged(judged.outcomes) for spec in sides}
    specs = [spec for spec in planned.specs if msgspec.structs.replace(spec, twin=False) in flagged]
    if not specs:
        return judged
    second = judging.session(specs, _again(planned, specs, measure), question)
    return msgspec.structs.replace(judged, outcomes=tuple(_settled(judged.outcomes, second, {})))


def of_reports(answer: Answer, runs: Sequence[Run], question: Question, measure: Measure) -> Answer:
    """The answer for two reports once the regressions whose both sides can be measured here have been.

    Both sides can be where they are two Specs of one workload; the code of another session is not here.
    """
    flagged = _flagged(answer.compared.outcomes)
    reasons = {sides: why for sides in flagged if (why := _impossible(*sides))}
    specs = plan.with_twins(list(dict.fromkeys(spec for sides in flagged if sides not in reasons for spec in sides)))
    second = None
    if specs:
        like = Plan(session="", specs=(), policy=next(run.policy for run in runs if run.spec in specs))
        found = _again(like, specs, measure)
        second = judging.session(specs, found, question)
        strange = "; ".join(_strangers([run for run in runs if run.spec in specs], found))
        reasons |= {sides: f"not what the reports hold: {strange}" for sides in flagged if strange}
    outcomes = tuple(_settled(answer.compared.outcomes, second, reasons))
    compared = msgspec.structs.replace(answer.compared, outcomes=outcomes)
    return Answer(compared, gate.exit_code(outcomes, strict=question.strict), answer.refused)


def compare_files(baseline: Path, candidate: Path, question: Question, out: Path | None, *, quiet: bool) -> int:
    """Compare two saved reports, show what came out, and return the exit code. Raises DlbenchError."""
    before, after = judging.read(baseline), judging.read(candidate)
    answer = judging.reports((str(baseline), str(candidate)), before, after, question)
    if question.confirm:
        with tempfile.TemporaryDirectory() as folder:
            again = measure_in(Path(folder) / FOLDER, Console(stderr=True, quiet=quiet), quiet=quiet)
            answer = of_reports(answer, [*before, *after], question, again)
    return judging.show(answer, out, quiet=quiet)


def _flagged(outcomes: Iterable[Outcome]) -> list[Sides]:
    """The pairs of regressions that noise may have made; counts are exact."""
    return list(dict.fromkeys(one.specs for one in outcomes if one.result == "regression" and one.specs))


def _again(like: Plan, specs: Sequence[Spec], measure: Measure) -> Sequence[Run]:
    """Measured by the same policy, the arms reversed: each starts, and takes its turns, in another's place."""
    again = msgspec.structs.replace(like, session=uuid.uuid4().hex[:12], specs=tuple(specs))
    return measure(again, plan.groups(list(reversed(specs)), again.policy))


def _impossible(baseline: Spec, candidate: Spec) -> str:
    if baseline == candidate:
        return "the code of the baseline's session is not here; measure both in one session (dlbench run --env)"
    if workload(baseline) != workload(candidate):
        return f"the sides differ in {', '.join(matching.differing(baseline, candidate))} and cannot take turns"
    if baseline.environment or candidate.environment:
        return "the reports do not hold their Python environments; measure both in one session (dlbench run --env)"
    return ""


def _strangers(before: Sequence[Run], again: Sequence[Run]) -> Iterator[str]:
    yield from (f"another machine ({said})" for said in matching.machines(before, again))
    yield from comparison.versions(before, again)


def _settled(outcomes: Iterable[Outcome], second: Gate | None, reasons: Mapping[Sides, str]) -> Iterator[Outcome]:
    """The outcomes with every regression confirmed or undone."""
    again = {(one.condition, one.metric, one.specs): one for one in (second.outcomes if second else ())}
    for one in outcomes:
        if one.result != "regression" or not one.specs:
            yield one
            continue
        mate, why = again.get((one.condition, one.metric, one.specs)), reasons.get(one.specs, "")
        if not why and mate is not None and mate.result == "regression":
            yield msgspec.structs.replace(one, reason=f"confirmed: measured again, the ratio is {_ratio(mate)}")
            continue
        why = why or (_undone(mate) if mate is not None else (second.refused if second else "") or "not measured again")
        yield msgspec.structs.replace(one, result="inconclusive", reason=f"not confirmed: {why}")


def _undone(found: Outcome) -> str:
    said = f" ({found.reason})" if found.reason else ""
    return f"measured again, the ratio is {_ratio(found)}: {found.result}{said}"


def _ratio(found: Outcome) -> str:
    return "not known" if found.ratio is None else f"{found.ratio.value:.3g}"
