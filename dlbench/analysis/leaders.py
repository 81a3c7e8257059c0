"""The leader of a workload: the arm that a session shows to be ahead of all others, and those level with it.

The arm of the least ratio is compared with each other arm, in the groups in which they took turns. These numbers chose
it, so its verdicts are corrected for the choice. A wrong claim needs one wrong verdict against the true leader, whoever
that is, so each p-value is multiplied by the number of comparisons of the session (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlbench.analysis import compare, evidence
from dlbench.analysis.compare import Comparison
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Run
from dlbench.stats import decisions

LEAST = 2
"""Comparisons with one baseline that make a leader worth a word: with one, its verdict says it."""


def leaders(arms: Mapping[str, Sequence[Run]], compared: Sequence[Comparison], family: int) -> tuple[str, ...]:
    """The labels of the leader and of the arms level with it; empty if a verdict is missing, or all are level.

    `compared` are the comparisons of these arms with one baseline; `family` is their number in the whole session.
    """
    baselines = {one.baseline for one in compared}
    if len(compared) < LEAST or len(baselines) > 1 or any(one.ratio is None for one in compared):
        return ()
    (baseline,) = baselines
    ratios = {baseline: 1.0} | {one.candidate: one.ratio.value for one in compared if one.ratio is not None}
    first = min(ratios, key=lambda label: ratios[label])
    told: dict[str, str] = {}
    for one in compared:
        if first == baseline:
            told[one.candidate] = {"slower": "ahead", "same": "level"}.get(one.verdict, "")
        elif one.candidate == first:
            told[baseline] = {"faster": "ahead", "same": "level"}.get(one.verdict, "")
        else:
            told[one.candidate] = ""  # by their own comparison
    if first != baseline and told[baseline]:
        told |= {label: _told(arms, label, first, family) for label in told if label != baseline}
    level = [label for label in told if told[label] == "level"]
    return (first, *level) if all(told.values()) and len(level) < len(told) else ()


def _told(arms: Mapping[str, Sequence[Run]], other: str, first: str, family: int) -> str:
    """`ahead` or `level` for the first beside another; empty if their groups do not tell."""
    before, after = ([run for run in arms[label] if run.ok] for label in (other, first))
    pair = Pair(before[0].spec, after[0].spec, before, after)
    found = evidence.of(pair, "step_time")
    if found is None or compare.contradiction(pair, "step_time"):
        return ""
    verdict = decisions.verdict(found, min(1.0, family * decisions.p_differs(found))).verdict
    return {"faster": "ahead", "same": "level"}.get(verdict, "")
