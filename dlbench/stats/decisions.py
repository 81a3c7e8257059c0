"""Verdicts from one number a process, or a group in lockstep: pure, and the same for every metric.

Logarithms throughout: noise multiplies, and a difference of logarithms is a ratio.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

from dlbench.stats import power
from dlbench.stats.estimates import (
    Estimate,
    Shift,
    VarianceComponent,
    exp,
    expm1,
    holm,
    one_sample,
    over_machines,
    trim_count,
    two_samples,
)
from dlbench.stats.power import ALPHA, SAME_ALPHA
from dlbench.stats.reasons import ReasonCode

NEGLIGIBLE_CHANGE = 0.01
"""A change by up to this share is not worth a word."""
EQUIVALENCE_MARGIN = 0.03
"""Equivalence margin: `same` says that the ratio is surely within it."""

DECIDING = math.log1p(EQUIVALENCE_MARGIN) - math.log1p(NEGLIGIBLE_CHANGE)
"""Distance of both limits, in logarithms: bounds that take no more together decide any ratio."""

Verdict = Literal["slower", "faster", "same", "inconclusive", "underpowered", "indicative"]


class Evidence(Protocol):
    """Numbers that tell the distance of the candidate above the baseline."""

    @property
    def n(self) -> int:
        """Groups, or processes of the side that has fewer."""
        ...

    def shift(self) -> Shift | None:
        """The difference of logarithms; None without replication."""
        ...

    def ratio(self) -> Estimate:
        """Candidate over baseline, with its interval if there is one."""
        ...

    def reversed(self) -> Evidence:
        """Baseline over candidate."""
        ...

    def ranks_agree(self, bound: float) -> bool:
        """True if an exact rank test also puts the difference above the bound."""
        ...

    def more_to_decide(self) -> int | None:
        """Number of further groups that would decide; None if more groups would not help, or the number is unknown."""
        ...

    def detectable_shift(self) -> float | None:
        """Distance beyond a bound that both tests detect with 80 % power; None as `shift`."""
        ...


@dataclass(frozen=True)
class Paired:
    """One log ratio a group of processes in lockstep: candidate over baseline.

    Of many groups the outermost are left out (`stats.left_out`), unless all are to count: the machine may change the
    speed of a process, but its use of memory is its own. `machines` names the machine of each group. Groups of several
    machines are no independent ones: how fast a program is there is a property of the machine too.
    """

    log_ratios: Sequence[float]
    all_count: bool = False
    machines: Sequence[str] = ()

    @property
    def n(self) -> int:
        """Groups."""
        return len(self.log_ratios)

    def shift(self) -> Shift | None:
        """Their mean without those that are left out, by t; over several machines these are a level of their own."""
        return self._shift

    def ratio(self) -> Estimate:
        """Raises ValueError without any group."""
        return _ratio(self.shift(), self.log_ratios, [0.0] * self.n)

    def reversed(self) -> Paired:
        """The other arm as candidate."""
        return Paired([-value for value in self.log_ratios], self.all_count, self.machines)

    def ranks_agree(self, bound: float) -> bool:
        """True by the exact signed-rank test (Wilcoxon 1945), by the number of positive Walsh averages (Tukey 1949).

        Fewer than five groups cannot reach 5 % by ranks; all of them must lie above.
        """
        averages = itertools.combinations_with_replacement(self.log_ratios, 2)
        return sum((one + other) / 2 > bound for one, other in averages) >= power.rank_sum_needed(self.n)

    def detectable_shift(self) -> float | None:
        """Shift in proportion to the error of the mean."""
        shift = self.shift()
        if shift is None:
            return None
        several = bool(self._by_machine)
        groups = max(2, math.floor(shift.degrees_of_freedom) + 1) if several else self.n
        return power.paired_detectable_errors(groups, 0 if several else self._cut) * shift.error

    def more_to_decide(self) -> int | None:
        """Groups until the interval is narrow enough for a verdict, in four sessions of five.

        Unknown over several machines: it takes further machines, not groups, if these differ.
        """
        shift = None if self._by_machine else self.shift()
        needed = None if shift is None else power.groups_needed(shift.error * math.sqrt(self.n), self.n, DECIDING)
        return None if needed is None or needed <= self.n else needed - self.n

    @property
    def _cut(self) -> int:
        return 0 if self.all_count else trim_count(self.n)

    @cached_property
    def _shift(self) -> Shift | None:
        return over_machines(self._by_machine) if self._by_machine else one_sample(self.log_ratios, self._cut)

    @cached_property
    def _by_machine(self) -> Mapping[str, Sequence[float]]:
        """Log ratios by machine; none if all are of one."""
        found: dict[str, list[float]] = {}
        for machine, value in zip(self.machines, self.log_ratios, strict=bool(self.machines)):
            found.setdefault(machine, []).append(value)
        return found if len(found) > 1 else {}


@dataclass(frozen=True)
class Unpaired:
    """The logarithms of one number a process, from two sessions.

    `between` is the variance that two sessions of the same code add to their difference, None if it is not known:
    such evidence counts every difference of the sessions as a difference of the programs.
    """

    before: Sequence[float]
    after: Sequence[float]
    between: VarianceComponent | None = None

    @property
    def n(self) -> int:
        """Processes of the side that has fewer."""
        return min(len(self.before), len(self.after))

    def shift(self) -> Shift | None:
        """The difference of the means, by Welch's t."""
        return two_samples(self.before, self.after, self.between)

    def ratio(self) -> Estimate:
        """Raises ValueError if a side is empty."""
        return _ratio(self.shift(), self.after, self.before)

    def reversed(self) -> Unpaired:
        """The other session as candidate."""
        return Unpaired(self.after, self.before, self.between)

    def ranks_agree(self, bound: float) -> bool:
        """True by the exact rank-sum test (Mann and Whitney 1947); if it cannot reach 5 %, all must lie above all."""
        above = sum(ours - theirs > bound for ours in self.after for theirs in self.before)
        return above >= power.pairs_needed(len(self.before), len(self.after))

    def detectable_shift(self) -> float | None:
        """Shift in proportion to the spreads within both sides and between their sessions."""
        if self.n < 2:
            return None
        before, after = ((len(side), statistics.stdev(side)) for side in (self.before, self.after))
        return power.unpaired_detectable_shift(before, after, self.between)

    def more_to_decide(self) -> int | None:
        """None: more processes of one session do not narrow the difference of two sessions."""
        return None


