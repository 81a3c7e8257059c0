"""From the user's selection to the groups that are measured: defaults, grid, replication."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dlbench import architectures, registry, tasks
from dlbench.errors import SpecError, UnknownName
from dlbench.session.lockstep import starting_order
from dlbench.spec import (
    AXES,
    PHASES,
    Axis,
    Isolation,
    Member,
    Path,
    PhaseName,
    Policy,
    Spec,
    Workload,
    baseline_of,
    grid,
    workers,
    workload,
)
from dlbench.spec.axes import as_text
from dlbench.stats.interim import INTERIM_GROUPS
from dlbench.system import threads

DEFAULT_BATCH_SIZE = 32
"""Default batch size of an architecture that the core does not describe."""


Selection = Mapping[str, Sequence[Any]]
"""Values by axis, as the user gave them; an axis that is left out takes its default."""


@dataclass(frozen=True)
class Group:
    """One repetition of a workload, number `number` of `of`: its Specs measured together, one process each.

    If memory does not hold them all it is measured in parts. `rounds` are those of its turns, None for the policy's; a
    group is the same with more of them.
    """

    number: int
    members: tuple[Member, ...]
    of: int
    part: int = 0
    rounds: int | None = field(default=None, compare=False)

    @property
    def specs(self) -> tuple[Spec, ...]:
        """The Specs of its members, each once."""
        return tuple(dict.fromkeys(member.spec for member in self.members))


def expand(selection: Selection, policy: Policy, found: Sequence[str] | None = None) -> list[Spec]:
    """The Specs that a selection spans, defaults filled in; a plugin may be a pattern such as `*.lstm`.

    `found` names the plugins if they were looked for in other Python environments. The phase `converge` has a Spec a
    seed, as many as there are processes, unless seeds are given. Raises UnknownName, PluginLoadError or SpecError
    before anything is measured.
    """
    if unknown := [name for name in selection if name not in AXES]:
        raise UnknownName("axis", unknown[0], AXES)
    plugins = found if found is not None else installed(selection)
    _check_paths(selection)
    specs = [spec for plugin in plugins for spec in _expand_plugin(plugin, selection, policy)]
    for spec in specs:
        if spec.options and architectures.describes(spec):
            raise SpecError(f"{spec.plugin} takes no options; leave --set {as_text(spec.options)} out")
    return list(dict.fromkeys(specs))


def _check_paths(selection: Selection) -> None:
    """Raise SpecError for an axis of one path that is requested without that path."""
    paths = _given("path", selection)
    for axis in AXES.values():
        values = [value for value in selection.get(axis.field, ()) if value != axis.plain]
        if values and axis.only is not None and axis.only not in paths:
            shown = "" if axis.kind is bool else f" {','.join(values)}"
            raise SpecError(f"--{axis.option.replace('_', '-')}{shown} needs the path {axis.only}; add --{axis.only}")


def groups(specs: Sequence[Spec], policy: Policy, controls: Collection[Spec] = ()) -> list[Group]:
    """Specs by workload, each workload `processes` times; a first pass over everything comes before a second.

    If a session may stop at an interim analysis, the number of groups is that of the last one. The order of starting
    turns from group to group of a workload. Seeds may be its replication.
    """
    arms: dict[Workload, list[Spec]] = {}
    for spec in specs:
        arms.setdefault(workload(spec), []).append(spec)
    found = [group for load in arms for group in _groups(load, arms, policy, controls)]
    return sorted(found, key=lambda group: group.number)


def check_workers(specs: Sequence[Spec], policy: Policy) -> None:
    """Raise SpecError for workers in a session whose processes are not fresh."""
    if policy.isolation != "fresh" and (count := max(map(workers.count, specs), default=1)) > 1:
        raise SpecError(
            f"--isolation {policy.isolation} and --workers {count}: each worker is a fresh process; leave "
            "--isolation out"
        )


def training(selection: Selection) -> Selection:
    """The selection in the only phase that several workers have, if it has workers and names no phase."""
    several = any(count != 1 for count in selection.get("workers", ()))
    return {**selection, "phase": (workers.TRAINING,)} if several and not selection.get("phase") else selection


def controlled(specs: Sequence[Spec]) -> tuple[Spec, ...]:
    """The Specs that have an A/A control in a gated session: the baselines of timed workloads."""
    loads: dict[Workload, list[Spec]] = {}
    for spec in specs:
        loads.setdefault(workload(spec), []).append(spec)
    baselines = {baseline_of(spec, loads[workload(spec)]) for spec in specs}
    return tuple(spec for spec in specs if spec.timed and spec in baselines)


def members(specs: Iterable[Spec], controls: Collection[Spec]) -> list[Member]:
    """The Specs as they are measured, each that has a control followed by it."""
    return [
        Member(spec, control=control) for spec in specs for control in ((False, True) if spec in controls else (False,))
    ]


def installed(selection: Selection) -> list[str]:
    """Names of the plugins that a selection asks for. Raises SpecError if it names none, and as `expand` does."""
    if not selection.get("plugin"):
        raise SpecError("no plugin was named; give --plugin NAME (`dlbench list` shows the names)")
    names = list(dict.fromkeys(name for pattern in selection["plugin"] for name in registry.matching(pattern)))
    for name in names:
        registry.find(name, tasks.TASKS)
    return names


def _expand_plugin(plugin: str, selection: Selection, policy: Policy) -> list[Spec]:
    architecture = plugin.partition(".")[2]
    derived: dict[str, Sequence[Any]] = {
        "plugin": [plugin],
        "task": _tasks(plugin, architecture, selection.get("task", ()), own=bool(selection.get("model"))),
        "threads": selection.get("threads") or [threads.default(os.environ).number],
    }
    specs: list[Spec] = []
    phases, sizes, paths = (dict.fromkeys(_given(name, selection)) for name in ("phase", "size", "path"))
    for phase, size, path in itertools.product(phases, sizes, paths):
        of_these: dict[str, Sequence[Any]] = {
            **derived,
            "phase": [phase],
            "size": [size],
            "path": [path],
            "batch_size": selection.get("batch_size") or [_batch_size(architecture, size)],
            "seed": selection.get("seed") or _seeds(phase, policy),
        }
        values = {name: of_these.get(name) or _values(axis, selection, path) for name, axis in AXES.items()}
        for together in workers.combinations(values["workers"], values["scaling"]):
            specs += grid({**values, **{name: [one] for name, one in together.items()}})
    return specs


def _values(axis: Axis, selection: Selection, path: Path) -> Sequence[Any]:
    """Values of an axis on this path: the requested ones in the form of a Spec, or its default."""
    asked = selection.get(axis.field)
    return axis.read(asked) if asked and axis.only in (None, path) else axis.defaults


def _given(name: str, selection: Selection) -> Sequence[Any]:
    return selection.get(name) or AXES[name].defaults


def _tasks(plugin: str, architecture: str, asked: Sequence[str], *, own: bool) -> list[str]:
    """The requested tasks that fit the architecture, or its default; a model of one's `own` takes any."""
    known = not own and architectures.is_known(architecture)
    stated = not own and architectures.is_builtin(architecture)
    taken = [name for name in asked if tasks.fits(name, architecture) or not stated]
    if asked:
        if not taken:
            fits = ", ".join(tasks.fitting(architecture))
            meaning = f"{architectures.meaning(architecture)}; one of the plugin's own needs another word after the dot"
            raise SpecError(
                f"{plugin}: task {', '.join(asked)} does not fit the architecture {architecture}; "
                f"tasks that do: {fits} ({meaning})"
            )
        return taken
    if known:
        return [architectures.default_task(architecture)]
    raise SpecError(
        f"{plugin}: {architectures.meaning(architecture)}, and has no default task; "
        f"give --task NAME, one of {', '.join(tasks.names())}"
    )


