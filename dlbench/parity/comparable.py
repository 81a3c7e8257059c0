"""Pairs that parity can compare: one model on several paths, one architecture of the core, or a converted state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from dlbench import architectures
from dlbench.errors import SpecError
from dlbench.record.parity import Parity
from dlbench.spec import Spec, Workload, workload

Arrays = Mapping[str, Any]
EDGE = 1e-2
"""Tolerance of gradients in a quick check, which sees one seed and whole batches.

A ReLU that rounding decides changes the gradient of one unit by 1e-3 (the base transformer, two seeds of three). A
gradient that is scaled, turned or left out differs by its own size.
"""


def families(specs: Iterable[Spec]) -> list[list[Spec]]:
    """The Specs of a run that should be one model each: a Spec an arm, whatever its phase and seed.

    Plugins of a package's own architecture share parameters only between the paths of one plugin.
    """
    found: dict[Workload, list[Spec]] = {}
    for spec in specs:
        arm = msgspec.structs.replace(spec, phase="train", seed=0)
        family = found.setdefault(workload(arm), [])
        if arm not in family:
            family.append(arm)
    return [arms for family in found.values() if len(arms := _comparable(family)) > 1]


def _comparable(family: Sequence[Spec]) -> list[Spec]:
    """The arms that can be checked: all but plugins of a package's own, except the first of these, on all its paths."""
    own = [spec.plugin for spec in family if spec.model is None and not architectures.describes(spec)]
    return [spec for spec in family if spec.plugin not in own or spec.plugin == family[0].plugin]


def check_comparable(baseline: Spec, candidate: Spec) -> None:
    """Raise SpecError unless both Specs ask for the same model on the same data."""
    for key in ("architecture", "task", "size", "batch_size", "precision", "steps_per_call"):
        sides = [getattr(spec, key) for spec in (baseline, candidate)]
        if sides[0] != sides[1]:
            said = f"{key.replace('_', ' ')}: {sides[0]} and {sides[1]}"
            raise SpecError(
                f"{baseline.plugin} and {candidate.plugin} differ in {said}; "
                "parity is between two plugins of one architecture on one task"
            )


def why_not(baseline: Spec, candidate: Spec) -> str:
    """Reason that these two cannot be compared; empty if they can."""
    described = [architectures.describes(spec) for spec in (baseline, candidate)]
    references = [spec.plugin if spec.model is None else spec.model.reference for spec in (baseline, candidate)]
    if all(described) or (not any(described) and references[0] == references[1]):
        return ""
    if convert_of(candidate) and not convert_of(baseline):
        return ""
    return (
        f"no conversion from the state of {references[0]} to the state of {references[1]} is given; "
        "give both by --model, with --convert file.py:function"
    )


def convert_of(spec: Spec) -> str:
    """The function that turns the baseline's state into the state of this Spec's model; empty if there is none."""
    return "" if spec.model is None else spec.model.convert


def ignores_seed(spec: Spec, baseline: Arrays, candidate: Arrays) -> str:
    """Reason not to compare two builds of one model: they start from other values; empty if they do not.

    Empty too if they have other parameters: those are two models, which the comparison shows.
    """
    if architectures.describes(spec) or convert_of(spec):
        return ""
    started = [
        {name: one for name, one in side.items() if name.startswith("parameter/")} for side in (baseline, candidate)
    ]
    if started[0].keys() != started[1].keys():
        return ""
    other = [name for name, value in started[0].items() if not np.array_equal(value, started[1][name])]
    if not other or any(np.shape(started[0][name]) != np.shape(started[1][name]) for name in other):
        return ""
    name = other[0].partition("/")[2]
    if spec.python:
        return (
            f"{spec.plugin}: {name} starts from other values in {spec.python}: its code there draws them otherwise, or "
            "the model ignores the seed"
        )
    return (
        f"{spec.plugin}: the model ignores the seed: {name} differs between two builds from one seed; draw initial "
        "values from the framework's own generator"
    )


def had_by_both(baseline: Arrays, candidate: Arrays) -> tuple[Arrays, Arrays]:
    """Both sides without gradients that one of them was not asked for, and state as the other tells it.

    A side without gradients has all its arrays as state. A side without losses only predicts: what training shows of
    the other is left out.
    """
    if not ("losses" in baseline and "losses" in candidate):
        predicts = ("parameter", "output", "FLOPs")
        one, other = (
            {name: side[name] for name in side if name.partition("/")[0] in predicts} for side in (baseline, candidate)
        )
        return one, other
    asked = [side for side in (baseline, candidate) if any(name.startswith("gradient/") for name in side)]
    if len(asked) == 2:
        return baseline, candidate
    state = {name for side in asked for name in side if name.startswith("state/")}

    def kept(name: str) -> bool:
        return not name.startswith("gradient/") and (not name.startswith("state/") or name in state)

    one, other = ({name: side[name] for name in side if kept(name)} for side in (baseline, candidate))
    return one, other


def beside_edges(found: Parity) -> Parity:
    """The same with gradients held to what an edge may make of them."""
    loose = [
        msgspec.structs.replace(one, tolerance=max(EDGE, one.tolerance)) if one.what.startswith("gradient ") else one
        for one in found.differences
    ]
    return msgspec.structs.replace(found, differences=tuple(loose))
