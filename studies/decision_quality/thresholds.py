"""Thresholds of other tools, moved by somebody who knows the truth: to equal false alarms, and to equal power."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def power_at(null: Sequence[float], effect: Sequence[float], alarms: float) -> float:
    """Share of scores with an effect above the threshold that at most this share of scores without one exceeds."""
    threshold = np.sort(null)[len(null) - 1 - math.floor(alarms * len(null))]
    return float(np.mean(np.asarray(effect) > threshold))


def alarms_at(null: Sequence[float], effect: Sequence[float], power: float) -> float:
    """Share of scores without an effect at or above the threshold that this share of scores with one reaches."""
    needed = math.ceil(power * len(effect))
    if needed == 0:
        return 0.0
    threshold = np.sort(effect)[len(effect) - needed]
    return float(np.mean(np.asarray(null) >= threshold))
