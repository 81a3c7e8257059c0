"""The configuration table: requested and actual settings of every arm, so that differences show."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations

import msgspec
from msgspec import UNSET

from dlbench.analysis import metrics, provenance
from dlbench.errors import redaction
from dlbench.plugin import ModelInfo
from dlbench.record.schema import Environment, Record, Run
from dlbench.spec import ARM_AXES, AXES, REMEMBERED, WORKLOAD_AXES, ModelSource, Spec, Workload, unusual
from dlbench.stats.ranges import spans

FLOPS = "FLOPs per step of each phase"
CORES = "cores it may use"
AND = " / "
"""Text between the values of one arm."""
BUSY, PROCESSORS, LIBRARIES = "cores kept busy", "processors", "thread libraries"
READ_BACK = [axis for axis in (*WORKLOAD_AXES, *ARM_AXES) if axis.agrees is not None]
"""Axes that plugins read back."""
NOT_COMPARED = (*(axis.name for axis in READ_BACK if axis.makes == "arm"), "compiler", "code", LIBRARIES)
"""An arm is chosen by its axes; the others follow from the plugin. They may differ without a word."""
MUST_AGREE = ("parameters", CORES, FLOPS, *(axis.name for axis in READ_BACK if axis.makes == "workload"))
"""Arms that differ in these do not compute the same thing, or not with the same means."""
EXPLANATIONS = {
    "BLAS": "matrix products come from different libraries; MKL is slower than others on processors of other makers",
    "optimizer": "a fused optimizer updates many parameters in one kernel, where an unfused one launches several each",
    "convolution layout": "channels last is what most convolution kernels read fastest; the other order is rearranged",
    "compiled parts": "what is left to Python runs op by op, between calls of compiled code",
    "denormals": "arithmetic on numbers below the smallest normal one is up to a hundred times slower where it is kept",
    "inter-op threads": "with more than one, operations that do not depend on each other run at the same time",
    **{axis.name: axis.difference for axis in AXES.values() if axis.difference},
}
"""Possible effect of a difference in a row on the figures."""


class Row(Record, frozen=True):
    """One property: the requested value, the value of each arm, and their agreement."""

    name: str
    asked: str
    got: tuple[str, ...]
    differs: bool


class Fairness(Record, frozen=True):
    """All arms that share architecture, size, task and batch; `got` of every row follows `arms`."""

    subject: str
    arms: tuple[str, ...]
    rows: tuple[Row, ...]


class OwnModel(Record, frozen=True):
    """A model of the user's own, as it was stated and inferred, and the task that it was measured on."""

    plugin: str
    task: str
    source: ModelSource


def own_models(specs: Iterable[Spec]) -> tuple[OwnModel, ...] | msgspec.UnsetType:
    """The models of these Specs, each once; unset if all come from packages."""
    found = (OwnModel(plugin=one.plugin, task=one.task, source=one.model) for one in specs if one.model is not None)
    return tuple(dict.fromkeys(found)) or msgspec.UNSET


def fairness(runs: Sequence[Run]) -> Iterator[Fairness]:
    """One table for all phases and seeds of a workload; arms that never came to be built are left out."""
    subjects: dict[str, list[Run]] = {}
    for run in runs:
        if run.info is not None:
            subjects.setdefault(subject_of(run.spec), []).append(run)
    for subject, built in subjects.items():
        arms = tuple(dict.fromkeys(run.spec.label for run in built))
        yield Fairness(subject=subject, arms=arms, rows=tuple(_rows(arms, built)))


@lru_cache(REMEMBERED)
def subject_of(spec: Spec | Workload) -> str:
    """Values that the arms of one configuration table share, in words."""
    return ", ".join(
        [f"{spec.architecture} {spec.size}", f"task {spec.task}", f"batch {spec.batch_size}", *unusual(spec)]
    )


def _rows(arms: Sequence[str], runs: Sequence[Run]) -> Iterator[Row]:
    of: dict[str, list[Run]] = {arm: [] for arm in arms}
    for run in runs:
        of[run.spec.label].append(run)
    requested = _each_once(_requested(spec) for spec in dict.fromkeys(run.spec for run in runs))
    asked = {name: _joined(one[name] for one in requested) for name in requested[0]}
    got = {arm: _each_once(_actual(run, run.info) for run in mine if run.info is not None) for arm, mine in of.items()}
    names = dict.fromkeys(name for said in got.values() for one in said for name in one)
    for name in names:
        cells = tuple(_joined(one[name] for one in got[arm] if name in one) for arm in arms)
        differs = any(apart(name, *pair) for pair in combinations(dict.fromkeys(cells), 2)) or (
            name == FLOPS and _flops_apart(list(of.values()))
        )
        yield Row(name=name, asked=asked.get(name, ""), got=cells, differs=name not in NOT_COMPARED and differs)
    yield from _settings(of)
    if any(busy := tuple(map(_busy, of.values()))):
        yield Row(name=BUSY, asked=f"up to {asked['threads']}", got=busy, differs=False)
    yield from _versions(of)


