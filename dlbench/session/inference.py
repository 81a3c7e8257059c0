"""Inference: the parts of a plan that follow from a model's or plugin's description of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import Description
from dlbench.session.plan import Selection
from dlbench.spec import AXES, PHASES, InputSpec, ModelSource, Spec
from dlbench.spec.axes import as_text
from dlbench.spec.source import batch_size_of, text
from dlbench.tasks.signatures import require_range, signature_of, targets_of
from dlbench.tasks.task import TaskRequest

SYNTHETIC, FROM_FILE = "synthetic_inputs", "data"
"""Tasks that are made to measure, for models of the user's own."""
UNKNOWN = "model"
"""The framework of a model that is not known yet."""
WITHOUT_TARGET: tuple[str, ...] = ("train", "predict")
"""Phases of a model that no target was stated for."""


def filled(selection: Selection, spec: Spec, said: Description) -> Selection:
    """The selection of one size and combination of options, with all that follows from a description.

    `spec` is the one by which the model was described. Raises UnknownName or SpecError if they do not fit.
    """
    _check(spec, said)
    chosen = {**selection, "options": [as_text(spec.options)] if spec.options else [], "path": _paths(selection, said)}
    return _of_plugin(chosen, spec, said) if spec.model is None else _of_model(chosen, spec, said)


def _paths(selection: Selection, said: Description) -> Sequence[Any]:
    """The requested paths; without any, the first that the model has if it lacks the default ones."""
    usual = AXES["path"].defaults
    return selection.get("path") or (usual if not said.paths or set(usual) & set(said.paths) else said.paths[:1])


def _check(spec: Spec, said: Description) -> None:
    """Raise UnknownName or SpecError for a size or an option that the model does not have."""
    of = spec.plugin if spec.model is None else spec.model.reference
    if said.sizes and spec.size not in said.sizes:
        raise UnknownName(f"size of {of}", spec.size, said.sizes)
    if spec.model is not None and not said.sizes and spec.size not in AXES["size"].defaults:
        raise SpecError(f"{of} has no sizes, and --size {spec.size} was given; give keywords by --set NAME=VALUE")
    for name, _ in spec.options if said.options else ():
        if name not in said.options:
            raise UnknownName(f"option of {of}", name, said.options)
    if spec.model is None and spec.options and not said.options:
        raise SpecError(f"{of} takes no options; leave --set {as_text(spec.options)} out")


def _of_plugin(selection: Selection, spec: Spec, said: Description) -> Selection:
    """Defaults of an installed plugin; if it names no task, samples are made for the inputs that it states."""
    if not selection.get("task") and not said.task and said.inputs:
        source = ModelSource(reference=spec.plugin)
        return _of_model(selection, msgspec.structs.replace(spec, model=source), said)
    batch = said.batch_sizes.get(spec.size)
    found: Selection = {"task": [said.task] if said.task else [], "batch_size": [] if batch is None else [batch]}
    chosen: Selection = {axis: selection.get(axis) or values for axis, values in found.items()}
    return {**selection, **chosen}


def _of_model(selection: Selection, spec: Spec, said: Description) -> Selection:
    """All stated and all inferred facts of a model, as values of axes."""
    assert spec.model is not None
    inputs = said.inputs or spec.model.inputs
    if not inputs:
        raise SpecError(
            f"{spec.model.reference}: its inputs are not known; give --input SHAPE[:DTYPE][<BELOW], the batch first"
        )
    try:
        own_batch = batch_size_of(inputs)
        for one in inputs if spec.task == SYNTHETIC else ():
            require_range(one)
    except SpecError as error:
        raise SpecError(f"{spec.model.reference}: {error}") from error
    batches = selection.get("batch_size") or [said.batch_sizes.get(spec.size) or own_batch]
    _require_targets(spec.model, inputs, batches)
    spec = msgspec.structs.replace(spec, batch_size=batches[0])
    assert spec.model is not None
    source = _completed(msgspec.structs.replace(spec.model, inputs=inputs), spec, said)
    found: Selection = {
        "plugin": [f"{said.framework}.{spec.architecture}"],
        "model": [msgspec.structs.replace(source, inferred=tuple(_inferred(spec, source, said)))],
        "task": selection.get("task") or [spec.task],
        "batch_size": batches,
        "phase": selection.get("phase") or _phases(source, said),
    }
    _require_target(source, found)
    return {**selection, **found}


