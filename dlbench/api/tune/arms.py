"""The arms of a race: the settings that a selection spans, the default first, and their names."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from dlbench.errors import SpecError
from dlbench.session import models
from dlbench.session.models import Subjects
from dlbench.spec import AXES, PHASES, Axis, Policy, Spec
from dlbench.spec.axes import as_text

TUNED = ("threads", "batch_size", "path", "compiler", "variant", "steps_per_call", "precision")
"""Axes whose values are searched; any other has one value."""
WITH_PATH = (*(axis.field for axis in AXES.values() if axis.only), "variant")
"""Axes that the default setting leaves out, because they say something of other paths than its own."""


def settings(subjects: Subjects, policy: Policy) -> tuple[Spec, ...]:
    """The arms of a race, the default first. Raises SpecError and UnknownName."""
    subjects = subjects._replace(selection={"phase": ("train",), **subjects.selection})
    _check(subjects)
    grid = models.expand(subjects, policy)
    _one_model(grid)
    plain = {field: values for field, values in subjects.selection.items() if field not in (*TUNED, *WITH_PATH)}
    default = models.expand(subjects._replace(selection=plain), policy)[0]
    same = next((one for one in grid if _without_base(one) == default), default)
    found = tuple(dict.fromkeys([same, *grid]))
    if len(found) < 2:
        said = ", ".join(map(_option, TUNED[:3]))
        raise SpecError(f"there is one setting, the default, and nothing to choose from; give several values of {said}")
    return found


def single(subjects: Subjects, policy: Policy) -> tuple[Spec, ...]:
    """The one setting of a search for the largest batch. Raises SpecError and UnknownName."""
    subjects = subjects._replace(selection={"phase": ("train",), **subjects.selection})
    _check(subjects)
    found = tuple(models.expand(subjects, policy))
    if len(found) != 1:
        raise SpecError(
            f"the largest batch is of one setting, and {len(found)} are given; give one value of each option"
        )
    return found


def _check(subjects: Subjects) -> None:
    """Raise SpecError for what is not one model in one timed phase."""
    selection = subjects.selection
    if not selection.get("plugin") and not subjects.models:
        raise SpecError("nothing is measured; give --plugin NAME (`dlbench list` shows the names), or --model")
    for field, values in selection.items():
        if field not in TUNED and len(values) > 1:
            raise SpecError(
                f"{_option(field)} has {len(values)} values; a race is of one model on one task, in one phase: give "
                f"one, and several of {', '.join(map(_option, TUNED))}"
            )
    if len(subjects.models) + len(selection.get("plugin", ())) > 1:
        raise SpecError("a race is of one model; give one --model or one --plugin, and compare models by dlbench run")
    phase = selection["phase"][0]
    if not PHASES[phase].timed:
        raise SpecError(f"--phase {phase} has no samples per second of a steady step; give train or predict")


def _one_model(grid: Sequence[Spec]) -> None:
    """Raise SpecError if patterns and defaults span more than one model on one task."""
    for field in (field for field in AXES if field not in (*TUNED, *WITH_PATH)):
        values = dict.fromkeys(getattr(spec, field) for spec in grid)
        if len(values) > 1:
            shown = ", ".join(AXES[field].text(value) for value in values)
            raise SpecError(
                f"the settings span {len(values)} values of {_option(field)} ({shown}); a race is of one model on one "
                "task: give one"
            )


def _option(field: str) -> str:
    """The option of an axis; the words of its field if it has none."""
    axis = AXES[field]
    return f"--{axis.option.replace('_', '-')}" if axis.option else axis.name


def _without_base(spec: Spec) -> Spec:
    """The Spec without a variant that sets nothing."""
    return spec if spec.settings else msgspec.structs.replace(spec, variant=UNSET)


def distance(spec: Spec, default: Spec) -> int:
    """Number of axes in which a setting differs from the default one."""
    one, other = _without_base(spec), _without_base(default)
    return sum(getattr(one, field) != getattr(other, field) for field in TUNED)


def differing(specs: Sequence[Spec]) -> list[Axis]:
    """The axes in which these arms differ."""
    return [AXES[field] for field in TUNED if len({getattr(spec, field) for spec in specs}) > 1]


def name_of(spec: Spec, axes: Sequence[Axis]) -> str:
    """A setting in words, such as `threads 2, batch 64, jit`."""
    shown = (value_of(spec, axis) for axis in axes)
    return ", ".join(f"{axis.option.replace('_', ' ')} {text}" for axis, text in zip(axes, shown, strict=True) if text)


def value_of(spec: Spec, axis: Axis) -> str:
    """A value of an axis as its option takes it; a variant by its name, and nothing for none."""
    value = getattr(spec, axis.field)
    if value is UNSET or value == "":
        return ""
    return str(value.name) if axis.field == "variant" else as_text(value)
