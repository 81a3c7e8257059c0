"""From a Spec to a built model: its task, its build request, and the check of the plugin's read-back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from dlbench import architectures
from dlbench.errors import ContractViolation, Unsupported
from dlbench.measure import arrays, phases, reported, settings
from dlbench.plugin import (
    SGD,
    Adam,
    AdamW,
    Batch,
    BuildRequest,
    ModelInfo,
    ModelPlugin,
    Optimizer,
    OwnOptimizer,
    Stages,
)
from dlbench.spec import AXES, Spec
from dlbench.tasks import Task, TaskRequest, open_task

_REFUSED = "build() must meet the Spec or raise Unsupported"
_COUNTED = (
    "the word after the dot, {word}, names an architecture that dlbench describes: build from request.parameters, "
    "or choose another word for an architecture of your own"
)


@dataclass(frozen=True)
class Prepared:
    """All that is needed to build and step one model in this process; nothing is built yet."""

    plugin: ModelPlugin
    task: Task
    request: BuildRequest


def prepare(spec: Spec, plugin: ModelPlugin) -> Prepared:
    """Open the task and, for an architecture that the core describes, draw its initial parameters.

    Raises UnknownName for a size or a task that does not exist, SpecError for missing or wrong data, and Unsupported
    for a phase that the plugin lacks and for calls of more steps than there are between two evaluations.
    """
    phases.require(spec, plugin)
    known = architectures.describes(spec)
    configuration = architectures.configuration(spec.architecture, spec.size) if known else None
    task = task_of(spec)
    if not spec.timed and spec.steps_per_call > task.evaluate_every:
        raise Unsupported(
            f"{spec.steps_per_call} steps a call in the phase {spec.phase}: task {spec.task} is evaluated every "
            f"{task.evaluate_every} steps; choose no more"
        )
    signature = task.signature
    parameters = configuration.initial_parameters(signature, spec.seed) if configuration else None
    request = BuildRequest(spec, signature, optimizer_of(spec, task.optimizer), configuration, parameters)
    return Prepared(plugin, task, request)


def optimizer_of(spec: Spec, of_task: Optimizer) -> Optimizer:
    """The optimizer that the model's source names, at the learning rate of the task; the task's own unless named."""
    asked = "" if spec.model is None else spec.model.optimizer
    name, _, more = asked.partition(":")
    rate = of_task.learning_rate if not isinstance(of_task, OwnOptimizer) else Adam().learning_rate
    match name:
        case "":
            return of_task
        case "adam":
            return of_task if isinstance(of_task, Adam) else Adam(learning_rate=rate)
        case "adamw":
            return AdamW(learning_rate=rate)
        case "sgd":
            return SGD(learning_rate=rate, momentum=float(more or 0))
        case _:
            return OwnOptimizer(function=asked)


def task_of(spec: Spec) -> Task:
    """The task of a Spec, its data read and checked. Raises as `prepare` does."""
    return open_task(spec.task, _task_request(spec))


def _task_request(spec: Spec) -> TaskRequest:
    """Request of a known architecture, or of a user's own model."""
    if (source := spec.model) is not None:
        said = {name: getattr(source, name) for name in ("inputs", "targets", "outputs", "loss", "data", "target")}
        return TaskRequest(spec.size, spec.batch_size, **said)
    known = architectures.is_known(spec.architecture)
    shape = architectures.configuration(spec.architecture, spec.size).input_shape if known else None
    return TaskRequest(spec.size, spec.batch_size, shape)


def batch_of_call(task: Task, spec: Spec, call: int) -> Batch:
    """Batch of call 0, 1, ... of `train_step`: one batch, or the batches of its steps along a further first axis."""
    if spec.steps_per_call == 1:
        return task.batch(spec.seed, call)
    first = call * spec.steps_per_call
    batches = [task.batch(spec.seed, step) for step in range(first, first + spec.steps_per_call)]
    return Batch(*(arrays.each(_stacked, *parts) for parts in zip(*batches, strict=True)))


def _stacked(*parts: Any) -> Any:
    return np.stack(parts)


def stage(plugin: ModelPlugin, spec: Spec, batch: Batch) -> Batch:
    """The batch in the Spec's place before the step: as the plugin stages it, or as it is on the host.

    Raises ContractViolation for arrays of NumPy, which lie on the host, if the Spec names another device.
    """
    if not isinstance(plugin, Stages) or spec.data != "device":
        return batch
    staged = plugin.stage(batch)
    on_host = spec.device not in ("cpu", "auto") and any(
        isinstance(part, np.ndarray) for part in (*arrays.parts(staged.inputs), *arrays.parts(staged.targets))
    )
    if on_host:
        raise ContractViolation(
            f"plugin {spec.plugin}: asked for data on the {spec.device}, and stage() returned NumPy arrays, which lie "
            "on the host; it must return arrays on the device"
        )
    return staged


def build_checked(plugin: ModelPlugin, request: BuildRequest) -> ModelInfo:
    """Build, and compare the plugin's read-back with the request.

    Raises ContractViolation naming the first difference, SettingNotTaken for a setting of a variant, and whatever the
    plugin raises.
    """
    spec, name = request.spec, request.spec.plugin
    info: ModelInfo = reported.checked(name, "build()", plugin.build(request), ModelInfo)
    for clause, asked, built, holds in [*_clauses(info, request), _staging(plugin, info)]:
        if not holds:
            remedy = _COUNTED.format(word=spec.architecture) if clause == "parameter count" else _REFUSED
            if clause == "parameter count" and spec.variant is not msgspec.UNSET:
                remedy = f"variant {spec.variant.name} changes the model, and may change settings alone"
            said = f"plugin {name}: asked for {clause} {asked}, built {clause} {built}; {remedy}"
            raise ContractViolation(said, "unsupported" if remedy == _REFUSED else "")
    return msgspec.structs.replace(info, settings=settings.taken(spec, plugin, so_far=True))


def _clauses(info: ModelInfo, request: BuildRequest) -> list[tuple[str, object, object, bool]]:
    """Requested and actual values, and their agreement; a value that the plugin may leave open agrees if left open."""
    spec = request.spec
    count = None if request.parameters is None else sum(value.size for value in request.parameters.values())
    found: list[tuple[str, object, object, bool]] = []
    for axis in AXES.values():
        if axis.agrees is not None:
            asked, built = getattr(spec, axis.field), getattr(info, axis.field)
            agrees = axis.agrees(asked, built) or (axis.field == "precision" and settings.may_round_to(spec, built))
            found.append((axis.name, axis.of(asked), axis.of(built), agrees))
    return [
        *found,
        ("compiler", spec.compiler or f"for path {spec.path}", info.compiler, _compiler_agrees(spec, info)),
        ("parameter count", count, info.parameter_count, count in (None, info.parameter_count)),
    ]


def _staging(plugin: ModelPlugin, info: ModelInfo) -> tuple[str, object, object, bool]:
    """Data that waits on another device than the CPU has been staged there."""
    staged = isinstance(plugin, Stages) or info.data == "host" or info.device == "cpu"
    return "data", f"on the {info.device}", "on the host, without stage()", staged


def _compiler_agrees(spec: Spec, info: ModelInfo) -> bool:
    """True for the requested compiler; without one, for any on the path `jit` and none on the others."""
    return spec.compiler == info.compiler if spec.compiler else bool(info.compiler) == (spec.path == "jit")
