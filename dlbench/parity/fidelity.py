"""Fidelity: the difference of an arm, as it is measured, from the most exact available form of its model.

Errors are relative, in the 2-norm (Higham 2002, Accuracy and Stability of Numerical Algorithms, sections 1.2 and 6.2):
of the outputs, of the first gradient of the worst parameter, and of the losses of 20 steps. A precision
explains an error if moving each parameter of the reference by the unit roundoff of that precision moves the reference
about as much: a stable computation errs as much as one of a slightly wrong input (ibid., section 1.5).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import numpy as np
from msgspec import UNSET

from dlbench import architectures
from dlbench.parity.check import NEGLIGIBLE_GRADIENT
from dlbench.parity.comparable import ignores_seed
from dlbench.parity.probing import Arrays, Probing, Side
from dlbench.parity.reference import ORACLE, reference_to_file
from dlbench.record.fidelity import Deviation, Fidelity, What
from dlbench.spec import AXES, ModelSource, Spec, Workload, workload
from dlbench.workers.calls import call
from dlbench.workers.child import ChildError, fresh_child

WHATS: tuple[What, ...] = get_args(What)

EXACT, SINGLE = "fp64", "fp32"
ROUNDOFFS = {"fp64": 2.0**-20, "fp32": 2.0**-20, "tf32": 2.0**-10, "fp16": 2.0**-11, "bf16": 2.0**-8}
"""Share by which a precision may move operands of products: their unit roundoff (Higham 2002, table 2.1).

Some hardware cuts TF32 off instead of rounding. Of single precision 16 units: sums round too, and every kernel takes
them in another order (`dlbench.parity.probe.PERTURBATION`).
"""
SUMMED = 2.0**-13
"""Least error of a gradient that is explained: sums of many terms that nearly cancel round by more than their terms.

