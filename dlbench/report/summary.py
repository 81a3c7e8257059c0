"""Runs to a Report: every number that a rendering shows, and nothing that depends on when or where it is rendered."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from dlbench import architectures
from dlbench.analysis import compare, control, labels, metrics, pairs, pooling, provenance, steady_state, stopping
from dlbench.analysis.compare import Comparison
from dlbench.analysis.control import ControlPair
from dlbench.analysis.gate import Gate
from dlbench.analysis.metrics import METRICS
from dlbench.errors import DlbenchError, redaction
from dlbench.plugin import Compilation
from dlbench.record.flags import STATUSES, StatusName
from dlbench.record.parity import Parity
from dlbench.record.schema import SCHEMA, Environment, Record, Run, TaskInfo
from dlbench.report import parity as sameness
from dlbench.report.break_even import Payback, paybacks
from dlbench.report.configuration import Fairness, fairness
from dlbench.report.versions import joined
from dlbench.report.warnings import warnings
from dlbench.spec import Policy, Spec, Workload
from dlbench.stats.estimates import Estimate

DEFAULTS: dict[str, Callable[[Spec], object]] = {
    "task": lambda spec: architectures.default_task(spec.architecture),
    "batch_size": lambda spec: architectures.configuration(spec.architecture, spec.size).batch_size,
}
LONGEST_TITLE = 6
"""Arms that are named one by one."""
PLAIN: dict[str, object] = {"compiler": "", "precision": "fp32", "steps_per_call": 1, "data": "device"}
"""Axes that a command names only where they are not this."""
CENSORED = ("steps_to_target", "seconds_to_target")


class Spread(Record, frozen=True):
    """What it took to reach a target: median and range over seeds, those that never did counting as beyond all others.

    `median` or `high` is None where that lies beyond the budget; `low` is None when none reached the target.
    """

    reached: int
    of: int
    low: float | None
    median: float | None
    high: float | None


class CurvePoint(Record, frozen=True):
    """Quality after so many training steps: median and range over seeds, and how many of them there were."""

    steps: int
    quality: float
    low: float
    high: float
    seeds: int


class Failure(Record, frozen=True):
    """Why Runs of an arm did not end well; `output_tail` ends what the last of them printed."""

    status: StatusName
    reason: str
    output_tail: str
    runs: int


class Arm(Record, frozen=True):
    """One plugin on one path in one workload: `ok` of `planned` processes ended well."""

    label: str
    ok: int
    planned: int
    metrics: dict[str, Estimate]
    to_target: dict[str, Spread]
    curve: tuple[CurvePoint, ...]
    compilation: tuple[Compilation, ...]
    failures: tuple[Failure, ...]


class Section(Record, frozen=True):
    """One workload: its arms in the order of the first group, and each compared with the first that ran."""

    workload: Workload
    seeds: tuple[int, ...]
    task: TaskInfo | None
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    paybacks: tuple[Payback, ...] = ()
    stopped: str = ""


class Report(Record, frozen=True):
    """All that a rendering shows; `parity` holds what was checked of the arms being the same model.

    `gate` is what a gate that was asked for said; `null_pairs` hold how arms compared with their twins.
    """

    title: str
    started: str
    indicative: bool
    sections: tuple[Section, ...]
    warnings: tuple[str, ...]
    fairness: tuple[Fairness, ...]
    environments: tuple[Environment, ...]
    policies: tuple[Policy, ...]
    command: str
    parity: tuple[Parity, ...] = ()
    gate: Gate | None = None
    null_pairs: tuple[ControlPair, ...] = ()
    kind: Literal["dlbench report"] = "dlbench report"
    schema: int = SCHEMA


def summarize(runs: Sequence[Run], parity: Sequence[Parity] = (), gate: Gate | None = None) -> Report:
    """The Report of these Runs and parity checks, of any sessions. Raises DlbenchError when there is no Run."""
    if not runs:
        raise DlbenchError("there is no Run to report; the session ended before its first")
    runs = steady_state.flag_unsteady(pooling.parted(runs))
    gated = [outcome.metric for outcome in gate.outcomes if outcome.metric] if gate else []
    null_pairs = control.null_pairs(runs, dict.fromkeys(("step_time", *gated)))
    objection = control.control_failure(null_pairs, labels.of_specs(run.spec for run in runs))
    runs = control.without_twins(runs)
    comparisons = {load: control.vetoed(found, objection) for load, found in compare.compare(runs).items()}
    by_workload = pairs.by_workload(runs)
    sections = [_section(load, of_load, comparisons.get(load, [])) for load, of_load in by_workload.items()]
    return Report(
        title=_title([msgspec.structs.replace(run.spec, variant=0) for run in runs]),
        started=min(run.started for run in runs),
        indicative=all(run.policy.indicative for run in runs),
        sections=tuple(sections),
        warnings=(*sameness.warnings(parity), *warnings(by_workload)),
        fairness=tuple(fairness(runs)),
        environments=tuple(_environments(runs)),
        policies=tuple(dict.fromkeys(run.policy for run in runs)),
        command=command(runs),
        parity=tuple(parity),
        gate=gate,
        null_pairs=tuple(null_pairs),
    )


def _title(specs: Sequence[Spec]) -> str:
    """The arms, or where they are many what they have in common."""
    arms = list(dict.fromkeys(spec.label for spec in specs))
    if len(arms) <= LONGEST_TITLE:
        return ", ".join(arms)
    number = len({spec.plugin for spec in specs})
    frameworks, paths = ([*dict.fromkeys(getattr(spec, axis) for spec in specs)] for axis in ("framework", "path"))
    return f"{number} plugins of {', '.join(frameworks)} on {', '.join(paths)}"


def command(runs: Sequence[Run]) -> str:
    """The command that measures the same again, where the Specs span a whole grid."""
    specs, policies = [run.spec for run in runs], [run.policy for run in runs]
    axes = ["plugin", "path", "phase", "size", "batch_size", "device", "task", "threads"]
    given = [axis for axis in axes if axis not in DEFAULTS or not _as_by_default(specs, axis)]
    given += [axis for axis in PLAIN if any(getattr(spec, axis) != PLAIN[axis] for spec in specs)]
    options = [f"--{axis.replace('_', '-')} {_joined(specs, axis)}" for axis in given]
    options += [f"--env {name}=PYTHON" for name in dict.fromkeys(spec.environment for spec in specs) if name]
    options += ["--allow-breaks"] if any(spec.allow_breaks for spec in specs) else []
    seeds = [spec for spec in specs if spec.replicated_by == "process"] or specs
    options += [f"--seed {_joined(seeds, 'seed')}"] if any(spec.seed for spec in seeds) else []
    adaptive = any(policy.adaptive for policy in policies)
    number = "--adaptive" if adaptive else f"--processes {max(policy.processes for policy in policies)}"
    cold = all(one.processes > 1 and not one.discard and one.isolation != "none" for one in policies)
    number += " --cold" if cold else ""
    isolations = dict.fromkeys(policy.isolation for policy in policies if policy.isolation != "fresh")
    return " ".join(["dlbench run", *options, number, *(f"--isolation {name}" for name in isolations)])


def _as_by_default(specs: Sequence[Spec], axis: str) -> bool:
    """Whether this differs from Spec to Spec as the architectures have it: then it is to be left out."""
    values = {getattr(spec, axis) for spec in specs}
    return len(values) > 1 and all(
        architectures.is_builtin(spec.architecture) and DEFAULTS[axis](spec) == getattr(spec, axis) for spec in specs
    )


def _joined(specs: Iterable[Spec], axis: str) -> str:
    return ",".join(dict.fromkeys(text for spec in specs if (text := str(getattr(spec, axis)))))


def _section(load: Workload, runs: Sequence[Run], comparisons: Sequence[Comparison]) -> Section:
    return Section(
        workload=load,
        seeds=tuple(dict.fromkeys(run.spec.seed for run in runs)),
        task=next((run.task for run in runs if run.task is not None), None),
        arms=tuple(_arm(label, of_arm) for label, of_arm in pairs.arms(runs).items()),
        comparisons=tuple(comparisons),
        paybacks=tuple(paybacks(pairs.arms(runs))),
        stopped=stopping.sentence(runs),
    )


def _arm(label: str, runs: Sequence[Run]) -> Arm:
    ended_well = [run for run in runs if run.ok]
    phase = runs[0].spec.phase
    estimates = {
        name: metrics.over(metric, runs)
        for name, metric in METRICS.items()
        if phase in metric.phases and name not in CENSORED
    }
    trained = [run for run in runs if STATUSES[run.status].trained]
    spreads = {name: _spread(name, trained) for name in CENSORED if trained and phase in METRICS[name].phases}
    return Arm(
        label=label,
        ok=len(ended_well),
        planned=pairs.planned(runs),
        metrics={name: found for name, found in estimates.items() if found is not None},
        to_target=spreads,
        curve=tuple(_curve(ended_well)),
        compilation=tuple(
            dict.fromkeys(_counted(run.compilation) for run in ended_well if run.compilation is not None)
        ),
        failures=tuple(_failures(runs)),
    )


def _counted(found: Compilation) -> Compilation:
    """What processes have in common: each made another number of calls, rounded here to those of a step."""
    calls = found.calls_per_step
    return msgspec.structs.replace(found, calls=None, calls_per_step=None if calls is None else round(calls, 1))


def _spread(name: str, runs: Sequence[Run]) -> Spread:
    """What never reached the target, for whatever reason, lies beyond all that did."""
    values = [METRICS[name].of(run) for run in runs]
    reached = sorted(value for value in values if value is not None)
    ordered = [*reached, *[None] * (len(values) - len(reached))]
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return Spread(
        reached=len(reached),
        of=len(values),
        low=ordered[0],
        median=None if lower is None or upper is None else (lower + upper) / 2,
        high=ordered[-1],
    )


def _curve(runs: Iterable[Run]) -> Iterable[CurvePoint]:
    at: dict[int, list[float]] = {}
    for run in runs:
        for evaluation in run.evaluations:
            at.setdefault(evaluation.steps, []).append(evaluation.quality)
    for steps, found in sorted(at.items()):
        median, low, high = statistics.median(found), min(found), max(found)
        yield CurvePoint(steps=steps, quality=median, low=low, high=high, seeds=len(found))


def _failures(runs: Iterable[Run]) -> Iterable[Failure]:
    failed = [run for run in runs if not run.ok]
    for (status, reason), number in Counter((run.status, run.reason) for run in failed).items():
        tails = [run.output_tail for run in failed if (run.status, run.reason) == (status, reason)]
        yield Failure(status=status, reason=reason, output_tail=tails[-1], runs=number)


def _environments(runs: Iterable[Run]) -> Iterable[Environment]:
    """Each machine and interpreter once, with the packages and variables of all its Runs."""
    found: dict[tuple[object, ...], list[Environment]] = {}
    for at in (run.environment for run in runs if run.environment is not None):
        key = (at.name, *provenance.machine(at).values(), at.system, at.python, at.nice, at.scheduling)
        found.setdefault(key, []).append(at)
    for alike in found.values():
        fields = {name: joined(getattr(at, name) for at in alike) for name in ("packages", "variables", "instructions")}
        fields["variables"] = redaction.without_secrets(fields["variables"])  # schemas 1 and 2 recorded by prefix
        yield msgspec.structs.replace(alike[0], **fields)
