"""The leader of a workload, and frameworks against each other: arms that the baseline joins, compared directly.

The arm of the least ratio is compared with each other arm, in the groups in which they took turns. These numbers chose
it, so its verdicts are corrected for the choice. A wrong claim needs one wrong verdict against the true leader, whoever
that is, so each p-value is multiplied by the number of comparisons of the session (Bonferroni). The same holds for the
best paths of two frameworks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from dlbench.analysis import compare, evidence
from dlbench.analysis.compare import Comparison
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Record, Run
from dlbench.spec import PATHS, Path
from dlbench.stats import decisions
from dlbench.stats.decisions import Verdict
from dlbench.stats.estimates import Estimate
from dlbench.stats.reasons import ReasonCode

LEAST = 2
"""Comparisons with one baseline that make a leader worth a word: with one, its verdict says it."""
OTHER_WAY: Mapping[Verdict, Verdict] = {"slower": "faster", "faster": "slower"}
Kind = Literal["best", "eager", "graph", "jit"]


class Leading(Record, frozen=True):
    """The arm of the least step time, `first`, beside all others of its workload.

    `same` are the arms shown to take as long, `rivals` those from which it is not told apart, `next` is the arm of the
    next step time over the first.
    """

    first: str
    next: Comparison
    same: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()


class Across(Record, frozen=True):
    """Two arms of two frameworks: each framework's best path, or both on the path `kind`."""

    kind: Kind
    baseline: str
    candidate: str
    found: Comparison


class Beside:
    """Comparisons of the arms of a workload by labels: with the baseline as they are, others made directly.

    `compared` are the comparisons of these arms with one baseline; `family` is their number in the whole session.
    """

    def __init__(self, arms: Mapping[str, Sequence[Run]], compared: Sequence[Comparison], family: int) -> None:
        self._arms, self._family = arms, family
        self._known = {(one.baseline, one.candidate): one for one in compared}
        self.baseline = compared[0].baseline
        ratios = {self.baseline: 1.0} | {one.candidate: one.ratio.value for one in compared if one.ratio is not None}
        self.labels = sorted(ratios, key=lambda label: ratios[label])

    def of(self, baseline: str, candidate: str) -> Comparison:
        """The candidate over the baseline."""
        if (baseline, candidate) not in self._known:
            other = self._known.get((candidate, baseline))
            found = self._direct(baseline, candidate) if other is None else _reversed(other)
            self._known[baseline, candidate] = found
        return self._known[baseline, candidate]

    def framework(self, label: str) -> str:
        """The framework of an arm."""
        return self._arms[label][0].spec.framework

    def path(self, label: str) -> Path:
        """The path of an arm."""
        return self._arms[label][0].spec.path

    def _direct(self, baseline: str, candidate: str) -> Comparison:
        before, after = ([run for run in self._arms[label] if run.ok] for label in (baseline, candidate))
        pair = Pair(before[0].spec, after[0].spec, before, after)
        found = evidence.of(pair, "step_time")
        if found is None:
            said = evidence.disturbance(before, after)
            return _comparison(pair, None, ("inconclusive", "disturbed" if said else "never-together"), said)
        adjusted = min(1.0, self._family * decisions.p_differs(found))
        verdict, code = decisions.verdict(found, adjusted)
        if said := compare.contradiction(pair, "step_time"):
            return _comparison(pair, found.ratio(), ("inconclusive", "contradictory"), said)
        return msgspec.structs.replace(_comparison(pair, found.ratio(), (verdict, code)), adjusted_p=adjusted)


def beside(arms: Mapping[str, Sequence[Run]], compared: Sequence[Comparison], family: int) -> Beside | None:
    """The comparisons of these arms; None for fewer than three arms, without a ratio or verdict, or if a control fails.

    `indicative` is no verdict.
    """
    without = any(one.ratio is None or one.verdict == "indicative" or one.code == "control-failed" for one in compared)
    if without or len(compared) < LEAST or len({one.baseline for one in compared}) > 1:
        return None
    return Beside(arms, compared, family)


def leading(of: Beside) -> Leading:
    """The arm of the least step time, and those from which it is not told apart."""
    first, *others = of.labels
    over = {label: of.of(first, label) for label in others}
    same = tuple(label for label in others if over[label].verdict == "same")
    rivals = tuple(label for label in others if over[label].verdict not in ("slower", "same"))
    return Leading(first=first, next=over[others[0]], same=same, rivals=rivals)


def across(of: Beside) -> Iterator[Across]:
    """Each other framework against the baseline's, at the best paths of both and on each path that both have.

    Nothing if no framework has two arms: the comparisons with the baseline say it all.
    """
    labels: dict[str, list[str]] = {of.framework(of.baseline): []}
    for label in of.labels:
        labels.setdefault(of.framework(label), []).append(label)
    (first, mine), *others = labels.items()
    if max(map(len, labels.values())) < LEAST:
        return
    for framework, theirs in others:
        kinds: dict[Kind, tuple[str, str]] = {"best": (mine[0], theirs[0])}
        for path in PATHS:
            both = [next((label for label in side if of.path(label) == path), "") for side in (mine, theirs)]
            kinds |= {path: (both[0], both[1])} if all(both) else {}
        for kind, pair in kinds.items():
            yield Across(kind=kind, baseline=first, candidate=framework, found=of.of(*pair))


def _reversed(one: Comparison) -> Comparison:
    """Baseline over candidate."""
    ratio = one.ratio
    assert ratio is not None  # `beside` takes none without
    low, high = (None if end is None else 1 / end if end > 0 else float("inf") for end in (ratio.high, ratio.low))
    turned = Estimate(1 / ratio.value if ratio.value > 0 else float("inf"), n=ratio.n, low=low, high=high)
    sides = {"baseline": one.candidate, "candidate": one.baseline, "before": one.after, "after": one.before}
    verdict = OTHER_WAY.get(one.verdict, one.verdict)
    return msgspec.structs.replace(one, ratio=turned, verdict=verdict, smallest_change=None, **sides)


def _comparison(
    pair: Pair, ratio: Estimate | None, decided: tuple[Verdict, ReasonCode], reason: str = ""
) -> Comparison:
    verdict, code = decided
    baseline, candidate = pair.baseline.label, pair.candidate.label
    return Comparison(baseline=baseline, candidate=candidate, ratio=ratio, verdict=verdict, code=code, reason=reason)
