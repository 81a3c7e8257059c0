"""The command that measures the same again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dlbench import architectures
from dlbench.record.schema import Run
from dlbench.spec import Spec

DEFAULTS: dict[str, Callable[[Spec], object]] = {
    "task": lambda spec: architectures.default_task(spec.architecture),
    "batch_size": lambda spec: architectures.configuration(spec.architecture, spec.size).batch_size,
}
PLAIN: dict[str, object] = {"compiler": "", "precision": "fp32", "steps_per_call": 1, "data": "device"}
"""Axes that a command names only where they are not this."""


def command(runs: Sequence[Run]) -> str:
    """The command that measures the same again, where the Specs span a whole grid."""
    specs, policies = [run.spec for run in runs], [run.policy for run in runs]
    axes = ["plugin", "path", "phase", "size", "batch_size", "device", "task", "threads"]
    given = [axis for axis in axes if axis not in DEFAULTS or not _as_by_default(specs, axis)]
    given += [axis for axis in PLAIN if any(getattr(spec, axis) != PLAIN[axis] for spec in specs)]
    options = [f"--{axis.replace('_', '-')} {_joined(specs, axis)}" for axis in given]
    options += [f"--env {name}=PYTHON" for name in dict.fromkeys(spec.environment for spec in specs) if name]
    options += ["--allow-breaks"] if any(spec.allow_breaks for spec in specs) else []
    seeds = [spec for spec in specs if spec.replicated_by == "process"] or specs
    options += [f"--seed {_joined(seeds, 'seed')}"] if any(spec.seed for spec in seeds) else []
    adaptive = any(policy.adaptive for policy in policies)
    number = "--adaptive" if adaptive else f"--processes {max(policy.processes for policy in policies)}"
    cold = all(one.processes > 1 and not one.discard and one.isolation != "none" for one in policies)
    number += " --cold" if cold else ""
    isolations = dict.fromkeys(policy.isolation for policy in policies if policy.isolation != "fresh")
    return " ".join(["dlbench run", *options, number, *(f"--isolation {name}" for name in isolations)])


def _as_by_default(specs: Sequence[Spec], axis: str) -> bool:
    """Whether this differs from Spec to Spec as the architectures have it: then it is to be left out."""
    values = {getattr(spec, axis) for spec in specs}
    return len(values) > 1 and all(
        architectures.is_builtin(spec.architecture) and DEFAULTS[axis](spec) == getattr(spec, axis) for spec in specs
    )


def _joined(specs: Iterable[Spec], axis: str) -> str:
    return ",".join(dict.fromkeys(text for spec in specs if (text := str(getattr(spec, axis)))))
