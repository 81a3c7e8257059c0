"""Verdicts of a rule, and the shape of another tool's: the types that all rules of the study share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Verdict = Literal["slower", "faster", "same", "inconclusive", "none"]
"""`same` is for the other tools that they let the change pass; `none` is a session that ends without a verdict."""


class Said(NamedTuple):
    """A verdict, and the strength of the evidence for `slower`."""

    verdict: Verdict
    score: float


@dataclass(frozen=True)
class Peer:
    """Another tool's rule: samples a process (0 for all), processes as it ships, and its verdict."""

    name: str
    samples: int
    processes: int
    say: Callable[[Floats, Floats], Said]


def said(score: float, threshold: float) -> Said:
    """A verdict by a threshold that counts either way."""
    return Said("slower" if score > threshold else "faster" if score < -threshold else "same", score)
