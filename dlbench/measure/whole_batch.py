"""A step that ignores a part of its batch: another half must change its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlbench.measure import arrays
from dlbench.plugin import Batch

DRAWS = 3
"""Batches whose halves are tried, all without an effect, before a call is said to ignore its own."""
FIRST = 1 << 20
"""Number of a batch that no timed step meets."""
COARSE = 0x1FFF
"""Bits of a float32 that are zero in numbers of bf16 and fp16: so coarse a loss may stay the same by chance."""


def ignored(result: Callable[[Batch], Any], drawn: Callable[[int], Batch], axis: int = 0) -> str:
    """The fault of a call whose result stays the same, bit for bit, with half of its samples replaced; else empty.

    `result` gives the loss or the outputs for a batch of `drawn` with the same parameters each time. A result that
    tells nothing, such as a loss of zero, accuses nobody, and one that is random is another each time.
    """
    first = drawn(FIRST)
    whole = np.array(result(first))
    if not _tells(whole):
        return ""
    middle = np.shape(arrays.parts(first.targets)[0])[axis] // 2
    for name, half in (("first", slice(middle)), ("second", slice(middle, None))):
        if all(_same(first, drawn(FIRST + draw), half, axis, result, whole) for draw in range(1, DRAWS + 1)):
            return (
                f"the result of a step stays the same, bit for bit, with the {name} half of its batch replaced; "
                "a step must read its whole batch"
            )
    return ""


def with_samples(batch: Batch, other: Batch, places: Any, axis: int = 0) -> Batch:
    """A copy of a batch with another one's samples in these places."""
    where = (slice(None),) * axis + (places,)
    return Batch(
        *(arrays.each(lambda own, new: _put(own, new, where), *sides) for sides in zip(batch, other, strict=True))
    )


def differ(batch: Batch, other: Batch) -> bool:
    """True if the inputs of two batches are not the same."""
    pairs = zip(arrays.parts(batch.inputs), arrays.parts(other.inputs), strict=True)
    return not all(np.array_equal(one, two) for one, two in pairs)


def _put(own: Any, new: Any, where: tuple[Any, ...]) -> Any:
    changed = np.array(own, copy=True)
    changed[where] = np.asarray(new)[where]
    return changed


def _same(batch: Batch, other: Batch, half: slice, axis: int, result: Callable[[Batch], Any], whole: Any) -> bool:
    changed = with_samples(batch, other, half, axis)
    return differ(batch, changed) and np.array_equal(result(changed), whole)


def _tells(values: Any) -> bool:
    """True for floating numbers, not zero, finer than half precision, and mostly different from each other."""
    if values.dtype.kind != "f" or not np.isfinite(values).all() or not values.all():
        return False
    finer = np.float32(values).view(np.uint32) & COARSE
    return bool(finer.any()) and 2 * np.unique(values).size > values.size
