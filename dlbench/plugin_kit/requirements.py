"""Checks of a build request that are the same in every framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from dlbench import precision as arithmetic
from dlbench.errors import DlbenchError, SpecError, Unsupported
from dlbench.plugin import OwnOptimizer
from dlbench.registry.references import load_reference, users_errors
from dlbench.spec import Spec

if TYPE_CHECKING:
    from dlbench.plugin import BuildRequest, Parameters


def in_precision(spec: Spec) -> Spec:
    """The Spec in the precision that its variant asks for by the settings `amp` or `tf32`.

    Raises Unsupported for a Spec that is not in fp32 without it.
    """
    kind = "tf32" if spec.settings.get("tf32") == "on" else spec.settings.get("amp", "off")
    if kind == "off":
        return spec
    if spec.precision != "fp32":
        raise Unsupported(
            f"{spec.label}: the variant says the precision {kind}; leave --precision {spec.precision} out"
        )
    return msgspec.structs.replace(spec, precision=kind)


def require_arithmetic(precision: str, device: str) -> None:
    """Raise Unsupported for TF32 on a device that is no GPU of NVIDIA's, and for a precision that this CPU lacks.

    `device` is its word in a Spec or in PyTorch.
    """
    if precision == "tf32" and not device.startswith(("gpu", "cuda")):
        raise Unsupported(f"precision tf32: a {device.upper()} has no TF32; it is a mode of NVIDIA's tensor cores")
    if device == "cpu":
        arithmetic.require(precision)


def require_own_precision(label: str, asked: str, found: str, by: str, advice: str) -> None:
    """Raise Unsupported for a model that computes in another precision than the Spec's; `by` says by which part."""
    if found != asked:
        raise Unsupported(f"{label}: asked for {asked}, and {by} {found}; {advice}")


def require_task(
    request: BuildRequest, dimensions: int | None, what: str, *, tokens: bool = False, steps: bool = False
) -> None:
    """Raise Unsupported unless the task has inputs in this many dimensions, the batch among them, and wants rows.

    Inputs are numbers; with `tokens` they may be tokens, which have one dimension less; with `steps` outputs may be one
    row for every time step.
    """
    spec, found = request.spec, request.signature
    inputs, outputs, has_tokens = found.inputs, found.outputs, found.vocabulary is not None
    if (has_tokens and not tokens) or (dimensions is not None and len(inputs.shape) + has_tokens != dimensions):
        raise Unsupported(f"{spec.plugin} takes {what} and task {spec.task} has {inputs.dtype} {inputs.shape}")
    if found.loss == "adversarial" or len(outputs.shape) not in (2, 2 + steps):
        wanted = f"outputs {outputs.shape} under loss {found.loss}"
        if len(outputs.shape) == 1:
            wanted += "; targets of the shape (samples, 1) are rows"
        raise Unsupported(f"{spec.plugin} gives one row (batch, outputs) and task {spec.task} wants {wanted}")


def resolve_device(asked: str, found: Iterable[str], framework: str) -> str:
    """The device word that a Spec's `auto` or `gpu` stands for among those found; `framework` is a name and version.

    Raises Unsupported for a device that is not there.
    """
    found = list(found)
    if asked == "auto":
        return "gpu:0" if "gpu:0" in found else "cpu"
    word = "gpu:0" if asked == "gpu" else asked
    if word not in found:
        advice = f"choose --device {' or '.join(found)}"
        raise Unsupported(f"looked for device {asked}; {framework} finds {', '.join(found)} here; {advice}")
    return word


def require_same_shapes(
    given: Mapping[str, Any], own: Mapping[str, Sequence[int]], state: Mapping[str, Sequence[int]] | None = None
) -> None:
    """Raise ValueError that names the parameters of another name or shape than the model's; `state` may be left out."""
    own = {**own, **{name: shape for name, shape in (state or {}).items() if name in given}}
    shapes = {name: tuple(value.shape) for name, value in given.items()}
    wrong = sorted({name for name, _ in shapes.items() ^ {(name, tuple(shape)) for name, shape in own.items()}})
    if wrong:
        raise ValueError(f"parameters do not fit this model in name or shape: {', '.join(wrong)}")


