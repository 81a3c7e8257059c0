"""The peak rate of arithmetic: a large matrix product in the framework and precision of a Spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlbench.errors import ContractViolation, words
from dlbench.measure import timing
from dlbench.plugin import MultipliesMatrices

FIRST, LARGEST = 256, 16384
"""Orders of the square matrices: doubled until a product takes ENOUGH seconds."""
ENOUGH, PRODUCTS = 0.02, 5
MARGIN, ROUNDS = 1.1, 8
"""Share of the peak above which a step's rate is impossible, and how often that must be seen.

The peak is measured in a moment of a machine that others use too. So a step that seems to be faster is timed again
right beside the product, and once within the margin is enough.
"""


def rate_above_steps(plugin: MultipliesMatrices, name: str, rate: float, again: Callable[[], float]) -> float | None:
    """The peak in FLOPs a second, above the `rate` of steps; None where the machine is too busy to show one.

    `again` gives the rate of a step that is taken now. Raises ContractViolation for steps that are faster by MARGIN
    beside every product: not all of their work can have been done.
    """
    peak, possible = matmul_flop_rate(plugin, name), False
    for _ in range(ROUNDS):
        if rate <= peak:
            return peak
        step, beside = again(), matmul_flop_rate(plugin, name)
        peak, possible = max(peak, beside), possible or step <= MARGIN * beside
    if possible or rate <= MARGIN * peak:
        return peak if rate <= peak else None
    raise ContractViolation(
        f"plugin {name}: its steps make {rate:.3g} FLOPs a second, {rate / peak:.0%} of the {peak:.3g} of a large "
        "matrix product: no step is faster than that, so some of its work was not done"
    )


def matmul_flop_rate(plugin: MultipliesMatrices, name: str) -> float:
    """FLOPs a second of the fastest of some products; one of order n takes 2 n^3.

    Raises ContractViolation for a wrong product.
    """
    try:
        return _fastest(plugin)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        clause = "multiply() must return a function, and float() must read [0, 0] of its result"
        raise ContractViolation(f"{name}: {clause}; {words.reason(error)}") from error


def _fastest(plugin: MultipliesMatrices) -> float:
    order = FIRST
    while True:
        sampler = timing.Sampler(plugin.multiply(order), _wait)
        sampler.take(1)
        if sampler.take(1).seconds >= ENOUGH or order >= LARGEST:
            break
        order *= 2
    fastest = min(sampler.take(1).seconds for _ in range(PRODUCTS))
    return 2.0 * order**3 / fastest


def _wait(product: Any) -> None:
    float(product[0, 0])
