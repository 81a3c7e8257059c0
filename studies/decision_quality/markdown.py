"""Tables and shares in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def percent(share: float) -> str:
    """A share in percent; empty if there is none."""
    return "" if math.isnan(share) else f"{share * 100:.1f} %"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows below their head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
