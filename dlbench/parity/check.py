"""Proof that two plugins are the same model: same parameters, outputs, gradients and losses within rounding.

Both sides start from the same canonical parameters and see the same batches, without dropout, each in a process of its
own. The tolerances are some ten times the differences of seven architectures on two frameworks, and each of them
catches a planted fault (a gate order, a padding, a place of epsilon): see `tests/parity/test_planted_faults.py`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from dlbench.errors import SpecError
from dlbench.parity.comparable import beside_edges, check_comparable, convert_of, had_by_both, ignores_seed, why_not
from dlbench.parity.kept import NOTHING, Kept
from dlbench.parity.probe import STEPS
from dlbench.parity.probing import Arrays, Probing, Side
from dlbench.record.parity import Difference, Parity, rounding_of
from dlbench.spec import Spec
from dlbench.workers.child import ChildError

TOLERANCES = {"parameter": 0.0, "FLOPs": 0.0, "output": 5e-6, "gradient": 1e-5, "losses": 1e-5, "state": 1e-3}
"""Largest difference of any element: of an output over its largest value if that is above 1, of a gradient over the
largest value in that parameter's gradient, of a loss over the loss. A gradient that sums thousands of rows which nearly
cancel is rounded by 7e-6 in one framework's layer normalisation, measured against float64, and by 2e-6 in another's.
State is all that training changes beside the parameters, after the first call. In eight samples two ResNet-18 differ in
it by 1e-4 and less, or by half and more if their momentum differs.
"""
ROUNDED: Mapping[str, Mapping[str, float]] = {
    "tf32": {**TOLERANCES, "output": 5e-3, "gradient": 5e-2, "losses": 5e-3, "state": 1e-2},
    "fp16": {**TOLERANCES, "output": 5e-3, "gradient": 5e-2, "losses": 5e-3, "state": 1e-2},
    "bf16": {**TOLERANCES, "output": 4e-2, "gradient": 5e-1, "losses": 4e-2, "state": 8e-2},
}
"""The same for a variant that rounds the operands of products: bfloat16 has 8 bits of precision, the others 11.

In bf16 the small architectures of PyTorch differed from float32 by 7e-3 and less in outputs and losses, and by 0.24 and
less in gradients, where a ReLU of the mlp takes the other side. A check at this tolerance finds another model, and not
a small fault: for that, compare without the variant.
"""
SMALLEST_STATE = 1e-2
"""State whose values all stay below is measured against this: a mean may be rounding alone."""
ROUNDING = 3.0
"""Largest difference of the losses, in multiples of their change on either side when the last bits of parameters
change.

Training can be chaotic: the adversarial losses of the base gan amplify rounding ten thousand times within five steps
and two frameworks differ as much as one does from itself (1.7e-1 and 1.3e-1 at step 20). Computed if nothing but the
losses differs; the steps before rounding is amplified are held to the tolerance as ever.
"""
NEGLIGIBLE_GRADIENT = 1e-2
"""A parameter whose gradient stays below this share of the largest of all is measured against that share.

The key biases of attention have a zero gradient in exact arithmetic; its value is rounding. The output bias of a
discriminator is the difference of two sums that nearly cancel.
"""

_CONVERTED = "baseline/"
"""Prefix of the names of another model's converted arrays."""


def check(
    specs: Sequence[Spec],
    seeds: Sequence[int],
    timeout: float,
    *,
    quick: bool = False,
    pythons: Mapping[str, str] = MappingProxyType({}),
    kept: Kept = NOTHING,
) -> list[Parity]:
    """Probe every Spec in a process of its own, and compare all others with the first that could be probed.

    A `quick` check takes first gradients on the path eager alone, because elsewhere they need a compilation of their
    own, and bounds them by `comparable.EDGE`. `pythons` holds the interpreters of named Python environments, and `kept`
    gets the arrays of each Spec.
    Raises SpecError for Specs that do not ask for the same model; if a side cannot be probed, `reason` says why.
    """
    for spec in specs[1:]:
        check_comparable(specs[0], spec)
    probing = Probing(tuple(seeds), timeout, {"": sys.executable, **pythons}, kept)
    sides = _sides(specs, probing, quick=quick)
    first = _first(sides)
    asked = Parity(baseline=specs[first], candidate=specs[first], seeds=tuple(seeds), steps=STEPS)
    others = [place for place in range(len(specs)) if place != first]

    def judged(place: int) -> Parity:
        found = _judge(msgspec.structs.replace(asked, candidate=specs[place]), sides[first], sides[place])
        return beside_edges(found) if quick else found

    doubtful = [place for place in others if _losses_alone(judged(place))]
    again = [first, *doubtful] if doubtful else []
    moved = [Side(specs[at], "moved", baseline=_other(specs[at], sides[first])) for at in again]
    for place, found in zip(again, _probed(probing, moved), strict=True):
        side = sides[place]
        sides[place] = found if isinstance(found, str) or isinstance(side, str) else {**side, **found}
    return [judged(place) for place in others]


