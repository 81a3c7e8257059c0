"""REASONS: a code for the reason of each verdict, with the sentence that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

ReasonCode = Literal[
    "ci-beyond",
    "equivalent",
    "too-few-groups",
    "ranks-disagree",
    "one-of-many",
    "one-process",
    "control-failed",
    "contradictory",
    "unsteady",
    "disturbed",
    "never-together",
    "no-figure",
]

ONE_OF_MANY: ReasonCode = "one-of-many"
OUT_OF_MANY = "more groups, or fewer arms in one session, would tell"
"""The ways to a verdict on what is significant only alone."""
REASONS: Mapping[ReasonCode, str] = {
    "ci-beyond": "the one-sided 95 % bound of the ratio lies beyond 1 %, and the exact rank test agrees",
    "equivalent": "the 98 % interval of the ratio lies within 3 % either way",
    "too-few-groups": "the interval is too wide to tell 1 % from 3 %: it takes more groups or processes",
    "ranks-disagree": "the t test and the exact rank test disagree",
    ONE_OF_MANY: f"significant alone, not after correction for the number of comparisons (Holm); {OUT_OF_MANY}",
    "one-process": "one process each: no interval",
    "control-failed": "the A/A control told equal programs apart, so every comparison of the session is inconclusive",
    "contradictory": "half of the processes of a side measured the same thing with results that contradict each other",
    "unsteady": "an arm never became steady, and neither did its ratio to the other",
    "disturbed": "other programs held the processors, and how long threads that work together waited is not known",
    "never-together": "the arms never took turns: no group of one session holds both",
    "no-figure": "a side has no figure of this metric that a ratio can be taken of",
}
"""`slower` and `faster` have the first, `same` the second, `indicative` has `one-process`, `inconclusive` the rest."""
