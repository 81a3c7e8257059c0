"""Rules of tools of 2026, written from their documentation: the verdict of each on the samples of both sides.

Read were pytest-torch 1.1.1, nvbench's `nvbench-compare-robust` (66212f1), benchstats 3.6.3 and TorchBench's regression
detector; `tests/studies/test_rivals.py` compares the first three with the tools if they are installed. A band of 5 %
around the ratio of minima of interleaved calls is no single tool's, but the practice of suites that interleave.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from studies.decision_quality.said import Peer, Said, said

if TYPE_CHECKING:
    from studies.decision_quality.said import Floats

CALLS, TOLERANCE, SLACK = 20, 0.25, 5e-5
"""Settings of pytest-torch: timed calls, the share and the seconds by which their median may exceed the baseline's."""
GAP, NEAR, OVERLAP, DISPERSION = 0.005, 0.005, 0.5, 0.02
"""Values of nvbench's default preset: `clear_gap.relative`, and the limits of its `[same]`."""
ALPHA, REPETITIONS = 0.001, 10
"""Settings of benchstats: significance level, and least repetitions."""
SIGNAL, BAND = 0.07, 0.05
"""Shares beyond which TorchBench reports a change, and beyond which minima that took turns are called different."""


def pytest_torch(before: Floats, after: Floats) -> Said:
    """`check_perf`: slower if the median exceeds the baseline's by more than 25 % and 0.05 ms; looks up only.

    The score leaves the slack out: steps of these pools are as short as it, and whoever moved the tolerance with it in
    place would look at the candidate's time alone.
    """
    theirs, ours = float(np.median(before)), float(np.median(after))
    return Said("slower" if ours > theirs * (1 + TOLERANCE) + SLACK else "same", ours / theirs - 1)


def nvbench(before: Floats, after: Floats) -> Said:
    """`nvbench-compare-robust` without clock rates: FAST or SLOW if [minimum, upper quartile] leave a gap of 0.5 %.

    SAME if both interquartile ranges are within 2 % of their median, the medians within 0.5 % of each other, and the
    intervals overlap by half of the narrower; else AMBG, here `inconclusive`. A processor's clock is not known for each
    sample, so the time itself is used for the cycles that confirm a gap.
    """
    sides = [_quartiles(before), _quartiles(after)]
    (low, first, middle, third), (after_low, after_first, after_middle, after_third) = sides
    score = max(after_low / third - 1, 0.0) - max(low / after_third - 1, 0.0)
    if abs(score) >= GAP:
        return Said("slower" if score > 0 else "faster", score)
    dispersion = max((third - first) / middle, (after_third - after_first) / after_middle)
    near = abs(after_middle - middle) / min(middle, after_middle) <= NEAR
    shared = min(third, after_third) - max(low, after_low)
    overlap = shared >= OVERLAP * min(third - low, after_third - after_low)
    return Said("same" if dispersion <= DISPERSION and near and shared >= 0 and overlap else "inconclusive", score)


def benchstats(before: Floats, after: Floats) -> Said:
    """The test of Brunner and Munzel (2000), each way at 0.1 %; samples that do not overlap at all differ surely.

    The score is the logarithm of the p value, with the sign of the change.
    """
    from scipy import stats

    up, down = 1.0, 1.0
    if before.max() < after.min() or before.min() > after.max():
        up, down = float(before.max() > after.min()), float(before.min() < after.max())
    elif np.ptp(np.concatenate((before, after))) > 0:
        up = float(stats.brunnermunzel(before, after, alternative="less").pvalue)
        down = float(stats.brunnermunzel(before, after, alternative="greater").pvalue)
    slower, faster = (-math.log10(max(p_value, 1e-300)) for p_value in (up, down))
    return said(slower if slower >= faster else -faster, -math.log10(ALPHA))


def torchbench(before: Floats, after: Floats) -> Said:
    """A performance signal: the latency changed by more than 7 %, up or down."""
    return said(float(np.median(after) / np.median(before)) - 1, SIGNAL)


def interleaved_minimum(before: Floats, after: Floats) -> Said:
    """The ratio of the minima of calls that took turns, beyond a band of 5 %."""
    return said(float(after.min() / before.min()) - 1, BAND)


def _quartiles(times: Floats) -> tuple[float, float, float, float]:
    """Minimum, lower quartile, median and upper quartile, each the sample of nearest rank (half up)."""
    ordered = np.sort(times)
    ranks = ((share * (len(ordered) - 1) + 50) // 100 for share in (0, 25, 50, 75))
    low, first, middle, third = (float(ordered[rank]) for rank in ranks)
    return low, first, middle, third


RIVALS = (
    Peer("pytest-torch, 20 calls", CALLS, 1, pytest_torch),
    Peer("nvbench robust", 0, 1, nvbench),
    Peer("benchstats", REPETITIONS, 1, benchstats),
    Peer("TorchBench 7%", 0, 1, torchbench),
)
INTERLEAVED = Peer("interleaved minimum, 5% band", 0, 1, interleaved_minimum)
"""Decides on arms that take turns, as dlbench does: its processes are groups of both arms."""