def _sides(specs: Sequence[Spec], probing: Probing, *, quick: bool) -> list[Arrays | str]:
    """The arrays of each, or why there are none: those that need nobody's state are probed together."""
    asked = [
        Side(spec, "without gradients" if quick and spec.path != "eager" else "all", apart=spec.precision == "fp32")
        for spec in specs
    ]
    straight = [at for at, spec in enumerate(specs) if not at or not (why_not(specs[0], spec) or convert_of(spec))]
    found = dict(zip(straight, _probed(probing, [asked[at] for at in straight]), strict=True))
    for place, spec in enumerate(specs[1:], 1):
        before = [found[at] for at in range(place)]
        first = _first(before)
        if why := why_not(specs[first], spec):
            found[place] = why
        elif place not in found:
            (found[place],) = _probed(probing, [replace(asked[place], baseline=_other(spec, before[first]))])
    return [found[place] for place in range(len(specs))]


def _probed(probing: Probing, sides: Sequence[Side]) -> list[Arrays | str]:
    """The arrays of each in single precision, or why there are none: no tolerance is claimed for less."""
    exact = [replace(side, spec=msgspec.structs.replace(side.spec, precision="fp32")) for side in sides]
    return [str(one) if isinstance(one, ChildError) else one for one in probing.arrays(exact)]


def _first(sides: Sequence[Arrays | str]) -> int:
    """The place of the first side that could be probed; 0 if none could."""
    return next((place for place, side in enumerate(sides) if not isinstance(side, str)), 0)


def _other(spec: Spec, side: Arrays | str) -> Arrays | None:
    """The arrays whose state this Spec converts to its own; None if it converts none."""
    return side if convert_of(spec) and not isinstance(side, str) else None


def refuse_misfit(found: Parity) -> None:
    """Raise SpecError if the user's conversion of a state does not fit, or is not there."""
    function = convert_of(found.candidate)
    if function and (function in found.reason or found.reason.startswith("unknown name")):
        raise SpecError(f"--convert {function}: {found.reason}; mend it, or measure with --no-parity")


def refuse_other_model(found: Parity) -> None:
    """Raise SpecError for a variant that changes the parameters of its program."""
    variant = found.candidate.variant
    if variant is UNSET or msgspec.structs.replace(found.baseline, variant=variant) != found.candidate:
        return
    changed = [one.what for one in found.differences if one.what.startswith("parameter ") and not one.holds]
    if changed:
        raise SpecError(
            f"variant {variant.name} changes the model of {found.candidate.plugin}: {changed[0]}"
            f"{f' and {len(changed) - 1} more' if changed[1:] else ''}; a variant may change settings alone"
        )


def _losses_alone(found: Parity) -> bool:
    """True if the losses are all that differs, which rounding may do."""
    return [one.what for one in found.differences if not one.holds] == ["losses"]


def _judge(asked: Parity, baseline: Arrays | str, candidate: Arrays | str) -> Parity:
    """The same with the findings; a side that is a string is the reason why it could not be probed."""
    reasons = [side for side in (baseline, candidate) if isinstance(side, str)]
    if isinstance(baseline, str) or isinstance(candidate, str):
        return msgspec.structs.replace(asked, reason="; ".join(dict.fromkeys(reasons)))
    found = []
    for seed in asked.seeds:
        sides = _of_seed(baseline, seed), _of_seed(candidate, seed)
        if why := ignores_seed(asked.candidate, *sides):
            return msgspec.structs.replace(asked, reason=why)
        both = had_by_both(*_by_names_of_candidate(asked, *sides))
        found.append([_allowed(one, asked) for one in differences(*both)])
    return msgspec.structs.replace(asked, differences=over_seeds(found))


def _allowed(one: Difference, asked: Parity) -> Difference:
    """The figure beside the tolerance of these two, which is larger where a variant rounds the operands of products."""
    tolerances = ROUNDED.get(rounding_of(asked.baseline, asked.candidate), TOLERANCES)
    return msgspec.structs.replace(one, tolerance=max(one.tolerance, tolerances[one.what.partition(" ")[0]]))


