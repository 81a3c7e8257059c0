"""Fidelity: the difference of an arm, as it is measured, from the most exact available form of its model.

The reference is the model in float64, or else eager in single precision; `dlbench.parity.deviations` says what an error
is, and which a precision explains.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET

from dlbench import architectures
from dlbench.parity.comparable import ignores_seed
from dlbench.parity.deviations import ALLOWED, ROUNDOFFS, SINGLE, deviations, part, relative
from dlbench.parity.kept import NOTHING, Kept
from dlbench.parity.probing import Arrays, Probing, Side
from dlbench.parity.reference import ORACLE, moved_losses_to_file, reference_to_file
from dlbench.record.fidelity import Fidelity
from dlbench.spec import AXES, ModelSource, Spec, Workload, workload
from dlbench.workers.calls import call
from dlbench.workers.child import ChildError, fresh_child

EXACT = "fp64"
SEED = 0
LEAST = 1e-5
"""Largest difference of a reference's outputs from NumPy's: ten times that of seven architectures."""
NUMPY = "NumPy in float64"


class _Side(NamedTuple):
    """Arrays of the reference of a family, its name in words, and the Spec that it was made by; none if by NumPy."""

    words: str
    arrays: Arrays
    spec: Spec | None = None


def check(specs: Iterable[Spec], timeout: float, pythons: Mapping[str, str], kept: Kept = NOTHING) -> list[Fidelity]:
    """The fidelity of every arm, whatever its phase and seed, in the order of the Specs.

    `pythons` holds the interpreters of named Python environments, and `kept` the arrays that the check for parity has
    probed: of those an arm lacks its first gradients at most. An arm that cannot be probed says why.
    """
    families: dict[tuple[Workload, str, ModelSource | None], list[Spec]] = {}
    for spec in specs:
        arm = arm_of(spec)
        family = families.setdefault(_model_of(arm), [])
        if arm not in family:
            family.append(arm)
    probing = Probing([SEED], timeout, {"": sys.executable, **pythons}, kept)
    return [one for family in families.values() for one in _of_family(family, probing)]


def arm_of(spec: Spec) -> Spec:
    """The Spec that an arm is probed by, whatever its phase and seed."""
    return msgspec.structs.replace(spec, phase="train", seed=SEED)


def _model_of(spec: Spec) -> tuple[Workload, str, ModelSource | None]:
    """Key of arms that are one model: workload without axes of computation, a package's own plugin, the user's model.

    A model whose state `--convert` makes of another's is compared with its own exact form, from its own initial values.
    """
    plain = msgspec.structs.replace(spec, **_PLAIN)
    return workload(plain), "" if architectures.describes(spec) else spec.plugin, spec.model


_PLAIN: dict[str, Any] = {
    "precision": SINGLE,
    "steps_per_call": 1,
    "data": "device",
    "device": "cpu",
    "path": "eager",
    **{axis.field: axis.plain for axis in AXES.values() if axis.only},
    "variant": UNSET,
}
"""Axes of the computation of a model, with the values of its reference."""


def rounding_of(spec: Spec) -> str:
    """The precision whose rounding an arm may show: its own, or the one that its variant's settings round to."""
    return (spec.variant.rounding if spec.variant is not UNSET else "") or spec.precision


def _of_family(family: Sequence[Spec], probing: Probing) -> list[Fidelity]:
    try:
        side = _reference(family, probing)
    except ChildError as error:
        return [Fidelity(spec=spec, reason=f"there is no reference: {error}") for spec in family]
    found = _of_arms(family, probing)
    judged = [_of_arm(spec, side, arrays) for spec, arrays in zip(family, found, strict=True)]
    doubtful = sorted({_roundoff(one.spec) for one in judged if one.losses_alone})
    if not doubtful:
        return judged
    assert side.spec is not None
    probing.kept.looking(f"{_named(side.spec)} as the reference: more draws of rounding")
    try:
        # One draw of chaotic training says too little.
        _, more = _arrays(side.spec, probing, moved_losses_to_file, doubtful)
    except ChildError as error:
        why = f"one draw of rounding does not explain its losses, and more cannot be had: {error}; raise --timeout"
        return [msgspec.structs.replace(one, reason=why) if one.losses_alone else one for one in judged]
    side = side._replace(arrays={**side.arrays, **more})
    return [_of_arm(spec, side, arrays) for spec, arrays in zip(family, found, strict=True)]


def _of_arms(family: Sequence[Spec], probing: Probing) -> list[Arrays | ChildError]:
    """The arrays of each arm, or why there are none; what was probed already is not probed again."""
    before = [probing.kept.of(spec) for spec in family]
    lacking = [
        (place, Side(spec, "all" if had is None else "gradients"))
        for place, (spec, had) in enumerate(zip(family, before, strict=True))
        if had is None or not _whole(had)
    ]
    probed = probing.arrays([side for _, side in lacking])
    found: list[Arrays | ChildError] = [had or {} for had in before]
    for (place, _), more in zip(lacking, probed, strict=True):
        found[place] = more if isinstance(more, ChildError) else {**(before[place] or {}), **more}
    return found