def p_differs(evidence: Evidence, delta: float = NEGLIGIBLE_CHANGE) -> float:
    """The smaller of the one-sided p values of "slower by more than delta" and "faster by more than delta".

    1 without replication.
    """
    shift = evidence.shift()
    if shift is None:
        return 1.0
    bound = math.log1p(delta)
    return min(shift.p_beyond(bound), shift.reversed().p_beyond(bound))


def adjusted(family: Sequence[Evidence], delta: float = NEGLIGIBLE_CHANGE) -> list[float]:
    """`p_differs` of every comparison of a family after Holm.

    Comparisons without replication say nothing and do not count among the others.
    """
    counting = [place for place, evidence in enumerate(family) if evidence.shift() is not None]
    corrected = holm([p_differs(family[place], delta) for place in counting])
    found = dict(zip(counting, corrected, strict=True))
    return [found.get(place, 1.0) for place in range(len(family))]


def minimum_detectable_change(evidence: Evidence, delta: float = NEGLIGIBLE_CHANGE) -> float | None:
    """The smallest true slowdown, as a share, that numbers spread like these call `slower` with 80 % power.

    Both tests of `verdict` must see it, the rank test too. None without replication. A Holm correction over several
    comparisons asks for more.
    """
    seen = evidence.detectable_shift()
    return None if seen is None else expm1(math.log1p(delta) + seen)


class Decision(NamedTuple):
    """A verdict and the code of its reason (`REASONS`)."""

    verdict: Verdict
    code: ReasonCode


def verdict(evidence: Evidence, adjusted_p: float, delta: float = NEGLIGIBLE_CHANGE) -> Decision:
    """Verdict on this evidence, and its reason.

    `adjusted_p` is `p_differs` after Holm over all comparisons of the family. `slower` and `faster` need the one-sided
    95 % bound beyond delta, and an exact rank test that agrees; `same` the 98 % interval within 3 % either way, so that
    a change of 3 % is called so once in a hundred times. If half of a 90 % interval and half of that one are no more
    than `DECIDING` together, one of the three holds for every ratio.
    """
    shift = evidence.shift()
    if shift is None:
        return Decision("indicative", "one-process")
    if adjusted_p <= ALPHA:
        if not ranks_agree(evidence, delta):
            return Decision("inconclusive", "ranks-disagree")
        return Decision("slower" if shift.mean > 0 else "faster", "ci-beyond")
    low, high = shift.interval(1 - 2 * SAME_ALPHA)
    if -math.log1p(EQUIVALENCE_MARGIN) <= low and high <= math.log1p(EQUIVALENCE_MARGIN):
        return Decision("same", "equivalent")
    if p_differs(evidence, delta) <= ALPHA:
        return Decision("inconclusive", "one-of-many")
    return Decision("inconclusive", "too-few-groups")


def ranks_agree(evidence: Evidence, delta: float = NEGLIGIBLE_CHANGE) -> bool:
    """True if an exact rank test also puts the ratio beyond delta, on the side on which the mean lies."""
    shift = evidence.shift()
    sided = evidence if shift is None or shift.mean > 0 else evidence.reversed()
    return sided.ranks_agree(math.log1p(delta))


def _ratio(shift: Shift | None, above: Sequence[float], below: Sequence[float]) -> Estimate:
    if not above or not below:
        raise ValueError("a ratio takes at least one value a side")
    n = min(len(above), len(below))
    if shift is None:
        return Estimate(exp(statistics.fmean(above) - statistics.fmean(below)), n=n)
    return shift.to_ratio(n)
