"""Errors of an arm's arrays against those of a reference, and how large an error its precision explains.

Errors are relative, in the 2-norm (Higham 2002, Accuracy and Stability of Numerical Algorithms, sections 1.2 and 6.2):
of the outputs, of the first gradient of the worst parameter, and of the losses of 20 steps. A precision
explains an error if moving each parameter of the reference by the unit roundoff of that precision moves the reference
about as much: a stable computation errs as much as one of a slightly wrong input (ibid., section 1.5). Of several draws
of such a movement the one that moves the losses most counts.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from dlbench.parity.check import NEGLIGIBLE_GRADIENT
from dlbench.parity.probing import Arrays
from dlbench.parity.reference import ORACLE
from dlbench.record.fidelity import Deviation, What

WHATS: tuple[What, ...] = get_args(What)
SINGLE = "fp32"
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
            draws = [array for name, array in other.items() if name.partition("/")[0] == "losses"] or [None]
            return max(relative(reference["losses"], losses) for losses in draws)
        case _:
            return _of_gradients(part(reference, "gradient/"), part(other, "gradient/"))


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


def part(arrays: Arrays, prefix: str) -> dict[str, Any]:
    """The arrays whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
