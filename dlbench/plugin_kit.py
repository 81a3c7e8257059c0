"""Helpers for authors of plugins: checks of a build request that are the same in every framework."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from dlbench.errors import SpecError, UnknownName, Unsupported
from dlbench.plugin import Description, Optimizer
from dlbench.registry.references import (
    call,
    check_options,
    is_factory,
    keywords,
    load_reference,
    make,
    path_of,
    users_errors,
)
from dlbench.spec import InputSpec, Option, Path, Spec

if TYPE_CHECKING:
    from dlbench.plugin import BuildRequest

__all__ = [
    "Recipe",
    "Stated",
    "call",
    "check_options",
    "example_inputs",
    "in_precision",
    "inputs_like",
    "is_factory",
    "keywords",
    "load_reference",
    "local_file",
    "make",
    "output_name",
    "pick_output",
    "require_same_shapes",
    "require_task",
    "resolve_device",
    "users_errors",
]

OUTPUTS = ("logits", "output", "outputs", "prediction", "predictions", "last_hidden_state")
"""Names of the output that a loss reads by default: the first existing one."""


class Stated(TypedDict, total=False):
    """Facts that may be stated of a model beside its factory: the keywords of a framework's `plugin(make, ...)`."""

    name: str
    call: Callable[..., Any]
    task: str
    sizes: Mapping[str, Mapping[str, Option]]
    batch_sizes: Mapping[str, int]
    inputs: tuple[InputSpec, ...]
    targets: InputSpec
    output: str
    loss: str | Callable[..., Any]
    optimizer: Optimizer
    paths: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A model and all that a published plugin states of it; omitted facts are inferred.

    `make` returns the model when it is called with the options of a Spec: its size's, and those of
    `--set` in their place. `call` is given the model and its inputs and returns its outputs. `loss` is a name, a
    `file.py:function`, or a function of outputs and targets.
    """

    make: Callable[..., Any]
    name: str = ""
    call: Callable[..., Any] | None = None
    task: str = ""
    sizes: Mapping[str, Mapping[str, Option]] = field(default_factory=dict)
    batch_sizes: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[InputSpec, ...] = ()
    targets: InputSpec | None = None
    output: str = ""
    loss: str | Callable[..., Any] = ""
    optimizer: Optimizer | None = None
    paths: tuple[Path, ...] = ()

    @property
    def label(self) -> str:
        """The name of the factory in messages."""
        return self.name or getattr(self.make, "__name__", type(self.make).__name__)

    def options(self, spec: Spec) -> dict[str, Option]:
        """Keywords of the factory. Raises UnknownName for a size that is not among the stated ones."""
        if self.sizes and spec.size not in self.sizes:
            raise UnknownName(f"size of {self.label}", spec.size, self.sizes)
        return {**self.sizes.get(spec.size, {}), **dict(spec.options)}

    def model(self, spec: Spec) -> Any:
        """A new model. Raises UnknownName for an option that is no keyword, SpecError if the factory raises."""
        return call(self.make, self.options(spec), self.label)

    def inputs_of(self, spec: Spec) -> tuple[InputSpec, ...]:
        """The inputs with the batch size of the Spec."""
        return tuple(msgspec.structs.replace(one, shape=(spec.batch_size, *one.shape[1:])) for one in self.inputs)

    def description(self, **found: Any) -> Description:
        """All that is stated here, with the plugin's additions."""
        loss = self.loss if isinstance(self.loss, str) else f"{self.loss.__module__}:{self.loss.__qualname__}"
        stated = {
            "task": self.task,
            "sizes": {name: dict(options) for name, options in self.sizes.items()},
            "batch_sizes": dict(self.batch_sizes),
            "options": keywords(self.make) or {},
            "paths": self.paths,
            "targets": self.targets,
            "loss": loss,
            "optimizer": self.optimizer,
        }
        return Description(**{**stated, **found})


def example_inputs(reference: str) -> Callable[[], Any] | None:
    """The function `example_inputs` in the file or module of a reference; None if there is none.

    Raises SpecError for a place that cannot be imported.
    """
    try:
        found: Callable[[], Any] = load_reference(f"{reference.rpartition(':')[0]}:example_inputs")
    except UnknownName:
        return None
    return found


def inputs_like(example: Any) -> tuple[InputSpec, ...]:
    """Shapes and types of an example's arrays: one, several by place, or several by name.

    Floats are float32; of integers the largest is taken for the largest that there is. Raises SpecError for a type that
    dlbench does not draw.
    """
    import numpy as np

    several = example if isinstance(example, Mapping | tuple | list) else (example,)
    named = several.items() if isinstance(several, Mapping) else (("", one) for one in several)
    arrays = [(name, np.asarray(one)) for name, one in named]
    below = [int(one.max()) + 1 if one.dtype.kind in "iu" else None for _, one in arrays]
    return tuple(
        InputSpec(one.shape, "float32" if one.dtype.kind == "f" else one.dtype.name, most, str(name))
        for (name, one), most in zip(arrays, below, strict=True)
    )


def local_file(name: str) -> FilePath:
    """The file that a reference names, as a record holds it, on this machine: seen from the session's folder."""
    return path_of(name)


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
        raise Unsupported(f"looked for device {asked}; {framework} finds {', '.join(found)} here")
    return word


def require_same_shapes(given: Mapping[str, Any], own: Mapping[str, Sequence[int]]) -> None:
    """Raise ValueError that names the parameters whose name or shape is not the model's own."""
    shapes = {name: tuple(value.shape) for name, value in given.items()}
    wrong = sorted({name for name, _ in shapes.items() ^ {(name, tuple(shape)) for name, shape in own.items()}})
    if wrong:
        raise ValueError(f"parameters do not fit this model in name or shape: {', '.join(wrong)}")


def output_name(outputs: Any, asked: str = "") -> str:
    """The key, attribute or place of the output that the loss reads; empty if a model gives one array alone.

    `asked` chooses it. By default it is the first existing name of OUTPUTS, or the first output that is not a loss.
    Raises SpecError that lists the outputs if the requested one is not among them.
    """
    named = _by_name(outputs)
    if named is None:
        if asked:
            raise SpecError(f"output {asked}: the model returns one array; leave --output out")
        return ""
    if asked and asked not in named:
        raise SpecError(f"output {asked}: the model returns {', '.join(named) or 'nothing'}; choose one of them")
    chosen = asked or next((name for name in OUTPUTS if name in named), "")
    chosen = chosen or next((name for name in named if name != "loss"), "")
    if not chosen:
        raise SpecError("the model returns no output: its call must return an array, or arrays by name or place")
    return chosen


def pick_output(outputs: Any, asked: str = "") -> Any:
    """The output that `output_name` chooses, of those that a model returned. Raises as it does."""
    chosen, named = output_name(outputs, asked), _by_name(outputs)
    return outputs if named is None else named[chosen]


def _by_name(outputs: Any) -> dict[str, Any] | None:
    """Outputs by key, attribute or place; None for a single array. Outputs that are None are left out."""
    if isinstance(outputs, Mapping):
        found = {str(name): value for name, value in outputs.items()}
    elif dataclasses.is_dataclass(outputs):
        found = {field.name: getattr(outputs, field.name) for field in dataclasses.fields(outputs)}
    elif hasattr(outputs, "_asdict"):
        found = dict(outputs._asdict())
    elif isinstance(outputs, tuple | list):
        found = {str(place): value for place, value in enumerate(outputs)}
    else:
        return None
    return {name: value for name, value in found.items() if value is not None}