def require_known(request: BuildRequest) -> Parameters:
    """The initial parameters by canonical name.

    Raises Unsupported for an architecture that the core does not have, and for a task that does not fit one of its own.
    """
    if request.parameters is None:
        raise Unsupported(f"{request.spec.plugin}: the core describes no architecture {request.spec.architecture}")
    sequences = "sequences (batch, time, features) or tokens (batch, time)"
    match request.spec.architecture:
        case "mlp":
            require_task(request, None, "numbers")
        case "cnn":
            require_task(request, 4, "images (batch, height, width, channels)")
        case "rnn" | "lstm" | "gru":
            require_task(request, 3, sequences, tokens=True)
        case "transformer":
            require_task(request, 3, sequences, tokens=True, steps=True)
        case "gan":
            require_adversarial(request)
    return request.parameters


def require_weights(spec: Spec, trained: Sized, held: Sized) -> None:
    """Raise Unsupported for a model that holds no variables, and for a phase that trains one with none to train."""
    if not held:
        raise Unsupported(f"{spec.plugin} has no variables, and so no precision and no device; name one with weights")
    if not trained and spec.trains:
        raise Unsupported(
            f"{spec.plugin} has no variable to train: none, or none that is trainable; choose --phase predict"
        )


def require_adversarial(request: BuildRequest) -> None:
    """Raise Unsupported unless the task has images to generate."""
    if request.signature.loss != "adversarial":
        raise Unsupported(
            f"{request.spec.plugin} generates images and task {request.spec.task} has none to learn; "
            "choose --task synthetic_gan or digits_gan"
        )


def require_words(spec: Spec, title: str, *, paths: Sequence[str], compiler: str, precisions: Iterable[str]) -> None:
    """Raise Unsupported for a path, compiler or precision that the plugins of `title` do not have."""
    if spec.path not in paths:
        raise Unsupported(f"path {spec.path}: the plugins of {title} have {', '.join(paths)}; choose one of them")
    if spec.compiler not in ("", compiler):
        raise Unsupported(f"compiler {spec.compiler}: {title} compiles with {compiler} only; leave --compiler out")
    if spec.precision not in precisions:
        raise Unsupported(f"precision {spec.precision}: the plugins of {title} have {', '.join(precisions)}")


@contextmanager
def unsupported_by(what: str) -> Iterator[None]:
    """Raise Unsupported of `what` and the framework's own reason for an error that is none of dlbench's."""
    try:
        yield
    except DlbenchError:
        raise
    except Exception as error:
        raise Unsupported(f"{what}: {' '.join(str(error).split())[:300]}") from error


def own_optimizer(settings: OwnOptimizer, parameters: object, fits: Callable[[Any], bool], wanted: str) -> Any:
    """The result of the user's function for these parameters.

    Raises SpecError if the function raises, and if `fits` is False of its result; `wanted` is what it should return.
    """
    with users_errors(f"optimizer {settings.function}"):
        found = load_reference(settings.function)(parameters)
    if not fits(found):
        raise SpecError(f"optimizer {settings.function}: returned a {type(found).__name__}; return {wanted}")
    return found


def loss_function(loss: str | Callable[..., Any], known: Mapping[str, Callable[..., Any]], title: str) -> Any:
    """The function of this name among the known ones, or one of the user's: as it is given, or a `file.py:function`.

    Raises Unsupported for a name that the plugins of `title` lack, SpecError for a function that cannot be loaded, and,
    when it is called with outputs and targets, for a user's function that returns no scalar.
    """
    if isinstance(loss, str) and loss in known:
        return known[loss]
    if isinstance(loss, str) and ":" not in loss:
        raise Unsupported(f"loss {loss}: the plugins of {title} have {', '.join(known)}, or file.py:function")
    name, function = (
        (loss, load_reference(loss)) if isinstance(loss, str) else (getattr(loss, "__qualname__", repr(loss)), loss)
    )

    def checked(outputs: Any, targets: Any) -> Any:
        found = function(outputs, targets)
        if shape := tuple(getattr(found, "shape", ())):
            raise SpecError(f"loss {name}: returned shape {shape}, and a loss is one number: take its mean")
        return found

    return checked
