"""Decision rules: dlbench's own, called, and other tools' rules, written from their sources and documentation.

The other tools measure a program in processes of its own and pool the samples, or measure in one process. A rule here
is such a tool's verdict on the samples of both sides, and a score that it compares with a threshold. The threshold can
be moved to compare tools at equal false alarms. Read were pytest-benchmark 5.3.1, pyperf 2.10.0, asv 0.6.6 with
asv_runner (7032df7, 01d4a25) and torch 2.13.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from dlbench.analysis.evidence import LEAST_LEFT
from dlbench.stats import decisions
from dlbench.stats.decisions import Paired
from dlbench.stats.interim import INTERIM_GROUPS, are_enough
from studies.decision_quality.rivals import RIVALS
from studies.decision_quality.said import Peer, Said, Verdict, said

if TYPE_CHECKING:
    from studies.decision_quality.said import Floats

BUDGET = 180.0
"""Seconds that a session may take."""


def dlbench(log_ratios: Sequence[float]) -> Verdict:
    """The verdict of one comparison in lockstep, from one log ratio a group; NaN for one that is not known."""
    evidence = _evidence(log_ratios)
    if evidence is None:
        return "inconclusive"
    found = decisions.verdict(evidence, decisions.p_differs(evidence))[0]
    return found if found in ("slower", "faster", "same") else "inconclusive"


def groups_used(
    log_ratios: Sequence[float], seconds: Sequence[float], is_steady: Callable[[int], bool] = lambda _: True
) -> int:
    """Number of these groups that a session measures: until its interval is narrow, or the budget is spent.

    `is_steady` says of a number of groups whether their ratio is. One that was not at two interim analyses in a row is
    not waited for (`dlbench.analysis.stopping`).
    """
    spent, steady = 0.0, True
    for n, cost in enumerate(seconds, start=1):
        spent += cost
        if n == INTERIM_GROUPS[-1]:
            return n
        if n in INTERIM_GROUPS:
            before, steady = steady, is_steady(n)
            found = _evidence(log_ratios[:n])
            steady = steady and found is not None
            if are_enough(n, [found]) if steady and found is not None else not before:
                return n
        if n >= 2 and n < len(seconds) and spent + seconds[n] > BUDGET:
            return n
    return len(seconds)


def _evidence(log_ratios: Sequence[float]) -> Paired | None:
    """The groups whose ratio is known; None if those are too few (`dlbench.analysis.evidence.LEAST_LEFT`)."""
    found = [value for value in log_ratios if not math.isnan(value)]
    return Paired(found) if len(found) >= max(1, LEAST_LEFT * len(log_ratios)) else None


def compare_fail(field: Callable[[Floats], np.floating]) -> Callable[[Floats, Floats], Said]:
    """pytest-benchmark's `--benchmark-compare-fail=FIELD:5%`: more than 5 % up; it looks that way only."""

    def say(before: Floats, after: Floats) -> Said:
        score = float(field(after) / field(before)) - 1
        return Said("slower" if score > 0.05 else "same", score)

    return say


def pyperf(before: Floats, after: Floats) -> Said:
    """`pyperf compare_to`: Student's two-sample t test with pooled variance over all values, two-sided at 5 %."""
    from scipy import special

    error = math.sqrt((before.var(ddof=1) + after.var(ddof=1)) / len(before))
    score = float(after.mean() - before.mean()) / error
    return said(score, float(special.stdtrit(len(before) + len(after) - 2, 0.975)))


def asv(before: Floats, after: Floats, factor: float = 1.1) -> Said:
    """`asv continuous`: medians apart by more than the factor, and a Mann-Whitney test with p below 0.002.

    Exact up to 20 samples a side, normal beyond. Fewer than 6 samples a side can never differ: the smallest p value is
    too large, and the 99 % intervals that asv then looks at are infinite.
    """
    from scipy import stats

    if len(before) < 6:
        return Said("same", 0.0)
    method: Literal["exact", "asymptotic"] = "exact" if len(before) <= 20 else "asymptotic"
    p_value = float(stats.mannwhitneyu(before, after, method=method, use_continuity=False).pvalue)
    score = float(np.log(np.median(after) / np.median(before)))
    return said(score if p_value < 0.002 else 0.0, math.log(factor))


def torch_compare(before: Floats, after: Floats) -> Said:
    """`torch.utils.benchmark.Compare` with trimmed figures: the printed medians differ, and neither has a warning.

    A median is printed with the significant figures that 1.645 standard errors of its interquartile samples leave, at
    most 4; a warning is printed if the interquartile range exceeds 10 % of the median.
    """
    figures = min(_significant_figures(before), _significant_figures(after))
    printed = [float(f"{np.median(side):.{figures - 1}e}") for side in (before, after)]
    score = math.log(printed[1] / printed[0])
    if any(np.subtract(*np.quantile(side, (0.75, 0.25))) > 0.1 * np.median(side) for side in (before, after)):
        return Said("inconclusive", 0.0)
    return said(score, 0.0)


def torch_ranges(before: Floats, after: Floats) -> Said:
    """Rule of a reader of two printed `Measurement`s: their interquartile ranges do not overlap."""
    (low, high), (after_low, after_high) = (np.quantile(side, (0.25, 0.75)) for side in (before, after))
    score = max(math.log(after_low / high), 0.0) - max(math.log(low / after_high), 0.0)
    return said(score, 0.0)


PEERS = (
    Peer("pytest-benchmark mean:5%", 0, 1, compare_fail(np.mean)),
    Peer("pytest-benchmark median:5%", 0, 1, compare_fail(np.median)),
    Peer("pytest-benchmark min:5%", 0, 1, compare_fail(np.min)),
    Peer("pyperf compare_to", 3, 20, pyperf),
    Peer("asv continuous", 5, 2, asv),
    Peer("torch Compare, printed figures", 0, 1, torch_compare),
    Peer("torch Measurement, IQR apart", 0, 1, torch_ranges),
    *RIVALS,
)


def _significant_figures(times: Floats) -> int:
    """Seconds in; the confidence interval is 25 ns at least."""
    ordered, n = np.sort(times), len(times)
    middle = ordered[n // 4 : math.ceil(3 * n / 4)]
    half = max(1.645 * float(middle.std()) / math.sqrt(len(middle)), 25e-9)
    return min(max(math.floor(math.log10(float(np.median(times)) / half)), 1), 4)
