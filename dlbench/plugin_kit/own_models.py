"""Questions that every package asks of a model of the user's own before anything is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from dlbench.errors import DlbenchError, SpecError
from dlbench.plugin import InputSpec, Spec
from dlbench.plugin_kit.outputs import output_name, pick_output
from dlbench.plugin_kit.recipes import Recipe, inputs_of_example


def own_inputs(
    recipe: Recipe, spec: Spec, example: Callable[[], Any] | None
) -> tuple[tuple[InputSpec, ...], list[str]]:
    """Inputs as they are stated, else those of `example_inputs()`, with its batch; and the inferred facts.

    No inputs and no facts if nobody says. Raises SpecError as `inputs_of_example` does.
    """
    if recipe.inputs:
        return recipe.inputs_of(spec), []
    found = inputs_of_example(example, recipe.label)
    return found, ["inputs: those of example_inputs()"] if found else []


def one_or_all(arrays: Sequence[Any]) -> Any:
    """Inputs as a step gets them: one array, or a tuple of several."""
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


def largest_integers(inputs: Sequence[InputSpec]) -> tuple[Any, ...]:
    """Arrays of the largest integers that inputs may hold, and of zeros for all else."""
    import numpy as np

    return tuple(np.full(one.shape, (one.below or 1) - 1, one.dtype) for one in inputs)


def read_output(recipe: Recipe, outputs: Any, inferred: list[str]) -> Any:
    """The output that the loss reads, of those that a model returned; one of several is an inferred fact.

    Raises SpecError as `output_name` does.
    """
    chosen = output_name(outputs, recipe.output)
    if chosen and not recipe.output:
        inferred.append(f"output: {chosen}, one of several")
    return pick_output(outputs, recipe.output)


_FLAGS = ("mask", "segment", "type")
"""Words in the names of integer inputs that take 0 and 1."""
STATED = "SHAPE:int64<N"
FEWER = f"state fewer: --input {STATED}"
"""Advice for a model that has no place for the largest integers that were stated."""


@contextmanager
def fitting(
    label: str, inputs: Sequence[Any], said: Callable[[Exception], str] = str, advice: str = ""
) -> Iterator[None]:
    """Raise SpecError that the inputs do not fit for an error that is none of dlbench's; `said` gives its reason."""
    try:
        yield
    except DlbenchError:
        raise
    except Exception as error:
        stated = ", ".join(f"{one.dtype} {one.shape}{_below(one)}" for one in inputs)
        why = " ".join(said(error).split())[:600]
        raise SpecError(f"{label}: inputs {stated} do not fit: {why}{advice and f'; {advice}'}") from error


def _below(one: Any) -> str:
    below = getattr(one, "below", None)
    return f" below {below}" if below else ""


def require_within(
    label: str, inputs: Sequence[InputSpec], call: Callable[[Any], object], said: Callable[[Exception], str] = str
) -> None:
    """Call a model with the largest integers that its inputs may hold. Raises SpecError if that fails."""
    if any(one.below for one in inputs):
        with fitting(label, inputs, said, FEWER):
            call(one_or_all(largest_integers(inputs)))


def own_kind(found: object) -> str:
    """The kind of an object that is no model, in words."""
    return f"the class {found.__name__}" if isinstance(found, type) else f"an object of {type(found).__name__}"


def with_ranges(inputs: Sequence[InputSpec], rows: Iterable[int]) -> tuple[tuple[InputSpec, ...], list[str]]:
    """Integers whose range nobody stated: below the largest table of a model's embeddings, or flags by their name.

    `rows` are those of each embedding. With the inputs come the inferred facts.
    """
    most, found, said = max(rows, default=0), list[InputSpec](), list[str]()
    for number, one in enumerate(inputs):
        below = one.below
        if "int" in one.dtype and below is None:
            flag = any(word in one.name for word in _FLAGS)
            below = 2 if flag or not most else most
            why = f", by its name; state more: --input {STATED}" if flag else "" if most else ", a guess"
            said.append(f"integers of input {one.name or number}: below {below}{why}")
        found.append(msgspec.structs.replace(one, below=below))
    return tuple(found), said


def unique_names(variables: Iterable[Any]) -> list[str]:
    """The path of each variable; the second of one path is `path#2`."""
    seen: Counter[str] = Counter()
    found = []
    for variable in variables:
        seen[variable.path] += 1
        times = seen[variable.path]
        found.append(variable.path if times == 1 else f"{variable.path}#{times}")
    return found


def require_seeded(label: str, twice: Iterable[tuple[str, Any, Any]], advice: str) -> None:
    """Raise SpecError for a parameter whose initial values differ between two makings from one seed.

    `twice` are the names of parameters with both values; `advice` says where to draw them from.
    """
    import numpy as np

    for name, one, other in twice:
        if not np.array_equal(one, other):
            raise SpecError(
                f"{label}: ignores the seed: {name} starts otherwise when the model is made again; {advice}"
            )
