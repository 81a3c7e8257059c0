"""Pairs: the Specs that are compared with each other, within one session or of two reports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec import structs

from dlbench.analysis import labels
from dlbench.analysis.labels import Labels
from dlbench.errors import RecordError, UnknownName
from dlbench.record.schema import Run
from dlbench.spec import InputSpec, ModelSource, Spec, Workload, arm_key, baseline_of, workload, workload_key
from dlbench.spec.source import text as array_text

Key = TypeVar("Key")
MACHINE, SESSION = "machine", "session"
KEYS = (*(name for name in Spec.__struct_fields__ if name not in ("phase", "origin")), MACHINE, SESSION)
"""Words of `--allow`: a key of the Spec in which the two sides may differ, another machine, another session."""


class Pair(NamedTuple):
    """Two Specs that are compared, with their Runs that ended well."""

    baseline: Spec
    candidate: Spec
    before: Sequence[Run]
    after: Sequence[Run]

    @property
    def in_lockstep(self) -> bool:
        """True if a process of one took turns with one of the other; each workload numbers its own groups."""
        sides = [{run.together for run in runs} for runs in (self.before, self.after)]
        return workload(self.baseline) == workload(self.candidate) and not sides[0].isdisjoint(sides[1])


def by_workload(runs: Iterable[Run]) -> dict[Workload, list[Run]]:
    """Runs that may be compared with each other, in order of appearance; replications by seed stand together."""
    return _by(workload_key, runs)


def arms(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs of one workload by arm (`tf.transformer jit`), in the order of the first group."""
    return _by(_label, runs)


def _by(key: Callable[[Spec], Key], runs: Iterable[Run]) -> dict[Key, list[Run]]:
    """Runs by a key of their Specs, which is asked once for each of these."""
    found: dict[Key, list[Run]] = {}
    of_spec: dict[Spec, list[Run]] = {}
    for run in runs:
        alike = of_spec.get(run.spec)
        if alike is None:
            alike = of_spec[run.spec] = found.setdefault(key(run.spec), [])
        alike.append(run)
    return found


def _label(spec: Spec) -> str:
    return spec.label


def planned(runs: Iterable[Run]) -> int:
    """Number of processes of one arm that its sessions planned, or that ran if the number was open."""
    fixed = {(run.session, _part(run)): run.groups for run in runs if not _is_open(run)}
    return sum(fixed.values()) + len({run.together for run in runs if _is_open(run)})


def baseline(runs: Iterable[Run]) -> str | None:
    """The first arm of a workload that ran; None when none did."""
    return next((label for label, of_arm in arms(runs).items() if any(run.ok for run in of_arm)), None)


def families(specs: Iterable[Spec]) -> list[tuple[Spec, list[Spec]]]:
    """Every baseline of a timed workload with the Specs that are compared with it."""
    found: dict[Workload, list[Spec]] = {}
    for spec in specs:
        if spec.timed:
            found.setdefault(workload(spec), []).append(spec)
    of_baseline: dict[Spec, list[Spec]] = {}
    for of_load in found.values():
        known = dict.fromkeys(of_load)
        for spec in of_load[1:]:
            of_baseline.setdefault(baseline_of(spec, known), []).append(spec)
    return list(of_baseline.items())


def planned_pairs(specs: Iterable[Spec], runs: Sequence[Run]) -> list[Pair]:
    """Pairs that a session meant to compare, run or not: every other Spec with its baseline."""
    specs = list(specs)
    of: dict[Spec, list[Run]] = {spec: [] for spec in specs}
    for run in runs:
        if run.ok and not run.control and run.spec in of:
            of[run.spec].append(run)
    return [Pair(first, other, of[first], of[other]) for first, others in families(specs) for other in others]


