"""Provenance: where and with what a Run was made, in rows that are pooled and compared by one rule.

Every row of `ROWS` reads named values from a Run. Runs of one Spec are one arm only where all of these are equal; two
reports are compared with a line for each that differs. A new row needs nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from dlbench.record import Environment, Run
from dlbench.spec import Policy, Spec

GIB = 1 << 30
SLACK = GIB // 64
"""By how much the memory of a machine of 8 GiB may lie above 8 GiB and still be called so."""
ALWAYS = ("processor", "cores")
"""What is said of a machine whether it differs or not."""
SHAPING = (
    *("samples", "sample_seconds", "settle_steps", "settle_seconds", "settle_cap_seconds", "settle_cap_samples"),
    *("settle_tolerance", "latency_steps", "latency_seconds", "isolation", "memory_limit_bytes", "discard"),
)
"""Fields of the policy that shape the figures of one process; the others say how many there are, and in what order."""

Values = Mapping[str, str]
Provenance = tuple[Values | None, ...]
"""The values of each row of `ROWS`; None for a row of which the Run holds nothing."""


class Row(NamedTuple):
    """Something recorded of a Run: names with values, None where it was not recorded.

    `unset` is what a name stands for that other Runs have and this one lacks; empty where that says nothing. `text`
    begins the line of a difference. Of the `machine` Runs differ where they come from different ones.
    """

    text: str
    of: Callable[[Run], Values | None]
    unset: str = ""
    machine: bool = False


class Change(NamedTuple):
    """One value that differs between two sides."""

    row: Row
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        """The line that a report says of it."""
        name = "" if self.row.machine else f"{self.name} "
        return f"{self.row.text}: {name}{self.before} became {self.after}"


def parted(runs: Iterable[Run]) -> list[Run]:
    """The Runs, those of one Spec that were made otherwise than its first made other arms.

    A Spec's `variant` numbers what its Runs were made with, from 0 in order of appearance; a twin and the seeds of
    `converge` are numbered with their arm. What one Run does not hold is not different from what another does.
    """
    pools: dict[Spec, list[Provenance]] = {}
    return [_with_variant(run, _number(pools.setdefault(_arm(run.spec), []), of_run(run))) for run in runs]


def of_run(run: Run) -> Provenance:
    """All rows of a Run."""
    return tuple(row.of(run) for row in ROWS)


def changes(before: Iterable[Run], after: Iterable[Run]) -> list[Change]:
    """What differs between two sides; a side whose Runs differ has all their values, in order of appearance."""
    return _differing(_joined(map(of_run, before)), _joined(map(of_run, after)))


def mixed(runs: Sequence[Run]) -> Iterator[str]:
    """A line for each kind of difference within arms that `parted` told apart: what, which arms, which processes."""
    found: dict[tuple[str, ...], dict[str, list[Run]]] = {}
    first: dict[Spec, list[Run]] = {}
    for run in runs:
        first.setdefault(_arm(run.spec), []).extend([run] if run.spec.variant == 0 else [])
    for spec in dict.fromkeys(run.spec for run in runs if run.spec.variant and not run.spec.twin):
        mine = [run for run in runs if run.spec == spec]
        lines = tuple(str(change) for change in changes(first[_arm(spec)], mine))
        found.setdefault(lines, {}).setdefault(f"{spec.phase}, {spec.label}", []).extend(mine)
    for lines, arms in found.items():
        which = "; ".join(f"{arm} ({_processes(of_arm)})" for arm, of_arm in arms.items())
        yield f"not pooled, as they were not made alike: {which}: {', '.join(lines)}; measure anew for one figure"


def unrecorded(before: Iterable[Run], after: Iterable[Run]) -> Iterator[str]:
    """What one side alone has recorded, so that nobody knows whether it differs."""
    sides = [_joined(map(of_run, runs)) for runs in (before, after)]
    for side, other, name in ((*sides, "baseline"), (*reversed(sides), "candidate")):
        lacking = [row.text for row, mine, theirs in zip(ROWS, side, other, strict=True) if mine is None and theirs]
        if lacking:
            yield f"not recorded in the {name}, so it may differ: {', '.join(lacking)}"


def machines(before: Iterable[Run], after: Iterable[Run]) -> str:
    """Both machines of two sides, with what differs of them; empty where they are one and the same kind."""
    theirs, ours = (_together([found for run in runs if (found := machine_of(run))]) for runs in (before, after))
    return "" if theirs is None or ours is None else against(theirs, ours)


def against(before: Values, after: Values) -> str:
    """Two machines by processor, cores and all that differs of them; empty where nothing does."""
    differs = {name for name in before if name in after and before[name] != after[name]}
    shown = [name for name in before if name in differs or name in ALWAYS]
    sides = (", ".join(side[name] for name in shown) for side in (before, after))
    return " against ".join(sides) if differs else ""


def of_machine_first(runs: Iterable[Run], others: Iterable[Run]) -> list[Run]:
    """The Runs, those from a machine of the others before the rest."""
    there = {frozenset(found.items()) for run in others if (found := machine_of(run)) is not None}
    return sorted(runs, key=lambda run: frozenset((machine_of(run) or {}).items()) not in there)


def kinds(runs: Iterable[Run]) -> list[str]:
    """Every machine that these Runs come from, in a few words."""
    return list(dict.fromkeys(", ".join(found.values()) for run in runs if (found := machine_of(run))))


def machine_of(run: Run) -> Values | None:
    """The machine of a Run; None where it does not say."""
    at, info = run.environment, run.info
    device = info.device_name if info is not None and info.device != "cpu" else ""
    return None if at is None else machine(at, device)


def machine(at: Environment, device: str = "") -> Values:
    """What tells machines apart, in words; `device` is that of a model which does not run on the processor."""
    found = {
        "processor": at.cpu or "unknown processor",
        "cores": f"{at.cores} cores",
        "memory": f"{_gibibytes(at.memory_bytes)} GiB",
        "system": _system(at),
        "device": device,
    }
    return {name: value for name, value in found.items() if value}


def _gibibytes(total: int) -> str:
    """The memory that is installed, from what the kernel calls its total.

    That is less by what kernel and firmware keep, 1 to 4 %, which differs by some KiB from boot to boot; so the next
    whole GiB above it is taken, and of little memory the next eighth.
    """
    unit = GIB if total > 4 * GIB else GIB // 8
    return f"{-(-max(total - SLACK, 1) // unit) * unit / GIB:g}"


def _system(at: Environment) -> str:
    """Kernel and its minor version: a patch release is another line of the report and no other machine."""
    return re.sub(r"^(\S+) (\d+\.\d+)\S*", r"\1 \2", at.system)


def _with_variant(run: Run, number: int) -> Run:
    if run.spec.variant == number:
        return run
    return msgspec.structs.replace(run, spec=msgspec.structs.replace(run.spec, variant=number))


def _number(pools: list[Provenance], mine: Provenance) -> int:
    """The place of the first pool that this differs from in nothing; a new one at the end where there is none."""
    for number, pool in enumerate(pools):
        if not _differing(pool, mine):
            pools[number] = _joined((pool, mine))
            return number
    pools.append(mine)
    return len(pools) - 1


def _arm(spec: Spec) -> Spec:
    seed = 0 if spec.phase == "converge" else spec.seed
    return msgspec.structs.replace(spec, variant=0, twin=False, seed=seed)


def _differing(before: Provenance, after: Provenance) -> list[Change]:
    found: list[Change] = []
    for row, mine, theirs in zip(ROWS, before, after, strict=True):
        if mine is None or theirs is None:
            continue
        both = ((name, mine.get(name, row.unset), theirs.get(name, row.unset)) for name in {**mine, **theirs})
        found += [Change(row, name, one, other) for name, one, other in both if one and other and one != other]
    return found


def _joined(found: Iterable[Provenance]) -> Provenance:
    """All values of several Runs, each once."""
    rows: list[list[Values]] = [[] for _ in ROWS]
    for one in found:
        for of_row, values in zip(rows, one, strict=True):
            of_row.extend([] if values is None else [values])
    return tuple(map(_together, rows))


def _together(found: Sequence[Values]) -> Values | None:
    names = dict.fromkeys(name for values in found for name in values)
    said = {name: dict.fromkeys(values[name] for values in found if name in values) for name in names}
    return {name: " / ".join(values) for name, values in said.items()} if found else None


def _processes(runs: Sequence[Run]) -> str:
    """`processes 2, 3 of session 1f2e3d`."""
    sessions: dict[str, set[int]] = {}
    for run in runs:
        sessions.setdefault(run.session, set()).add(run.group + 1)
    return "; ".join(_numbered(session, sorted(numbers)) for session, numbers in sessions.items())


def _numbered(session: str, numbers: Sequence[int]) -> str:
    return f"process{'es' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))} of session {session}"


def _kernel(run: Run) -> Values | None:
    return None if run.environment is None else {"kernel": run.environment.system}


def _packages(run: Run) -> Values | None:
    return None if run.environment is None else run.environment.packages


def _python(run: Run) -> Values | None:
    return None if run.environment is None else {"Python": run.environment.python}


def _task(run: Run) -> Values | None:
    if run.task is None:
        return None
    at = run.task
    goal = f"{at.metric} {'at least' if at.higher_is_better else 'at most'} {at.target:g}, {at.budget_steps} steps"
    return {f"data of {at.name}": at.sha256[:12], f"goal of {at.name}": goal}


def _policy(run: Run) -> Values:
    return {name: _policy_value(run.policy, name) for name in SHAPING}


def _policy_value(policy: Policy, name: str) -> str:
    value = getattr(policy, name)
    return "none" if value is None else str(value)


ROWS: tuple[Row, ...] = (
    Row("another machine", machine_of, machine=True),
    Row("systems differ", _kernel),
    Row("versions differ", _packages, unset="not there"),
    Row("versions differ", _python),
    Row("tasks differ", _task),
    Row("measured otherwise", _policy),
)
"""What is pooled and compared, in the order in which a report says it."""