def _whole(had: Arrays) -> bool:
    """True of arrays with gradients, and of a model that only predicts."""
    of_seed = part(had, f"{SEED}/")
    return "losses" not in of_seed or any(name.startswith("gradient/") for name in of_seed)


def _reference(family: Sequence[Spec], probing: Probing) -> _Side:
    """The family's most exact form: in float64 by the first plugin that has it, else the first one eager in float32.

    Raises ChildError if nobody can be probed.
    """
    plain = [msgspec.structs.replace(spec, **_PLAIN) for spec in family]
    each = list({spec.plugin: spec for spec in reversed(plain)}.values())[::-1]
    roundings = sorted({_roundoff(spec) for spec in family})
    tries = [(spec, [EXACT]) for spec in each] if len(each) > 1 else []
    tries += [(spec, [EXACT, SINGLE] if len(each) == 1 else [SINGLE]) for spec in each]
    failure, found = ChildError("error", "nobody could be probed"), None
    for spec, precisions in tries:
        try:
            found = _probed_reference(spec, precisions, roundings, probing)
        except ChildError as error:
            failure = error
            continue
        if trusted(found.arrays):
            return found
    if found is None:
        raise failure
    outputs = {name: array for name, array in found.arrays.items() if name.rpartition("/")[2] == "output"}
    return _Side(NUMPY, outputs)


def _roundoff(spec: Spec) -> float:
    return ROUNDOFFS.get(rounding_of(spec), ROUNDOFFS[SINGLE])


def trusted(reference: Arrays) -> bool:
    """True unless the core's NumPy version has other outputs: a reference that differs from it judges no gradients."""
    if ORACLE not in reference:
        return True
    moved = part(reference, f"{ROUNDOFFS[SINGLE]}/") or part(reference, f"{min(ROUNDOFFS.values())}/")
    explained = ALLOWED * relative(reference["output"], moved["output"]) if moved else LEAST
    return relative(reference[ORACLE], reference["output"]) <= max(explained, LEAST)


def _probed_reference(spec: Spec, precisions: list[str], roundings: list[float], probing: Probing) -> _Side:
    probing.kept.looking(f"{_named(spec)} as the reference: {' or else '.join(_WORDS[one] for one in precisions)}")
    precision, found = _arrays(spec, probing, reference_to_file, precisions, roundings)
    made_by = msgspec.structs.replace(spec, precision=precision)
    return _Side(f"{_named(spec)} in {_WORDS[precision]}", found, made_by)


def _arrays(spec: Spec, probing: Probing, function: Callable[..., str], *given: Any) -> tuple[str, Arrays]:
    """The result of a function that writes arrays to a file in a child of its own, and the arrays."""
    with tempfile.TemporaryDirectory(prefix="dlbench-fidelity-") as folder:
        path = Path(folder) / "reference.npz"
        child = fresh_child(spec.threads, probing.timeout, probing.pythons[spec.python])
        try:
            said = call(child, function, spec, str(path), *given)
        finally:
            child.close()
        with np.load(path, allow_pickle=False) as file:
            return said, dict(file)


def _named(spec: Spec) -> str:
    """The plugin; a converted model has the name of another, and its own in brackets."""
    own = "" if spec.model is None or not spec.model.convert else f" ({spec.model.reference})"
    return f"{spec.plugin}{own}"


_WORDS = {EXACT: "float64", SINGLE: "float32, eager"}


def _of_arm(spec: Spec, reference: _Side, found: Arrays | ChildError) -> Fidelity:
    if isinstance(found, ChildError):
        return Fidelity(spec=spec, reference=reference.words, reason=str(found))
    arrays = part(found, f"{SEED}/")
    if why := ignores_seed(_from_own_values(spec), reference.arrays, arrays):
        return Fidelity(spec=spec, reference=reference.words, reason=why)
    moved = part(reference.arrays, f"{_roundoff(spec)}/")
    by_numpy = f", outputs of {NUMPY}" if ORACLE in reference.arrays and reference.words != NUMPY else ""
    errors = deviations(reference.arrays, arrays, moved)
    return Fidelity(spec=spec, reference=f"{reference.words}{by_numpy}", deviations=errors)


def _from_own_values(spec: Spec) -> Spec:
    """The Spec without a conversion: each model here starts from its own initial values."""
    source = spec.model
    return spec if source is None else msgspec.structs.replace(spec, model=msgspec.structs.replace(source, convert=""))