def with_baselines(runs: Iterable[Run]) -> dict[Workload, list[Pair]]:
    """Every other arm of each timed workload with its baseline: the first that ran well in any group."""
    found: dict[Workload, list[Pair]] = {}
    for load, of_load in by_workload(runs).items():
        well = {one[0].spec: [run for run in one if run.ok] for one in arms(of_load).values()}
        of = {spec: of_arm for spec, of_arm in well.items() if of_arm}
        if load.timed and len(of) > 1:
            made_in_several_ways = any(spec.origin for spec in of)
            besides = (_beside(spec, of) if made_in_several_ways else of for spec in list(of)[1:])
            paired = [(baseline_of(spec, beside), spec) for spec, beside in zip(list(of)[1:], besides, strict=True)]
            found[load] = [Pair(one, other, of[one], of[other]) for one, other in paired if one != other]
    return {load: of_load for load, of_load in found.items() if of_load}


def with_eager(runs: Iterable[Run]) -> dict[Workload, list[Pair]]:
    """Every arm that compiles with its plugin's eager one, if both ran well and are no pair of `with_baselines`."""
    runs = list(runs)
    known = {(pair.baseline, pair.candidate) for of_load in with_baselines(runs).values() for pair in of_load}
    found: dict[Workload, list[Pair]] = {}
    for load, of_load in by_workload(runs).items():
        of = {one[0].spec: well for one in arms(of_load).values() if (well := [run for run in one if run.ok])}
        eagers = eager_of(of)
        for jit in (spec for spec in of if load.timed and spec.path == "jit"):
            eager = eagers.get(program(jit))
            if eager is not None and not known & {(eager, jit), (jit, eager)}:
                found.setdefault(load, []).append(Pair(eager, jit, of[eager], of[jit]))
    return found


def program(spec: Spec) -> tuple[object, ...]:
    """Facts that the paths of one program share: plugin, model, variant and environment."""
    return spec.plugin, spec.model, spec.origin, spec.variant, spec.python


def eager_of(specs: Iterable[Spec]) -> dict[tuple[object, ...], Spec]:
    """The path eager of each program, the first of several."""
    found: dict[tuple[object, ...], Spec] = {}
    for spec in specs:
        if spec.path == "eager":
            found.setdefault(program(spec), spec)
    return found


def names_of(pairs: Iterable[Pair]) -> Labels:
    """Names for both sides of these pairs."""
    return labels.of_specs(spec for pair in pairs for spec in (pair.baseline, pair.candidate))


def name_of(pair: Pair, names: Labels) -> str:
    """Name of a pair: `train, tf.lstm jit` for one Spec; only the environment of the other side if all else is one."""
    if pair.baseline == pair.candidate:
        return names.spec(pair.candidate)
    python = pair.baseline.python
    alone = python and structs.replace(pair.candidate, python=python) == pair.baseline
    return f"{names.spec(pair.candidate)} against {f'@{python}' if alone else side_name(pair.baseline, pair, names)}"


def side_name(spec: Spec, pair: Pair, names: Labels) -> str:
    """One side of a pair, with the axes that distinguish its workload unless the other side has the same."""
    return spec.label if workload(pair.baseline) == workload(pair.candidate) else names.label(spec)


class Matching(NamedTuple):
    """Pairs by Spec, and a line for each Spec that was left out because the other side has nothing like it."""

    pairs: Sequence[Pair]
    left_out: Sequence[str]


def match(before: Sequence[Run], after: Sequence[Run], allow: Collection[str] = ()) -> Matching:
    """Pair the Runs of two reports whose Specs are equal, or differ in allowed keys alone.

    Equal Specs come first; of those left over, one is compared with the only one on the other side that the allowed
    keys make equal. Raises RecordError if nothing can be compared, naming the keys in which the nearest differ.
    """
    check_keys(allow)
    _check_distinct(before, after)
    sides = [by_spec(before), by_spec(after)]
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
    """Raise RecordError if no Spec of one side can be compared with one of the other."""
    if not any(not set(differing(theirs, ours)) - set(allow) for theirs in before for ours in after):
        raise RecordError(_nothing_in_common(list(before), list(after)))


