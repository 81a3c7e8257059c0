"""Description of a model or plugin by itself, in a child: the parent imports no framework."""

from __future__ import annotations

import msgspec

from dlbench import registry
from dlbench.errors import ContractViolation, PluginLoadError, SpecError, UnknownName
from dlbench.measure import phases, reported
from dlbench.measure.build import task_of
from dlbench.plugin import Describes, Description, ModelPlugin
from dlbench.registry import adaptors, factories, references
from dlbench.spec import InputSpec, ModelSource, Spec
from dlbench.tasks.signatures import ranges_of, signature_of
from dlbench.tasks.task import TaskRequest

MADE_TO_MEASURE = "synthetic_inputs"
"""The task that makes samples for whatever a model takes."""


def describe_model(spec: Spec, adaptor: str) -> Description:
    """The description of the Spec's plugin, or of its model by this adaptor or the one that takes its class.

    `framework` is filled in, and so are inputs, targets and loss as the task states them. A plugin that cannot be
    loaded is described by what is asked of it: its Runs say why they fail, and others go on. Raises SpecError,
    UnknownName, PluginLoadError, ContractViolation, and whatever the user's model raises.
    """
    if spec.model is None:
        try:
            plugin = registry.load(spec.plugin)
        except (PluginLoadError, ContractViolation):
            return Description(framework=spec.framework, task=spec.task, options={name: "" for name, _ in spec.options})
        found = _said(plugin, spec)
        return msgspec.structs.replace(found, framework=found.framework or spec.framework)
    source = _with_arrays_of_task(spec, spec.model)
    framework = adaptor or _adaptor(spec, source)
    found, source = _of_model(framework, spec, source)
    return msgspec.structs.replace(
        found,
        framework=found.framework or framework,
        inputs=_inputs(source.inputs, found.inputs),
        targets=source.targets or found.targets,
        loss=source.loss or found.loss,
    )


def _inputs(stated: tuple[InputSpec, ...], found: tuple[InputSpec, ...]) -> tuple[InputSpec, ...]:
    """The stated inputs, with the ranges of integers that the model's own description found for them."""
    if len(stated) != len(found):
        return stated or found
    return tuple(
        msgspec.structs.replace(one, below=one.below or other.below) if one.dtype == other.dtype else one
        for one, other in zip(stated, found, strict=True)
    )


def _said(plugin: ModelPlugin, spec: Spec) -> Description:
    said: object = Description()
    if isinstance(plugin, Describes):
        of_package = spec.model is None  # what a model of the user's raises is told as it is
        said = (
            reported.answer(spec.plugin, "describe()", plugin.describe, spec) if of_package else plugin.describe(spec)
        )
    found: Description = reported.checked(spec.plugin, "describe()", said, Description)
    return msgspec.structs.replace(found, phases=phases.of_plugin(spec.plugin, plugin))


def _of_model(framework: str, spec: Spec, source: ModelSource) -> tuple[Description, ModelSource]:
    """The description of a model and the source, with the arrays of its task as the model's outputs want them.

    Raises SpecError if they do not fit.
    """

    def described(source: ModelSource) -> Description:
        return _said(adaptors.adapt(framework, source), msgspec.structs.replace(spec, model=source))

    try:
        found = described(source)
        _require_fit(spec, source, found)
        return found, source
    except SpecError:
        if spec.task == MADE_TO_MEASURE:
            raise
        fitted = _fitted(spec, source, described(msgspec.structs.replace(source, targets=None, loss="")))
        if fitted == source:
            raise
        return described(fitted), fitted


def _require_fit(spec: Spec, source: ModelSource, said: Description) -> None:
    """Raise SpecError if targets and loss of a task do not fit the outputs of the model."""
    if spec.task == MADE_TO_MEASURE or said.outputs is None or source.targets is None:
        return
    outputs = InputSpec(said.outputs.shape)
    request = TaskRequest(spec.size, spec.batch_size, inputs=source.inputs, outputs=outputs, loss=source.loss)
    try:
        signature_of(request, source.targets)
    except SpecError as error:
        raise SpecError(f"{source.reference} and {source.data or f'task {spec.task}'}: {error}") from error


def _fitted(spec: Spec, source: ModelSource, said: Description) -> ModelSource:
    """The source with targets as the outputs want them. Raises SpecError if they cannot be made to fit."""
    if spec.model is None or said.outputs is None or source.targets is None:
        return source
    known = msgspec.structs.replace(spec.model, outputs=InputSpec(said.outputs.shape))
    try:
        targets = task_of(msgspec.structs.replace(spec, model=known)).signature.targets
    except SpecError:
        _require_fit(spec, source, said)
        raise
    fitted = msgspec.structs.replace(source.targets, shape=targets.shape, dtype=targets.dtype)
    source = msgspec.structs.replace(source, targets=fitted)
    _require_fit(spec, source, said)
    return source


def _with_arrays_of_task(spec: Spec, source: ModelSource) -> ModelSource:
    """The source with inputs, targets and loss of its task, unless they are stated or made for the model."""
    if spec.task == MADE_TO_MEASURE:
        return source
    found = task_of(msgspec.structs.replace(spec, model=source)).signature
    arrays = zip((found.inputs, *found.further), ranges_of(found), strict=True)
    inputs = tuple(InputSpec(one.shape, one.dtype, below) for one, below in arrays)
    classes = found.outputs.shape[-1] if found.loss == "cross_entropy" else None
    return msgspec.structs.replace(
        source,
        inputs=source.inputs or inputs,
        targets=source.targets or InputSpec(found.targets.shape, found.targets.dtype, classes),
        loss=source.loss or found.loss,
    )


def _adaptor(spec: Spec, source: ModelSource) -> str:
    """The adaptor of the loader that the reference names, or of the classes of its result."""
    reference = source.reference
    if loader := adaptors.loader(reference):
        return loader
    word = reference.partition(":")[0]
    if not references.is_reference(reference) and adaptors.GROUP.pattern.fullmatch(word):
        return adaptors.find(word).name  # which names the package to install
    found = _loaded(reference)
    made = found if isinstance(found, type) else factories.make(reference, dict(spec.options))
    return adaptors.of_model(reference, made)


def _loaded(reference: str) -> object:
    """The object that a reference names. Raises UnknownName for a word that is neither a module nor a loader."""
    try:
        found: object = references.load_reference(reference)
    except SpecError as error:
        missing, word = error.__cause__, reference.partition(":")[0]
        if isinstance(missing, ModuleNotFoundError) and missing.name == word and "." not in word:
            known = {entry.name for entry in adaptors.entries()}
            raise UnknownName("module or loader", word, known, "files are file.py:NAME") from error
        raise
    return found