def _by_names_of_candidate(asked: Parity, baseline: Arrays, candidate: Arrays) -> tuple[Arrays, Arrays]:
    """Both sides of a comparison; the arrays of a converted model have the names of the other.

    Two frameworks count floating-point operations each in its own way, so FLOPs are compared within one only.
    """
    own = {name: array for name, array in candidate.items() if not name.startswith(_CONVERTED)}
    if not convert_of(asked.candidate):
        return baseline, own
    rest = {name: array for name, array in baseline.items() if name.partition("/")[0] in ("output", "losses", "moved")}
    converted = {name.removeprefix(_CONVERTED): one for name, one in candidate.items() if name.startswith(_CONVERTED)}
    own.pop("FLOPs", None)
    return {**rest, **converted}, own


def differences(baseline: Arrays, candidate: Arrays) -> list[Difference]:
    """Compare two models by their probes; a name or a shape that only one side has is an infinite difference."""
    gradients = [float(np.abs(values).max()) for name, values in baseline.items() if name.startswith("gradient/")]
    quiet = NEGLIGIBLE_GRADIENT * max(gradients, default=0.0)
    names = sorted({**baseline, **candidate}.keys() - {"moved"}, key=_rank)
    found = [_compare(name, baseline.get(name), candidate.get(name), quiet) for name in names]
    sides = [side for side in (baseline, candidate) if "moved" in side]
    if not sides or not all(math.isfinite(one.difference) for one in found):
        return found
    return [_beside_rounding(baseline, candidate, sides) if one.what == "losses" else one for one in found]


def _beside_rounding(baseline: Arrays, candidate: Arrays, sides: Sequence[Arrays]) -> Difference:
    """The step at which the losses differ most in proportion to the effect of rounding until then."""
    noise = np.maximum.accumulate(np.max([_by_step(side["losses"], side["moved"]) for side in sides], axis=0))
    allowed = np.maximum(TOLERANCES["losses"], ROUNDING * noise)
    apart = _by_step(baseline["losses"], candidate["losses"])
    step = int((apart / allowed).argmax())
    found = _difference("losses", float(apart[step]))
    return msgspec.structs.replace(found, tolerance=float(allowed[step]), rounding=float(noise[step]))


def _by_step(losses: Any, others: Any) -> Any:
    """The largest difference at each step, of all losses that a step has."""
    apart = np.abs(np.asarray(losses) - others) / _scale("losses", losses, 0.0)
    return apart.reshape(len(apart), -1).max(axis=1)


def over_seeds(found: Sequence[Sequence[Difference]]) -> tuple[Difference, ...]:
    """The median of each figure over several seeds, against its tolerance, and its worst; NaN is above any number.

    The median, because rounding may decide a ReLU or a maximum: then two correct models take different sides, and
    everything after it differs. One seed in ten of the small cnn does that. A fault is in all.
    """
    figures: dict[str, list[Difference]] = {}
    for difference in (difference for seed in found for difference in seed):
        figures.setdefault(difference.what, []).append(difference)
    return tuple(_median(of_seeds) for of_seeds in figures.values())


def _median(of_seeds: list[Difference]) -> Difference:
    ordered = sorted(of_seeds, key=_excess)
    return msgspec.structs.replace(ordered[len(ordered) // 2], worst=ordered[-1].difference)


def _excess(one: Difference) -> tuple[float, float]:
    """Difference as a multiple of its tolerance."""
    difference = math.inf if math.isnan(one.difference) else one.difference
    return difference / one.tolerance if one.tolerance else 0.0, difference


def _of_seed(arrays: Arrays, seed: int) -> dict[str, Any]:
    prefix = f"{seed}/"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _compare(name: str, baseline: Any, candidate: Any, quiet: float) -> Difference:
    kind = name.partition("/")[0]
    if baseline is None or candidate is None or np.shape(baseline) != np.shape(candidate):
        return _difference(name, math.inf)
    a, b = (np.asarray(side, np.float64) for side in (baseline, candidate))
    return _difference(name, float((np.abs(a - b) / _scale(kind, a, quiet)).max()))


def _difference(name: str, found: float) -> Difference:
    tolerance = TOLERANCES[name.partition("/")[0]]
    return Difference(what=name.replace("/", " ", 1), difference=found, tolerance=tolerance, worst=found)


def _scale(kind: str, values: Any, quiet: float) -> Any:
    """Scale of a difference."""
    largest = float(np.abs(values).max())
    match kind:
        case "output":
            return max(1.0, largest)
        case "gradient":
            return max(largest, quiet) or 1.0
        case "state":
            return max(largest, SMALLEST_STATE)
        case "losses":
            return np.where(values == 0.0, 1.0, np.abs(values))
        case _:
            return 1.0


def _rank(name: str) -> tuple[int, str]:
    return ("FLOPs", "output", "losses", "parameter", "gradient", "state").index(name.partition("/")[0]), name
