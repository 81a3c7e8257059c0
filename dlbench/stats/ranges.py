"""Ranges of the numbers in records. A file that was changed by hand may hold anything, and is refused outside of them.

Sums, ratios and logarithms of the values read are then finite.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import msgspec

LARGEST = 2**63 - 1

AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
NotNegative = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
Whole = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Elapsed = Annotated[float, msgspec.Meta(ge=1e-12, le=1e10)]
"""Seconds that figures divide by: from a thousandth of a clock's resolution to three hundred years."""
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
Amount = Annotated[float, msgspec.Meta(ge=-1e30, le=1e30)]
"""A measured number of any other unit."""


def spans(numbers: Collection[int]) -> str:
    """Numbers as the kernel writes them: `0-3,8`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)