def _batch_size(architecture: str, size: str) -> int:
    known = architectures.is_known(architecture)
    return architectures.configuration(architecture, size).batch_size if known else DEFAULT_BATCH_SIZE


def _seeds(phase: PhaseName, policy: Policy) -> Sequence[int]:
    return range(policy.processes) if PHASES[phase].replicated_by == "seed" else (0,)


def _groups(
    load: Workload, arms: dict[Workload, list[Spec]], policy: Policy, controls: Collection[Spec]
) -> list[Group]:
    """The groups of a workload: as many as processes, or one for its seed, of as many as seeds replicate it."""
    of = INTERIM_GROUPS[-1] if policy.adaptive and len(arms[load]) > 1 else policy.processes
    numbers = range(of)
    if load.replicated_by == "seed":
        alike = [other for other in arms if msgspec.structs.replace(other, seed=load.seed) == load]
        numbers, of = range(place := alike.index(load), place + 1), len(alike)
    together = members(arms[load], controls)
    return [Group(number, tuple(starting_order(together, number)), of) for number in numbers]


IN_FULL = 3
"""Processes of an arm in an adaptive session that are measured for all figures of a report.

A figure has an interval from two on, of use from three; more would cost groups, of which the verdict is made.
"""


@dataclass(frozen=True)
class Place:
    """Place of a Run in its session: the group, this arm's place in the order of starting, its kind of process."""

    session: str
    group: int
    groups: int
    arm: int
    arms: int
    isolation: Isolation = "fresh"
    part: int = 0
    control: bool = False

    def in_full(self, policy: Policy) -> bool:
        """True if this process is measured for all figures of a report, False if only for those of verdicts."""
        return not policy.adaptive or self.group < IN_FULL

    def starts_beside(self, policy: Policy) -> bool:
        """True if a process here starts while others of its group do: nothing is read from how long that takes."""
        return self.isolation == "fresh" and not self.in_full(policy)


def places(group: Group, session: str, isolation: Isolation) -> Iterator[tuple[Member, Place]]:
    """The members of a group of this session with their places, in the order of starting."""
    for number, member in enumerate(group.members):
        arms, control = len(group.members), member.control
        yield member, Place(session, group.number, group.of, number, arms, isolation, group.part, control)
