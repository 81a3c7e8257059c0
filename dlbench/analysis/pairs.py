"""Pairs of Specs: each Spec of one report with its counterpart in the other, and the reasons not to compare them."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dlbench.analysis import compare, labels
from dlbench.analysis.compare import Pair
from dlbench.errors import RecordError, UnknownName
from dlbench.record.schema import Record, Run
from dlbench.spec import Spec, arm_key
from dlbench.stats.estimates import Part

MACHINE, SESSION = "machine", "session"
KEYS = (*(name for name in Spec.__struct_fields__ if name not in ("phase", "twin", "variant")), MACHINE, SESSION)
"""What `--allow` takes: a key of the Spec in which the two sides may differ, another machine, another session."""

PARTS, NOT_SAID = "compiled parts", "not said"
LEAST_SESSIONS = 3
"""Sessions of unchanged code from which the variance between sessions is estimated at all."""


class Matching(NamedTuple):
    """Pairs by Spec, and in a line each what was left out because the other side has nothing like it."""

    pairs: Sequence[Pair]
    left_out: Sequence[str]


class Count(Record, frozen=True):
    """Something that is counted, not timed, and must be equal: what each side read back."""

    label: str
    name: str
    before: str
    after: str


def match(before: Sequence[Run], after: Sequence[Run], allow: Collection[str] = ()) -> Matching:
    """Pair the Runs of two reports whose Specs are equal, or differ in allowed keys alone.

    Equal Specs come first; of those left over, one is compared with the only one on the other side that the allowed
    keys make equal. Raises RecordError where nothing can be compared, naming the keys in which the nearest differ.
    """
    check_keys(allow)
    _check_distinct(before, after)
    sides = [_by_spec(before), _by_spec(after)]
    pairs = [Pair(spec, spec, sides[0].pop(spec), sides[1].pop(spec)) for spec in list(sides[0]) if spec in sides[1]]
    for spec in list(sides[1]):
        alike = [other for other in sides[0] if not set(differing(other, spec)) - set(allow)]
        if len(alike) == 1:
            pairs.append(Pair(alike[0], spec, sides[0][alike[0]], sides[1].pop(spec)))
    taken = {pair.baseline for pair in pairs}
    left = [[spec for spec in sides[0] if spec not in taken], list(sides[1])]
    if not pairs:
        raise RecordError(_nothing_in_common(list(sides[0]), list(sides[1])))
    return Matching(pairs, list(_left_out(*left)))


def check_common(before: Collection[Spec], after: Collection[Spec], allow: Collection[str]) -> None:
    """Raise RecordError where no Spec of one side can be compared with one of the other."""
    if not any(not set(differing(theirs, ours)) - set(allow) for theirs in before for ours in after):
        raise RecordError(_nothing_in_common(list(before), list(after)))


def check_machine(differs: str, allow: Collection[str]) -> None:
    """Raise RecordError for two machines, given in words, unless the comparison of such is allowed."""
    if differs and MACHINE not in allow:
        raise RecordError(f"another machine ({differs}); give --allow machine to compare across")


def check_keys(allow: Iterable[str]) -> None:
    """Raise UnknownName for what `--allow` does not know."""
    for key in allow:
        if key not in KEYS:
            raise UnknownName("key", key, KEYS)


def differing(one: Spec, other: Spec) -> dict[str, tuple[object, object]]:
    """The keys in which two Specs differ, with both values; a seed that replicates is no key."""
    values = {name: (getattr(one, name), getattr(other, name)) for name in Spec.__struct_fields__}
    return {name: both for name, both in values.items() if both[0] != both[1]}


def counts(pairs: Sequence[Pair]) -> Iterator[Count]:
    """Parameters, FLOPs, graphs, breaks, recompilations and compiled parts that are not equal on both sides.

    Compiled parts are counted where both sides say them.
    """
    names = labels.of_specs(spec for pair in pairs for spec in (pair.baseline, pair.candidate))
    for pair in pairs:
        before, after = _counted(pair.before), _counted(pair.after)
        for name in before:
            if before[name] != after[name] and not (name == PARTS and NOT_SAID in (before[name], after[name])):
                yield Count(label=names.spec(pair.candidate), name=name, before=before[name], after=after[name])


def between_sessions(history: Sequence[Run], pairs: Sequence[Pair], metric: str) -> dict[Spec, Part]:
    """For each candidate, the variance that two sessions of the same code add to the difference of their means.

    Twice that of the means of the sessions in the history that measured this Spec, for a difference has two. What the
    spread of processes explains of it is not taken off: of few sessions the rest would often come out as zero, and two
    sessions gate as if they never differed. A session that is compared is none of the history. Missing with fewer than
    three.
    """
    found: dict[Spec, Part] = {}
    past = _by_spec(history)
    for pair in pairs:
        compared, sessions = [*pair.before, *pair.after], dict[str, list[Run]]()
        for run in past.get(pair.candidate, []):
            sessions.setdefault(run.session, []).append(run)
        for run in compared:
            sessions.pop(run.session, None)
        busy = compare.contended(compared)
        part = _between([compare.log_summaries(runs, metric, busy=busy) for runs in sessions.values()])
        found |= {} if part is None else {pair.candidate: part}
    return found


def _between(sessions: Sequence[Sequence[float]]) -> Part | None:
    means = [statistics.fmean(values) for values in sessions if values]
    return Part(2 * statistics.variance(means), len(means) - 1) if len(means) >= LEAST_SESSIONS else None


def _by_spec(runs: Iterable[Run]) -> dict[Spec, list[Run]]:
    """Runs that ended well by Spec; replications by seed stand together."""
    found: dict[Spec, list[Run]] = {}
    for run in runs:
        if run.status == "ok":
            found.setdefault(arm_key(run.spec), []).append(run)
    return found


def _check_distinct(before: Sequence[Run], after: Sequence[Run]) -> None:
    same = {(run.session, run.group, run.arm, run.spec) for run in before}
    if any((run.session, run.group, run.arm, run.spec) in same for run in after):
        raise RecordError("BASELINE and CANDIDATE hold the same Runs; give two reports")


def _nothing_in_common(before: Sequence[Spec], after: Sequence[Spec]) -> str:
    if not before or not after:
        side = "CANDIDATE" if before else "BASELINE"
        return f"{side} holds no Run that ended well; measure it again"
    theirs, ours = min(((b, a) for b in before for a in after), key=lambda both: len(differing(*both)))
    found = differing(theirs, ours)
    keys = ", ".join(f"{name} ({values[0]!r} against {values[1]!r})" for name, values in found.items())
    allow = " ".join(f"--allow {name}" for name in found if name in KEYS)
    advice = f"give {allow} to compare across" if set(found) <= set(KEYS) else "measure the same phase on both sides"
    return f"the reports have no Spec in common: the nearest differ in {keys}; {advice}"


def _left_out(before: Sequence[Spec], after: Sequence[Spec]) -> Iterator[str]:
    for specs, others, side in ((before, after, "baseline"), (after, before, "candidate")):
        for spec in specs:
            near = min((differing(spec, other) for other in others), key=len, default={})
            why = f"; the nearest differs in {', '.join(near)}" if near else ""
            yield f"{spec.phase}, {spec.label} {spec.size}, batch {spec.batch_size}: only in the {side}{why}"


def _counted(runs: Sequence[Run]) -> Mapping[str, str]:
    """Every value that any of the Runs has, so that what varies within a side differs too."""
    values: dict[str, list[object]] = {
        "parameters": [run.info and run.info.parameter_count for run in runs],
        "FLOPs per step": [run.flops_per_step for run in runs],
    }
    for name in ("graphs", "breaks", "recompilations"):
        values[name] = [run.compilation and getattr(run.compilation, name) for run in runs]
    values[PARTS] = [run.compilation and ", ".join(run.compilation.parts) for run in runs]
    return {name: " / ".join(sorted({_said(value) for value in found})) for name, found in values.items()}


def _said(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value or NOT_SAID)
