"""Spec (the measurement), Policy (its effort), and the grid that several values span."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from dlbench.spec.axes import Axis, Options
from dlbench.spec.phases import DATA_PLACES, PATHS, PHASES, PRECISIONS, DataPlace, Path, Phase, PhaseName
from dlbench.spec.policy import CLAUSE_SECONDS, ISOLATIONS, PROCESS_SECONDS, Isolation, Policy
from dlbench.spec.ranges import MOST
from dlbench.spec.source import InputSpec, ModelSource, Option
from dlbench.spec.spec import (
    ARM_AXES,
    AXES,
    PLUGIN_NAME,
    PLUGIN_NAMES,
    REMEMBERED,
    WORKLOAD_AXES,
    AxisKeywords,
    ModelKeywords,
    Several,
    Spec,
)
from dlbench.spec.variant import Variant
from dlbench.spec.workloads import Workload

__all__ = [
    "ARM_AXES",
    "AXES",
    "CLAUSE_SECONDS",
    "DATA_PLACES",
    "ISOLATIONS",
    "MOST",
    "PATHS",
    "PHASES",
    "PLUGIN_NAME",
    "PLUGIN_NAMES",
    "PRECISIONS",
    "PROCESS_SECONDS",
    "REMEMBERED",
    "WORKLOAD_AXES",
    "Axis",
    "AxisKeywords",
    "DataPlace",
    "InputSpec",
    "Isolation",
    "Member",
    "ModelKeywords",
    "ModelSource",
    "Option",
    "Options",
    "Path",
    "Phase",
    "PhaseName",
    "Policy",
    "Several",
    "Spec",
    "Variant",
    "Workload",
    "arm_key",
    "baseline_of",
    "grid",
    "unusual",
    "workload",
    "workload_key",
]


class Member(NamedTuple):
    """A Spec as it is measured beside others: itself, or its A/A control, the same program a second time."""

    spec: Spec
    control: bool = False

    @property
    def label(self) -> str:
        """The label of the Spec; a control says that it is one."""
        return f"{self.spec.label} (control)" if self.control else self.spec.label


@lru_cache(REMEMBERED)
def workload(spec: Spec) -> Workload:
    """The workload of a Spec."""
    values = {name: getattr(spec, name) for name in Workload.__struct_fields__}
    return Workload(**values)


@lru_cache(REMEMBERED)
def arm_key(spec: Spec) -> Spec:
    """The Spec that all replications of an arm share: with seed 0 if its replications are seeds."""
    return spec if spec.replicated_by == "process" else msgspec.structs.replace(spec, seed=0)


def workload_key(spec: Spec) -> Workload:
    """The workload that all replications of a Spec share."""
    return workload(arm_key(spec))


def unusual(of: Spec | Workload, but: Collection[str] = ()) -> list[str]:
    """Values of a workload's axes that do not go without saying, in words; those of the axes `but` are left out."""
    axes = (axis for axis in WORKLOAD_AXES if axis.plain is not None and axis.field not in but)
    return [said for axis in axes if (said := axis.said(getattr(of, axis.field)))]


def baseline_of(spec: Spec, arms: Collection[Spec]) -> Spec:
    """Baseline of this arm of a workload: itself in the first environment, or else the first of all."""
    first = next(iter(arms))
    if spec.python == first.python:
        return first
    itself = msgspec.structs.replace(spec, python=first.python)
    return itself if itself in arms else first


def grid(axes: Mapping[str, Sequence[Any]]) -> list[Spec]:
    """All combinations of the axes' values, the last axis fastest, each once.

    Raises SpecError when a value is outside its range.
    """
    combinations: Iterable[tuple[Any, ...]] = itertools.product(*axes.values())
    specs = (Spec(**dict(zip(axes, values, strict=True))) for values in combinations)
    return list(dict.fromkeys(specs))
