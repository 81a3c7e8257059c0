"""Achieved rates against those that were measured beside: of a large product, and of a large copy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dlbench.plugin import Category
from dlbench.record.explanation import Arm, Op

PRODUCTS: frozenset[Category] = frozenset({"matrix product", "convolution", "attention", "recurrent cell"})
STREAMS: frozenset[Category] = frozenset({"elementwise", "data movement", "optimizer"})
"""Work that passes over its operands: each is read at the least once."""
FLOAT_BYTES = 4
KNOWN = 0.5
"""Share of the time of such work whose operands must be known."""


def sentences(sides: Sequence[Arm]) -> Iterator[str]:
    """Products against a large product, and passes over memory against a large copy, where the profiles tell them."""
    yield from _products(sides)
    parts = []
    for arm in sides:
        rate, copied = _streamed(arm), arm.profile.bandwidth / 2  # of a copy, half are read
        if rate is not None and rate <= copied:
            parts.append(f"{arm.label} {rate * 1e-9:.3g} GB/s, {rate / copied:.0%} of what a large copy reads")
    if parts:
        yield f"Elementwise operations, copies and the optimizer read at least: {'; '.join(parts)}."


def _streamed(arm: Arm) -> float | None:
    """Bytes a second of the operands of passes over memory, counted as float32; None where they are not known.

    A rate above that of a copy is of operands that lie in a cache.
    """
    passes = [op for op in arm.profile.ops if op.category in STREAMS]
    known = [op for op in passes if any(map(math.prod, op.shapes))]
    seconds = sum(op.seconds for op in known)
    if not arm.profile.bandwidth or not seconds or seconds < KNOWN * sum(op.seconds for op in passes):
        return None
    return sum(_bytes(op) for op in known) / (arm.scale * seconds)


def _bytes(op: Op) -> float:
    return FLOAT_BYTES * op.count * sum(map(math.prod, op.shapes))


def _products(sides: Sequence[Arm]) -> Iterator[str]:
    """Achieved against measured rate of products, where the profile tells their time; no rate is above the measured.

    FLOPs are the model's, or those that the profile has of every product.
    """
    parts = list[str]()
    for arm in sides:
        products = [op for op in arm.profile.ops if op.category in PRODUCTS and op.count]
        taken = arm.scale * sum(op.seconds for op in arm.profile.ops if op.category in PRODUCTS)
        flops = arm.flops or (sum(op.flops or 0.0 for op in products) if all(op.flops for op in products) else None)
        fused = any(op.category == "fused code" for op in arm.profile.ops)
        if flops and arm.peak and taken and not fused:
            rate = flops / taken
            if rate > arm.peak:
                yield _beyond(arm, rate, arm.peak)
            else:
                parts.append(f"{arm.label} {rate * 1e-9:.3g} GFLOP/s, {rate / arm.peak:.0%} of a large product's")
    if parts:
        yield f"The model's FLOPs over the time of its products: {'; '.join(parts)}."


def _beyond(arm: Arm, rate: float, peak: float) -> str:
    return (
        f"Do not believe the time of products of {arm.label}: its model's FLOPs over it come to {rate * 1e-9:.3g} "
        f"GFLOP/s, above the {peak * 1e-9:.3g} of a large product beside it. The profiler slows other work more than "
        "products, or another program slowed that product."
    )