def apart(name: str, left: str, right: str) -> bool:
    """True if two arms differ in a row. An arm that ran in fewer phases has the FLOPs of those alone."""
    if not left or not right or left == right:
        return False
    one, other = (set(text.split(AND)) for text in (left, right))
    return name != FLOPS or not (one <= other or other <= one)


def _flops_apart(arms: Sequence[Sequence[Run]]) -> bool:
    """True if two arms have other FLOPs in a phase that both ran, also where one has several there."""
    sides = []
    for runs in arms:
        counts: dict[str, set[str]] = {}
        for run in runs:
            if run.flops_per_step is not None:
                counts.setdefault(run.spec.phase, set()).add(f"{run.flops_per_step:,.0f}")
        sides.append(counts)
    return any(
        one[phase] != other[phase] for one, other in combinations(sides, 2) for phase in one.keys() & other.keys()
    )


def _each_once(found: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Different values in order of appearance: most processes of an arm say the same."""
    different: list[dict[str, str]] = []
    for one in found:
        if one not in different:
            different.append(one)
    return different


def _settings(arms: Mapping[str, Sequence[Run]]) -> Iterator[Row]:
    """Settings that a variant of these arms asks for, and their values in effect; arms are chosen by them."""
    asked: dict[str, dict[str, str]] = {}
    for variant in dict.fromkeys(run.spec.variant for runs in arms.values() for run in runs):
        for key, value in () if variant is UNSET else variant.settings:
            asked.setdefault(key, {})[variant.name] = value
    for key, values in asked.items():
        found = [[run.info.settings.get(key, "") for run in runs if run.info is not None] for runs in arms.values()]
        said = ", ".join(f"{value} [{name}]" for name, value in values.items())
        yield Row(name=f"setting {key}", asked=said, got=tuple(map(_joined, found)), differs=False)


def _versions(arms: Mapping[str, Sequence[Run]]) -> Iterator[Row]:
    """Versions that differ between the Python environments of these arms."""
    named = {arm: [run for run in runs if run.environment and run.environment.name] for arm, runs in arms.items()}
    versions = [_installed(runs) for runs in named.values()]
    for name in dict.fromkeys(name for of_arm in versions for name in of_arm):
        cells = tuple(of_arm.get(name, "") for of_arm in versions)
        if len({cell for cell in cells if cell}) > 1:
            yield Row(name=f"version of {name}", asked="", got=cells, differs=True)


def _installed(runs: Iterable[Run]) -> dict[str, str]:
    """Versions by package, with Python's."""
    found: dict[str, str] = {}
    for at in (run.environment for run in runs if run.environment is not None):
        found |= {"Python": at.python, **at.packages}
    return found


def _requested(spec: Spec) -> dict[str, str]:
    asked = {axis.name: str(getattr(spec, axis.field)) for axis in READ_BACK}
    return asked | {CORES: str(spec.process_threads), "compiler": spec.compiler}


def _actual(run: Run, info: ModelInfo) -> dict[str, str]:
    """Properties in the order in which they are shown."""
    shown = {
        "parameters": f"{info.parameter_count:,}",
        FLOPS: "" if run.flops_per_step is None else f"{run.flops_per_step:,.0f}",
    }
    for axis in READ_BACK:
        more = _OF_AXIS.get(axis.field)
        shown |= more(run, info) if more else {axis.name: str(getattr(info, axis.field))}
    shown["compiler"] = info.compiler or "none"
    code = {"code": provenance.code_of_plugin(run)} if run.code else {}
    cores = run.environment and run.environment.usable_cores
    return shown | ({CORES: str(cores)} if cores else {}) | code | _compiled(run) | info.details


_OF_AXIS: Mapping[str, Callable[[Run, ModelInfo], dict[str, str]]] = {
    "device": lambda _, info: {"device": info.device, "device name": info.device_name},
    "precision": lambda run, info: {"precision": _precision(run, info)},
    "threads": lambda run, info: {"threads": _threads(run, info), **_processors(run), **_of_workers(run)},
}
"""Rows of axes about which more is known than the plugin's read-back."""


def _compiled(run: Run) -> dict[str, str]:
    """Compiled parts of a step, and the earlier state of the cache on the disk; empty if not reported."""
    if (found := run.compilation) is None:
        return {}
    cache = {"empty": "empty at the first compilation", "not empty": "held compiled code", "unknown": "cannot be known"}
    said = {"compiled parts": ", ".join(found.parts), "compile cache": cache.get(found.cache, "")}
    return {name: text for name, text in said.items() if text}


def _precision(run: Run, info: ModelInfo) -> str:
    """Precision by the plugin, and by its outputs if that is another."""
    taken_in = run.actual.taken_in if run.actual is not None else ()
    other = taken_in and info.precision not in taken_in
    return f"{info.precision}, multiplies in {' or '.join(taken_in)}" if other else info.precision


def _threads(run: Run, info: ModelInfo) -> str:
    """The framework's setting, and OpenMP's limit if that is lower."""
    limits = [pool.limit for pool in (run.actual.pools if run.actual else ()) if pool.limit is not None]
    set_to = "" if info.threads is None else str(info.threads)
    lower = min(limits, default=run.spec.threads)
    return set_to if lower >= run.spec.threads else f"{set_to or run.spec.threads}, but OpenMP starts {lower}"


def _processors(run: Run) -> dict[str, str]:
    """Processors and thread libraries that the process had and used."""
    caller = ", ".join(f"{name}={value}" for name, value in run.caller.items())
    found = {"the caller's variables": caller} if caller else {}
    if (actual := run.actual) is None:
        return found
    libraries = ", ".join(f"{pool.library} {pool.threads}" for pool in actual.pools)
    return found | {PROCESSORS: spans(actual.cpus), LIBRARIES: libraries}


def _of_workers(run: Run) -> dict[str, str]:
    """Threads and processors of each of several workers, as they read them."""
    if run.ranks is UNSET:
        return {}
    shown = {
        "threads of each worker": ["?" if one.threads is None else str(one.threads) for one in run.ranks],
        "processors of each worker": [spans(one.cpus) for one in run.ranks],
    }
    return {name: ", ".join(values) for name, values in shown.items() if all(values)}


def _busy(runs: Iterable[Run]) -> str:
    """CPU seconds over wall seconds of the timed steps: the median over processes, of each phase."""
    of_phase: dict[str, list[float]] = {}
    for run in runs:
        if (busy := metrics.cores_busy(run)) is not None:
            of_phase.setdefault(run.spec.phase, []).append(busy)
    medians = {phase: f"{statistics.median(values):.2f}" for phase, values in of_phase.items()}
    return ", ".join(medians.values() if len(medians) == 1 else (f"{phase} {of}" for phase, of in medians.items()))


def _joined(values: Iterable[str]) -> str:
    return AND.join(dict.fromkeys(filter(None, values)))


def installed(environments: Iterable[Environment]) -> dict[str, list[str]]:
    """Each package with all its versions, in order of appearance; a session that went on after an upgrade has two."""
    return every(at.packages for at in environments)


def every(found: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Each name with all its values, in order of appearance."""
    values: dict[str, dict[str, None]] = {}
    for one in found:
        for name, value in one.items():
            values.setdefault(name, {})[value] = None
    return {name: list(of_name) for name, of_name in values.items()}


def joined(found: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Each name with all its values as a reader sees them.

    Of folders only the last: schemas 1 and 2 hold folders of compile caches, and each process has its own.
    """
    return {name: values[-1] if name.endswith("_DIR") else " / ".join(values) for name, values in every(found).items()}


def environments(runs: Iterable[Run]) -> Iterable[Environment]:
    """Each machine and interpreter once, with the packages and variables of all its Runs."""
    found: dict[tuple[object, ...], list[Environment]] = {}
    for at in (run.environment for run in runs if run.environment is not None):
        key = (at.name, *provenance.machine(at).values(), at.system, at.python, at.nice, at.scheduling)
        found.setdefault(key, []).append(at)
    for alike in found.values():
        fields = {name: joined(getattr(at, name) for at in alike) for name in ("packages", "variables", "instructions")}
        fields["variables"] = redaction.without_secrets(fields["variables"])  # schemas 1 and 2 recorded by prefix
        yield msgspec.structs.replace(alike[0], **fields)
