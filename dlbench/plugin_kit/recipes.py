"""Models of a user's own: what is stated of them, and what an example of their inputs shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypedDict

import msgspec

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import Description, ModelSource, Optimizer
from dlbench.registry.factories import call, keywords
from dlbench.registry.references import load_reference, path_of, users_errors
from dlbench.spec import InputSpec, Option, Path, Spec


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

    @classmethod
    def of(cls, source: ModelSource, make: Callable[..., Any]) -> Recipe:
        """The recipe of a user's model, with what the command line states of it."""
        given = {name: getattr(source, name) for name in ("inputs", "targets", "output", "loss")}
        return cls(make=make, name=source.reference, **{name: value for name, value in given.items() if value})

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


def inputs_of_example(example: Callable[[], Any] | None, label: str) -> tuple[InputSpec, ...]:
    """Shapes and types of what the function `example_inputs` beside a model returns; none without such a function.

    Raises SpecError if the function raises, and for a type that dlbench does not draw.
    """
    if example is None:
        return ()
    with users_errors(f"example_inputs() of {label}"):
        return inputs_like(example())


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
    """The file that a reference names, as a record holds it, on this machine: seen from the session's folder.

    Raises SpecError if there is none.
    """
    file = path_of(name)
    if not file.is_file():
        raise SpecError(f"{name}: there is no such file as {file}; give its path from the folder of the command")
    return file