The bias of a convolution sums all places of all samples. Of 28,800 terms PyTorch's eager float32 was off by 1.7e-5 to
3.4e-5 (four seeds); the bound of a sum in sequence is a hundred times that (Higham 2002, section 4.2).
"""
ALLOWED = 3.0
"""Times the movement of the reference that an error may come to: sums and activations are rounded too."""
SEED = 0
LEAST = 1e-5
"""Largest difference of a reference's outputs from NumPy's: ten times that of seven architectures."""
NUMPY = "NumPy in float64"


class _Side(NamedTuple):
    """Arrays of the reference of a family, and its name in words."""

    words: str
    arrays: Arrays


def check(specs: Iterable[Spec], timeout: float, pythons: Mapping[str, str]) -> list[Fidelity]:
    """The fidelity of every arm, whatever its phase and seed, in the order of the Specs.

    `pythons` holds the interpreters of named Python environments. An arm that cannot be probed says why.
    """
    families: dict[tuple[Workload, str, ModelSource | None], list[Spec]] = {}
    for spec in specs:
        arm = arm_of(spec)
        family = families.setdefault(_model_of(arm), [])
        if arm not in family:
            family.append(arm)
    probing = Probing([SEED], timeout, {"": sys.executable, **pythons})
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
    found = probing.arrays([Side(spec) for spec in family])
    return [_of_arm(spec, side, arrays) for spec, arrays in zip(family, found, strict=True)]


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
    moved = _part(reference, f"{ROUNDOFFS[SINGLE]}/") or _part(reference, f"{min(ROUNDOFFS.values())}/")
    explained = ALLOWED * relative(reference["output"], moved["output"]) if moved else LEAST
    return relative(reference[ORACLE], reference["output"]) <= max(explained, LEAST)


def _probed_reference(spec: Spec, precisions: list[str], roundings: list[float], probing: Probing) -> _Side:
    with tempfile.TemporaryDirectory(prefix="dlbench-fidelity-") as folder:
        path = Path(folder) / "reference.npz"
        child = fresh_child(spec.threads, probing.timeout, probing.pythons[spec.python])
        try:
            found = call(child, reference_to_file, spec, str(path), precisions, roundings)
        finally:
            child.close()
        with np.load(path, allow_pickle=False) as file:
            return _Side(f"{_named(spec)} in {_WORDS[found]}", dict(file))


def _named(spec: Spec) -> str:
    """The plugin; a converted model has the name of another, and its own in brackets."""
    own = "" if spec.model is None or not spec.model.convert else f" ({spec.model.reference})"
    return f"{spec.plugin}{own}"


_WORDS = {EXACT: "float64", SINGLE: "float32, eager"}


def _of_arm(spec: Spec, reference: _Side, found: Arrays | ChildError) -> Fidelity:
    if isinstance(found, ChildError):
        return Fidelity(spec=spec, reference=reference.words, reason=str(found))
    arrays = _part(found, f"{SEED}/")
    if why := ignores_seed(_from_own_values(spec), reference.arrays, arrays):
        return Fidelity(spec=spec, reference=reference.words, reason=why)
    moved = _part(reference.arrays, f"{_roundoff(spec)}/")
    by_numpy = f", outputs of {NUMPY}" if ORACLE in reference.arrays and reference.words != NUMPY else ""
    errors = deviations(reference.arrays, arrays, moved)
    return Fidelity(spec=spec, reference=f"{reference.words}{by_numpy}", deviations=errors)


def _from_own_values(spec: Spec) -> Spec:
    """The Spec without a conversion: each model here starts from its own initial values."""
    source = spec.model
    return spec if source is None else msgspec.structs.replace(spec, model=msgspec.structs.replace(source, convert=""))


def deviations(reference: Arrays, arm: Arrays, moved: Arrays) -> tuple[Deviation, ...]:
    """The errors of an arm, each beside its explained part: the movement of the reference, times ALLOWED.

    At least the rounding of single precision is explained, in which every arm returns its results. Outputs are compared
    with the core's NumPy version if there is one. A reference of outputs alone judges these, and an arm that only
    predicts is judged by them.
    """
    outputs = {**reference, "output": reference.get(ORACLE, reference["output"])}
    found: list[Deviation] = []
    for what in WHATS:
        if what == "outputs" or ("losses" in reference and "losses" in arm):
            least = SUMMED if what == "gradients" else ROUNDOFFS[SINGLE]
            explained = max(ALLOWED * _error(what, reference, moved), least)
            found.append(Deviation(what=what, error=_error(what, outputs, arm), explained=explained))
    return tuple(found)


def _error(what: What, reference: Arrays, other: Arrays) -> float:
    match what:
        case "outputs":
            return relative(reference["output"], other.get("output"))
        case "losses":
            return relative(reference["losses"], other.get("losses"))
        case _:
            return _of_gradients(_part(reference, "gradient/"), _part(other, "gradient/"))


def _of_gradients(reference: Arrays, other: Arrays) -> float:
    """The largest of the parameters; a gradient that is small beside the largest one is measured against a share of it.

    A gradient that is zero in exact arithmetic is rounding alone (`dlbench.parity.check.NEGLIGIBLE_GRADIENT`).
    """
    if reference.keys() != other.keys():
        return np.inf
    sizes = {name: _rms(array) for name, array in reference.items()}
    quiet = NEGLIGIBLE_GRADIENT * max(sizes.values(), default=0.0)
    return max((relative(reference[name], other[name], quiet) for name in reference), default=0.0)


def relative(reference: Any, found: Any, least: float = 0.0) -> float:
    """The 2-norm of the difference over that of the reference, whose root mean square counts as no less than `least`.

    Infinite for another shape, and for values that are not finite; the difference itself if the reference is zero.
    """
    if found is None or np.shape(reference) != np.shape(found):
        return np.inf
    exact, other = (np.asarray(side, np.float64) for side in (reference, found))
    scale = max(_rms(exact), least) or 1.0
    error = _rms(other - exact) / scale
    return float(error) if np.isfinite(error) else np.inf


def _rms(values: Any) -> float:
    """Root mean square: the 2-norm over the root of the size."""
    return float(np.sqrt(np.mean(np.square(np.asarray(values, np.float64))))) if np.size(values) else 0.0


def _part(arrays: Arrays, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