def _phases(source: ModelSource, said: Description) -> Sequence[Any]:
    """The phases that make sense without a request, of those that the model has."""
    found = AXES["phase"].defaults if source.target else WITHOUT_TARGET
    return [phase for phase in found if phase in said.phases] or found


def _require_targets(source: ModelSource, inputs: Sequence[InputSpec], batches: Sequence[int]) -> None:
    """Raise SpecError for targets that were stated for another number of samples than the inputs."""
    stated = source.targets
    if stated is not None and not source.data and stated.shape[0] not in (1, inputs[0].shape[0], *batches):
        raise SpecError(
            f"{source.reference}: targets {text(stated)} are for {stated.shape[0]} samples and the inputs, such as "
            f"{text(inputs[0])}, for {inputs[0].shape[0]}; the first axis of both is the batch"
        )


def _require_target(source: ModelSource, found: Selection) -> None:
    """Raise SpecError for training to a target without a stated one, on a task that has none."""
    without = [phase for phase in found["phase"] if not PHASES[phase].timed]
    if without and not source.target and found["task"][0] in (SYNTHETIC, FROM_FILE):
        raise SpecError(
            f"{source.reference}: the phase {without[0]} trains to a target, and none was stated; "
            "give --target, such as accuracy:0.95 or mse:0.01"
        )


def _completed(source: ModelSource, spec: Spec, said: Description) -> ModelSource:
    """The source with outputs, and with targets and loss, which any other task has of itself."""
    outputs = source.outputs or (InputSpec(said.outputs.shape) if said.outputs is not None else None)
    if spec.task != SYNTHETIC:
        return msgspec.structs.replace(source, outputs=outputs)
    request = TaskRequest(
        spec.size,
        spec.batch_size,
        inputs=source.inputs,
        targets=source.targets or said.targets,
        outputs=outputs,
        loss=source.loss or said.loss,
    )
    targets = targets_of(request)
    signature = signature_of(request, targets)
    outputs = InputSpec(signature.outputs.shape, signature.outputs.dtype)
    return msgspec.structs.replace(source, targets=targets, outputs=outputs, loss=signature.loss)


def _inferred(spec: Spec, source: ModelSource, said: Description) -> Iterator[str]:
    """A line for every fact that nobody stated, in the words of the model's adaptor if it has any.

    A task that is no file of samples and not made for the model has targets and loss of itself.
    """
    assert spec.model is not None
    own = () if spec.task in (SYNTHETIC, FROM_FILE) else ("targets", "loss")
    worded = {line.partition(" ")[0] for line in said.inferred}
    unstated = (line for line in _unstated(spec.model, spec, source, said) if line.partition(" ")[0] not in worded)
    yield from (line for line in (*unstated, *said.inferred) if line.partition(" ")[0] not in own)


def _unstated(stated: ModelSource, spec: Spec, source: ModelSource, said: Description) -> Iterator[str]:
    if spec.framework == UNKNOWN:
        yield f"framework {said.framework}, by the classes of the model"
    if not stated.inputs:
        yield f"inputs {', '.join(map(text, source.inputs))}"
    targets, loss = source.targets or said.targets, source.loss or said.loss
    if stated.targets is None and targets is not None:
        yield f"targets {text(targets)}"
    if not stated.loss and loss:
        yield f"loss {loss}"
    if not stated.optimizer:
        yield "optimizer adam"
