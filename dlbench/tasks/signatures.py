"""Signatures of the user's own models, from the stated arrays and loss."""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import ArraySpec, Signature
from dlbench.spec import InputSpec
from dlbench.spec.source import class_spec, text, with_batch_size
from dlbench.tasks.task import TaskRequest

INTEGERS = ("int32", "int64", "uint8")
LOSSES = ("cross_entropy", "mse")
"""Losses that determine the kind of targets; any other is a function of the user's own."""


def signature_of(request: TaskRequest, targets: InputSpec) -> Signature:
    """The signature of a request whose targets are known. Raises SpecError if targets, outputs and loss disagree."""
    loss = request.loss or loss_of(targets.dtype)
    outputs = request.outputs or _outputs(loss, targets)
    outputs = with_batch_size(outputs, request.batch_size)
    _check(loss, targets, outputs)
    first, *further = inputs = [with_batch_size(one, request.batch_size) for one in request.inputs]
    ranges = tuple(one.below if one.dtype in ("int32", "int64") else None for one in inputs)
    return Signature(
        inputs=_array(first),
        targets=_array(targets),
        outputs=_array(outputs),
        loss=loss,
        vocabulary=next(filter(None, ranges), None),
        further=tuple(map(_array, further)),
        names=_names(inputs),
        ranges=ranges if any(ranges) else (),
    )


def ranges_of(signature: Signature) -> tuple[int | None, ...]:
    """The number of distinct values of each input, None for one that holds no integers."""
    return signature.ranges or (signature.vocabulary, *(None for _ in signature.further))


def loss_of(dtype: str) -> str:
    """The loss that targets of this type say."""
    return "cross_entropy" if dtype.startswith(("int", "uint")) else "mse"


def places_of(loss: str, outputs: InputSpec) -> tuple[int, ...] | None:
    """Axes of the targets of one sample for these outputs; None if the loss does not determine them."""
    return {"mse": outputs.shape[1:], "cross_entropy": outputs.shape[1:-1]}.get(loss)


def targets_of(request: TaskRequest) -> InputSpec:
    """The targets that were stated, or else as the loss and the outputs want them: one value alone is no class.

    Raises SpecError without either.
    """
    stated, outputs = request.targets, request.outputs
    if stated is not None:
        ranged = stated.dtype not in INTEGERS or stated.below
        if not ranged and outputs is None:
            raise SpecError(f"targets {text(stated)}: their range is not known; give it, such as --classes 10")
        below = stated.below if ranged or outputs is None else outputs.shape[-1]
        return with_batch_size(InputSpec(stated.shape, stated.dtype, below), request.batch_size)
    if outputs is None:
        raise SpecError("neither targets nor outputs are known; give --classes N, or --targets SHAPE[:DTYPE][<BELOW]")
    if request.loss == "mse" or (not request.loss and outputs.shape[-1] == 1):
        return with_batch_size(InputSpec(outputs.shape), request.batch_size)
    if request.loss in ("", "cross_entropy") and len(outputs.shape) > 1:
        classes = class_spec(outputs.shape[-1], request.batch_size)
        return InputSpec((request.batch_size, *outputs.shape[1:-1]), classes.dtype, classes.below)
    if request.loss and ":" not in request.loss and request.loss not in LOSSES:
        raise UnknownName("loss", request.loss, LOSSES, "or give file.py:function, called with outputs and targets")
    raise SpecError(
        f"the loss {request.loss or 'of outputs ' + text(outputs)} does not determine its targets; "
        "give --classes N, or --targets SHAPE[:DTYPE][<BELOW]"
    )


def _outputs(loss: str, targets: InputSpec) -> InputSpec:
    """A logit for each class, or as many values as there are targets."""
    return InputSpec(targets.shape if loss == "mse" or not targets.below else (*targets.shape, targets.below))


def _check(loss: str, targets: InputSpec, outputs: InputSpec) -> None:
    """Raise SpecError if they disagree, in words for the author of a task and for the user of a model."""
    if loss == "mse" and targets.shape != outputs.shape:
        raise SpecError(
            f"loss mse: targets {text(targets)} and outputs {text(outputs)} differ in shape; make them alike, or "
            "give integers as targets, which are classes; a model of your own takes another --loss too"
        )
    if loss != "cross_entropy":
        return
    if targets.dtype not in INTEGERS:
        raise SpecError(f"loss cross_entropy: targets are {text(targets)}; they must be integers, the classes")
    axis = _class_axis(targets, outputs)
    if axis is None:
        wanted = text(InputSpec((*targets.shape, targets.below or 1)))
        raise SpecError(f"loss cross_entropy: targets {text(targets)} need outputs {wanted}, not {text(outputs)}")
    if outputs.shape[axis] == 1:
        raise SpecError(
            f"loss cross_entropy: the outputs {text(outputs)} have one class, and it is then 0 in any case; "
            "give targets of more classes, or as float32 for mse; a model of your own takes --loss mse too"
        )
    if targets.below is not None and targets.below > outputs.shape[axis]:
        raise SpecError(
            f"loss cross_entropy: targets {text(targets)} are classes up to {targets.below - 1}, and the outputs "
            f"{text(outputs)} have {outputs.shape[axis]} classes; give fewer, or a model with an output for each"
        )


def _class_axis(targets: InputSpec, outputs: InputSpec) -> int | None:
    """The axis of the outputs that has a logit for each class: the last, or the second, as some frameworks have it."""
    return next((at for at in (-1, 1) if len(outputs.shape) > 1 and _without(outputs.shape, at) == targets.shape), None)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def _array(spec: InputSpec) -> ArraySpec:
    return ArraySpec(spec.shape, spec.dtype)


def require_range(spec: InputSpec) -> InputSpec:
    """The input. Raises SpecError for integers whose range nobody knows."""
    if spec.dtype in ("int32", "int64") and spec.below is None:
        raise SpecError(f"input {text(spec)}: its range is not known; give it, such as {text(spec)}<30522")
    return spec


def _names(inputs: Sequence[InputSpec]) -> tuple[str, ...]:
    """All of them, or none if inputs go by place. Raises SpecError for some, and for one that comes twice."""
    names = [one.name for one in inputs if one.name]
    if names and len(set(names)) < len(inputs):
        raise SpecError(f"inputs {', '.join(map(text, inputs))}: give every one a name of its own, or none")
    return tuple(names)