def check_machine(differs: str, allow: Collection[str]) -> None:
    """Raise RecordError for two machines, given in words, unless the comparison of such is allowed."""
    if differs and MACHINE not in allow:
        raise RecordError(f"another machine ({differs}); give --allow machine to compare across")


def check_keys(allow: Iterable[str]) -> None:
    """Raise UnknownName for a key that `--allow` does not have."""
    for key in allow:
        if key not in KEYS:
            raise UnknownName("key", key, KEYS)


def differing(one: Spec, other: Spec) -> dict[str, tuple[object, object]]:
    """The keys in which two Specs differ, with both values.

    A seed that replicates is no key. Nor is the origin of a fact about a model: stated or inferred.
    """
    values = {name: (getattr(one, name), getattr(other, name)) for name in Spec.__struct_fields__}
    values["model"] = _told(one.model), _told(other.model)
    return {name: both for name, both in values.items() if both[0] != both[1]}


def _told(source: ModelSource | None) -> ModelSource | None:
    return None if source is None else structs.replace(source, inferred=())


def by_spec(runs: Iterable[Run]) -> dict[Spec, list[Run]]:
    """Runs that ended well by Spec; replications by seed stand together."""
    found: dict[Spec, list[Run]] = {}
    for run in runs:
        if run.ok:
            found.setdefault(arm_key(run.spec), []).append(run)
    return found


def _part(run: Run) -> int:
    """Part of its groups that a Run was in, if memory did not hold them whole; an arm trains in one of any."""
    return 0 if run.spec.replicated_by == "seed" else run.part


def _is_open(run: Run) -> bool:
    return run.policy.adaptive and run.groups != run.policy.processes and run.spec.replicated_by == "process"


def _beside(spec: Spec, of: Mapping[Spec, Sequence[Run]]) -> list[Spec]:
    """The arms that one of several that were made in several ways took turns with."""
    return [other for other in of if other == spec or Pair(other, spec, of[other], of[spec]).in_lockstep]


def _check_distinct(before: Sequence[Run], after: Sequence[Run]) -> None:
    same = {(run.together, run.arm, run.spec) for run in before}
    if any((run.together, run.arm, run.spec) in same for run in after):
        raise RecordError("BASELINE and CANDIDATE hold the same Runs; give two reports")


def _nothing_in_common(before: Sequence[Spec], after: Sequence[Spec]) -> str:
    if not before or not after:
        side = "CANDIDATE" if before else "BASELINE"
        return f"{side} holds no Run that ended well; measure it again"
    theirs, ours = min(((b, a) for b in before for a in after), key=lambda both: len(differing(*both)))
    found = differing(theirs, ours)
    keys = ", ".join(_in_words(name, *values) for name, values in found.items())
    allow = " ".join(f"--allow {name}" for name in found if name in KEYS)
    advice = f"give {allow} to compare across" if set(found) <= set(KEYS) else "measure the same phase on both sides"
    return f"the reports have no Spec in common: the nearest differ in {keys}; {advice}"


def _left_out(before: Sequence[Spec], after: Sequence[Spec]) -> Iterator[str]:
    for specs, others, side in ((before, after, "baseline"), (after, before, "candidate")):
        for spec in specs:
            near = min((differing(spec, other) for other in others), key=len, default={})
            why = f"; the nearest differs in {', '.join(near)}" if near else ""
            yield f"{spec.phase}, {spec.label} {spec.size}, batch {spec.batch_size}: only in the {side}{why}"


def _in_words(name: str, one: object, other: object) -> str:
    """A key with both values; for the user's own models, the fields that differ."""
    if isinstance(one, ModelSource) and isinstance(other, ModelSource):
        both = [(field, getattr(one, field), getattr(other, field)) for field in ModelSource.__struct_fields__]
        parts = [f"{field} {_shown(left)} against {_shown(right)}" for field, left, right in both if left != right]
        return f"{name} ({', '.join(parts)})"
    return f"{name} ({one!r} against {other!r})"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(_shown, value)) or "none"
    return array_text(value) if isinstance(value, InputSpec) else str(value) or "none"
