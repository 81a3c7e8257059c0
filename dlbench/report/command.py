"""Title of a session, and the command that measures the same again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from dlbench import architectures
from dlbench.record.schema import Run
from dlbench.report import own_models, subject
from dlbench.spec import AXES, Axis, ModelSource, Policy, Spec

DEFAULTS: dict[str, Callable[[Spec], object]] = {
    "task": lambda spec: architectures.default_task(spec.architecture),
    "batch_size": lambda spec: architectures.configuration(spec.architecture, spec.size).batch_size,
}
FIRST = ("plugin", "path", "phase", "size", "batch_size", "device", "task", "threads")
"""Axes that every command names, in this order; it names others if they are not at their default."""

LONGEST_TITLE = 6
"""Arms that are named one by one."""


def title_of(specs: Iterable[Spec]) -> str:
    """The phases in words; and the arms, or for many arms their common words."""
    specs = list(dict.fromkeys(specs))
    return subject.title_of((spec.phase for spec in specs), _arms(specs))


def _arms(specs: Sequence[Spec]) -> str:
    specs = [msgspec.structs.replace(one, origin=0) if one.origin else one for one in specs]
    arms = list(dict.fromkeys(spec.label for spec in specs))
    if len(arms) <= LONGEST_TITLE:
        return ", ".join(arms)
    number = len({spec.plugin for spec in specs})
    frameworks, paths = ([*dict.fromkeys(getattr(spec, axis) for spec in specs)] for axis in ("framework", "path"))
    return f"{number} plugins of {', '.join(frameworks)} on {', '.join(paths)}"


def command(runs: Sequence[Run]) -> str:
    """The command that measures the same again, if the Specs span a whole grid."""
    return command_of([run.spec for run in runs], [run.policy for run in runs])


def command_of(specs: Sequence[Spec], policies: Sequence[Policy]) -> str:
    """The command that measures these Specs with the most effort of these policies."""
    given = [AXES[name] for name in FIRST if name not in DEFAULTS or not _as_by_default(specs, name)]
    others = [axis for axis in AXES.values() if axis.option and axis.plain is not None and axis.field not in FIRST]
    given += [axis for axis in others if any(axis.said(getattr(spec, axis.field)) for spec in specs)]
    options = [one for axis in given if (one := _option(axis, [spec for spec in specs if _says(axis, spec)]))]
    options[:0] = own_models.options(_sources(specs))
    options += [f"--env {name}=PYTHON" for name in dict.fromkeys(spec.python for spec in specs) if name]
    seeds = [spec for spec in specs if spec.replicated_by == "process"] or specs
    options += [_option(AXES["seed"], seeds)] if any(spec.seed for spec in seeds) else []
    adaptive = any(policy.adaptive for policy in policies)
    number = "--adaptive" if adaptive else f"--processes {max(policy.processes for policy in policies)}"
    cold = all(one.processes > 1 and not one.discard and one.isolation != "none" for one in policies)
    number += " --cold" if cold else ""
    isolations = dict.fromkeys(policy.isolation for policy in policies if policy.isolation != "fresh")
    return " ".join(["dlbench run", *options, number, *(f"--isolation {name}" for name in isolations)])


def _as_by_default(specs: Sequence[Spec], axis: str) -> bool:
    """True if this differs from Spec to Spec as the architectures have it: then it is to be left out."""
    values = {getattr(spec, axis) for spec in specs}
    return len(values) > 1 and all(
        spec.model is None
        and architectures.is_builtin(spec.architecture)
        and DEFAULTS[axis](spec) == getattr(spec, axis)
        for spec in specs
    )


def _option(axis: Axis, specs: Iterable[Spec]) -> str:
    """The option with every value that a Spec has, each once."""
    flag = f"--{axis.option.replace('_', '-')}"
    if axis.kind is bool:
        return flag
    values = dict.fromkeys(getattr(spec, axis.field) for spec in specs)
    if axis.repeated:
        return " ".join(f"{flag} {axis.text(value)}" for value in values if value != axis.plain)
    texts = [text for value in values for text in axis.text(value).split(",") if text]
    return f"{flag} {','.join(dict.fromkeys(texts))}" if texts else ""


def _says(axis: Axis, spec: Spec) -> bool:
    """True if this axis of a Spec is an option: a model of the user's own has others for plugin and task.

    One worker scales in no way.
    """
    if axis.field == "task":
        return spec.task not in own_models.MADE_TO_MEASURE
    if axis.field == "scaling":
        return spec.together
    return axis.field != "plugin" or spec.model is None or ":" not in spec.model.reference


def _sources(specs: Iterable[Spec]) -> list[tuple[str, ModelSource]]:
    return list(dict.fromkeys((spec.framework, spec.model) for spec in specs if spec.model is not None))
