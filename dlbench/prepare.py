"""From a Spec to a model that stands: its task, its build request, and the check of what the plugin read back."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from dlbench import architectures
from dlbench.errors import ContractViolation
from dlbench.plugin import BuildRequest, ModelInfo, ModelPlugin
from dlbench.spec import Spec
from dlbench.tasks import Task, TaskRequest, open_task


@dataclass(frozen=True)
class Prepared:
    """All that is needed to build and step one model in this process; nothing is built yet."""

    plugin: ModelPlugin
    task: Task
    request: BuildRequest


def prepare(spec: Spec, plugin: ModelPlugin) -> Prepared:
    """Open the task and, where the core describes the architecture, draw its initial parameters.

    Raises UnknownName for a size or a task that does not exist, and SpecError when the data is not what it should be.
    """
    known = architectures.known(spec.architecture)
    configuration = architectures.configuration(spec.architecture, spec.size) if known else None
    shape = configuration.input_shape if configuration else None
    task = open_task(spec.task, TaskRequest(size=spec.size, batch_size=spec.batch_size, input_shape=shape))
    signature = task.signature
    parameters = configuration.initial_parameters(signature, spec.seed) if configuration else None
    request = BuildRequest(spec, signature, task.optimizer, configuration, parameters)
    return Prepared(plugin, task, request)


def build_checked(plugin: ModelPlugin, request: BuildRequest) -> ModelInfo:
    """Build, and compare what the plugin read back with what was asked.

    Raises ContractViolation naming the first difference, and whatever the plugin raises.
    """
    name = request.spec.plugin
    info = _checked_types(name, plugin.build(request))
    for clause, asked, built, holds in _clauses(info, request):
        if not holds:
            raise ContractViolation(
                f"plugin {name}: asked for {clause} {asked}, built {clause} {built}; "
                "build() must do what the Spec asks or raise Unsupported"
            )
    return info


def _checked_types(name: str, info: object) -> ModelInfo:
    if not isinstance(info, ModelInfo):
        raise ContractViolation(f"plugin {name}: build() must return a ModelInfo, got {type(info).__name__} {info!r}")
    try:
        return msgspec.convert(msgspec.to_builtins(info), ModelInfo)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise ContractViolation(f"plugin {name}: build() returned a ModelInfo that cannot be kept: {error}") from error


def _clauses(info: ModelInfo, request: BuildRequest) -> list[tuple[str, object, object, bool]]:
    """What was asked, what was built, and whether they agree; what the plugin may leave open agrees when left open."""
    spec = request.spec
    count = None if request.parameters is None else sum(value.size for value in request.parameters.values())
    return [
        ("device", spec.device, info.device, _device_agrees(spec.device, info.device)),
        ("path", spec.path, info.path, spec.path == info.path),
        ("compiler", f"for path {spec.path}", info.compiler, spec.path != "jit" or bool(info.compiler)),
        ("precision", spec.precision, info.precision, spec.precision == info.precision),
        ("threads", spec.threads, info.threads, info.threads in (None, spec.threads)),
        ("parameter count", count, info.parameter_count, count in (None, info.parameter_count)),
    ]


def _device_agrees(asked: str, built: str) -> bool:
    """`auto` leaves the choice to the plugin, `gpu` the number."""
    return asked in ("auto", built) or (asked == "gpu" and built.startswith("gpu:"))
