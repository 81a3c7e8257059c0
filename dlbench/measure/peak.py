"""The peak rate of arithmetic: a large matrix product in the framework and precision of a Spec."""

from __future__ import annotations

from typing import Any

from dlbench.errors import ContractViolation, words
from dlbench.measure import timing
from dlbench.plugin import MultipliesMatrices

FIRST, LARGEST = 256, 16384
"""Orders of the square matrices: doubled until a product takes ENOUGH seconds."""
ENOUGH, PRODUCTS = 0.02, 5


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
