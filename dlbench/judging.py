"""What is compared and gated once Runs are there: two reports, or the arms of one session."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from dlbench import compare, gate, matching, naming, nulls, steadiness
from dlbench.compare import Pair
from dlbench.decoding import read_plan, read_runs
from dlbench.errors import DlbenchError, RecordError, SpecError
from dlbench.metrics import METRICS
from dlbench.record import PLAN_FILE, RUNS_FILE, Record, Run
from dlbench.report import comparison, markdown, terminal
from dlbench.report.comparison import Compared
from dlbench.spec import Spec


@dataclass(frozen=True)
class Question:
    """What a comparison was asked: the gate, the differences that are meant, sessions of unchanged code."""

    conditions: Sequence[gate.Condition] = ()
    allow: Sequence[str] = ()
    history: Sequence[Run] = ()
    strict: bool = False
    confirm: bool = False

    @property
    def metrics(self) -> list[str]:
        """What the conditions look at; empty where they only count."""
        return [metric for condition in self.conditions for metric in gate.METRICS.get(condition.name, ())]

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Question:
        """Check the options of the command line. Raises DlbenchError."""
        matching.check_keys(options["allow"])
        history = [run for source in options["history"] for run in _read_all(source)]
        conditions = gate.parse(options["fail_on"])
        if options["strict"] and not conditions:
            raise SpecError("--strict tightens a gate and there is none; give --fail-on slower:2%")
        if options["confirm"] and not conditions:
            raise SpecError("--confirm measures again what a gate flags and there is none; give --fail-on slower:2%")
        return cls(conditions, options["allow"], history, options["strict"], options["confirm"])


@dataclass(frozen=True)
class Saved:
    """A report that what is measured now is compared with."""

    name: str
    runs: Sequence[Run]

    @classmethod
    def named(cls, options: Mapping[str, Any]) -> Saved | None:
        """What `--against` names; None without it. Raises RecordError, and SpecError for options that belong to it."""
        source = options["against"]
        if source is None and (given := [name for name in ("allow", "history") if options[name]]):
            raise SpecError(f"--{given[0]} is about another report; give --against REPORT, or leave it out")
        return None if source is None else cls(str(source), read(source))

    def check(self, specs: Sequence[Spec], question: Question) -> None:
        """Raise, before anything is measured, RecordError where nothing could be compared, SpecError for a gate."""
        matching.check_common([run.spec for run in self.runs if run.status == "ok"], specs, question.allow)
        if question.metrics and not question.history and matching.SESSION not in question.allow:
            raise SpecError(f"not gated: {gate.TWO_SESSIONS}")


@dataclass(frozen=True)
class Answer:
    """What came out, and the exit code that it asks for; `refused` says why it cannot be gated."""

    compared: Compared
    code: int
    refused: str = ""


def read(source: Path) -> list[Run]:
    """The Runs of a report, a runs.jsonl or its folder. Raises RecordError."""
    return read_runs(source / RUNS_FILE if source.is_dir() else source)


def planned(source: Path) -> Sequence[Spec]:
    """What the session of a report meant to measure; nothing where its plan is not beside it. Raises RecordError."""
    path = (source if source.is_dir() else source.parent) / PLAN_FILE
    of_a_session = source.is_dir() or source.name == RUNS_FILE
    return read_plan(path).specs if of_a_session and path.exists() else ()


def reports(
    names: tuple[str, str],
    before: Sequence[Run],
    after: Sequence[Run],
    question: Question,
    planned: Sequence[Spec] = (),
) -> Answer:
    """Compare two reports, matched by Spec. Raises RecordError or UnknownName when nothing can be compared.

    `planned` is what the session of `after` meant to measure, where that is known: what of it never ran cannot pass,
    and its twins are to have run.
    """
    before, after = steadiness.mark(before), steadiness.mark(after)
    looked_at = dict.fromkeys(("step_time", *question.metrics))
    null_pairs = [nulls.null_pairs(runs, looked_at) for runs in (before, after)]
    called = naming.of_specs(run.spec for run in (*before, *after))
    objection = nulls.objection([one for of_side in null_pairs for one in of_side], called)
    arms = [msgspec.structs.replace(spec, twin=False) for spec in planned if spec.twin]
    unchecked = _unchecked(arms, after, null_pairs[1], question)
    before, after = nulls.without_twins(before), nulls.without_twins(after)
    found = matching.match(before, after, question.allow)
    beware = [f"not compared: {text}" for text in found.left_out]
    against = [*_fallen(before, after, planned, question.allow), *unchecked] if question.conditions else ()
    answer = _answer(names, found.pairs, beware, question, against)
    return _vetoed(answer, objection, question) if objection else answer


def session(specs: Sequence[Spec], runs: Sequence[Run], question: Question) -> gate.Gate | None:
    """Gate the arms of one session against the first of each workload as planned; None where no gate was asked for."""
    if not question.conditions:
        return None
    marked = steadiness.mark(runs)
    pairs, found = compare.planned_pairs(specs, marked), nulls.null_pairs(marked, question.metrics)
    baselines = list(dict.fromkeys(pair.baseline for pair in pairs))
    against = (*_absent(pairs, runs), *_apart(pairs, question), *_unchecked(baselines, marked, found, question))
    refused = "; ".join(dict.fromkeys(against))
    outcomes = gate.judge(pairs, question.conditions, list(matching.counts(pairs)), {})
    if objection := nulls.objection(found, naming.of_specs(specs)):
        outcomes = gate.vetoed(outcomes, objection)
    return gate.Gate(outcomes=() if refused else tuple(outcomes), refused=refused)


def keep(judged: gate.Gate | None, folder: Path) -> None:
    """Put what the gate said beside the Runs, so that rendering them again shows it; None takes away what was there."""
    if judged is None:
        (folder / gate.GATE_FILE).unlink(missing_ok=True)
    else:
        _put(folder, {gate.GATE_FILE: _json(judged)})


def kept(folder: Path) -> gate.Gate | None:
    """What the gate of the session in this folder said; None where there was none. Raises RecordError."""
    path = folder / gate.GATE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=gate.Gate) if path.exists() else None
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, DlbenchError) as error:
        raise RecordError(f"{path}: not what a gate said ({error}); remove it to read the Runs alone") from error


def show(answer: Answer, out: Path | None, *, quiet: bool) -> int:
    """Print the comparison, write it where asked, and return the exit code. Raises DlbenchError for a gate refused."""
    if not quiet:
        Console().print(terminal.blocks(list(comparison.page(answer.compared))))
    if out is not None:
        _write(answer.compared, out)
    if answer.refused:
        raise DlbenchError(f"not gated: {answer.refused}")
    return answer.code


def _answer(
    names: tuple[str, str], pairs: Sequence[Pair], beware: Sequence[str], question: Question, fallen: Sequence[str]
) -> Answer:
    history = {metric: matching.between_sessions(question.history, pairs, metric) for metric in comparison.COMPARED}
    counts = tuple(matching.counts(pairs))
    outcomes = gate.judge(pairs, question.conditions, counts, history)
    refused = "; ".join(dict.fromkeys((*fallen, *_refusals(pairs, question, history))))
    compared = Compared(
        baseline=names[0],
        candidate=names[1],
        rows=tuple(comparison.rows(pairs, history)),
        counts=counts,
        warnings=(*comparison.warnings(pairs, history), *beware),
        outcomes=() if refused else tuple(outcomes),
    )
    return Answer(compared, gate.exit_code(outcomes, strict=question.strict), refused)


def _vetoed(answer: Answer, objection: str, question: Question) -> Answer:
    """The answer of a session that is not to be believed."""
    found = answer.compared
    rows = [msgspec.structs.replace(row, comparison=nulls.vetoed([row.comparison], objection)[0]) for row in found.rows]
    outcomes = gate.vetoed(found.outcomes, objection)
    compared = msgspec.structs.replace(found, rows=tuple(rows), outcomes=tuple(outcomes))
    return Answer(compared, gate.exit_code(outcomes, strict=question.strict), answer.refused)


def _unchecked(
    arms: Sequence[Spec], runs: Sequence[Run], found: Sequence[nulls.NullPair], question: Question
) -> Iterator[str]:
    """Arms whose gated metrics no twin has, so that nothing says what equal programs look like in this session."""
    checked = {(one.spec, one.comparison.metric) for one in found if one.comparison.verdict != "indicative"}
    names = naming.of_specs(arms)
    for spec, metric in itertools.product(arms, question.metrics):
        values = [METRICS[metric].of(run) for run in runs if run.spec == spec and run.status == "ok"]
        if (spec, metric) not in checked and any(value is not None and value > 0 for value in values):
            why = (
                "its twin did not run beside it twice (memory may not hold both) or never became steady, or the "
                "session was planned without a gate"
            )
            yield f"{names.spec(spec)} has no null pair ({METRICS[metric].title}): {why}; measure anew"


def _fallen(
    before: Sequence[Run], after: Sequence[Run], planned: Sequence[Spec], allow: Sequence[str]
) -> Iterator[str]:
    """What has a mate in the baseline and did not run in the other report as it was planned or tried.

    One whose process failed is not judged by those that came through: what failed may have been the slowest.
    """
    well = {run.spec for run in after if run.status == "ok"} - {run.spec for run in after if run.status != "ok"}
    mates = {run.spec for run in before if run.status == "ok"} - well
    asked = list(dict.fromkeys((*planned, *(run.spec for run in after))))
    names = naming.of_specs(asked)
    for spec in asked:
        if spec in well or spec.twin or spec.phase == "converge":
            continue
        if any(not set(matching.differing(mate, spec)) - set(allow) for mate in mates):
            yield f"{names.spec(spec)} did not run in the candidate ({_why_not(spec, after)})"


def _absent(pairs: Sequence[Pair], runs: Sequence[Run]) -> Iterator[str]:
    """What never ran cannot pass."""
    names = gate.names_of(pairs)
    for pair in pairs:
        for spec, ended_well in ((pair.baseline, pair.before), (pair.candidate, pair.after)):
            if not ended_well:
                yield f"{names.spec(spec)} did not run ({_why_not(spec, runs)}); leave it out or make it run"


def _why_not(spec: Spec, runs: Sequence[Run]) -> str:
    mine = [run for run in runs if run.spec == spec]
    failed = [run for run in mine if run.status != "ok"]
    if not failed:
        return "the session ended before it"
    of = f"{len(failed)} of {len(mine)} processes: " if len(failed) < len(mine) else ""
    return f"{of}{failed[-1].status}: {failed[-1].reason}"


def _apart(pairs: Sequence[Pair], question: Question) -> Iterator[str]:
    """What stands against gating pairs that ran."""
    ran, names = [pair for pair in pairs if pair.before and pair.after], gate.names_of(pairs)
    yield from (f"{gate.name_of(pair, names)}: never took turns" for pair in ran if not pair.in_lockstep)
    together = [pair for pair in ran if pair.in_lockstep]
    yield from gate.refusals(together, question.conditions, {}, sessions=False) if together else ()


def _refusals(pairs: Sequence[Pair], question: Question, history: gate.History) -> Iterator[str]:
    """Why a gate that was asked for cannot be one."""
    sessions = matching.SESSION in question.allow
    yield from gate.refusals(pairs, question.conditions, history, sessions=sessions)
    if question.conditions and matching.MACHINE not in question.allow:
        before, after = [run for pair in pairs for run in pair.before], [run for pair in pairs for run in pair.after]
        for said in matching.machines(before, after):
            yield f"another machine ({said}); give --allow machine if that is meant"
        past = [run for run in question.history if any(run.spec == pair.candidate for pair in pairs)]
        for said in matching.machines(past, after) if past else ():
            yield f"a history of another machine ({said}); give --allow machine if that is meant"


def _read_all(source: Path) -> list[Run]:
    """Every Run below a folder, or of one file."""
    files = sorted(source.rglob(RUNS_FILE)) if source.is_dir() else [source]
    if not files:
        raise RecordError(f"{source}: holds no {RUNS_FILE}; give the folder of the reports of unchanged code")
    return [run for file in files for run in steadiness.mark(read_runs(file))]


def _write(compared: Compared, folder: Path) -> None:
    page = markdown.text(list(comparison.page(compared)))
    _put(folder, {"comparison.md": page, "comparison.json": _json(compared)})


def _json(record: Record) -> str:
    return msgspec.json.format(msgspec.json.encode(record), indent=2).decode() + "\n"


def _put(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        except OSError as error:
            raise RecordError(f"{folder / name} cannot be written ({error.strerror}); give another --out") from error
