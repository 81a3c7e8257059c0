"""Searches over sessions that are drawn: levels by version, with the spread and the outliers of real processes."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dlbench.stats.bisection.decisions import Groups
from dlbench.stats.bisection.search import Outcome, Trial, search
from dlbench.stats.interim import INTERIM_GROUPS
from studies.bisection import noise
from studies.bisection.noise import Noise

VERSIONS, PLANTED = 16, 0.05
SPREAD, OUTLIERS, OUTLYING = 0.004, 1 / 75, 0.1
"""Spread of a process's logarithm, and processes that differ by a tenth for as long as they live
(`reports/decision-quality`)."""

BESIDE = 0.018
"""The spread beside a program that leaves a twentieth of a core, in groups of 20 rounds (`reports/bisection`)."""

Answer = str
"""`exact`, `partly`, `none`, `undecided`, `wrong`, or `alarm`."""
ANSWERS: tuple[Answer, ...] = ("exact", "partly", "none", "undecided", "wrong", "alarm")


class Kind(NamedTuple):
    """Searches of one kind: the name, and the places from which on a level is higher, with the share that it adds.

    Place 0 stands for one that is drawn for each search. `real` searches take the noise of their groups from real ones.
    """

    name: str
    steps: Mapping[int, float]
    spread: float = SPREAD
    real: bool = False


REAL = Kind("5 %, noise of real searches", {0: PLANTED}, real=True)
REAL_UNCHANGED = Kind("unchanged, noise of real searches", {}, real=True)
KINDS = (
    Kind("5 % in one of 16", {0: PLANTED}),
    Kind("5 % faster in one of 16", {0: -PLANTED}),
    Kind("unchanged", {}),
    Kind("3 % twice", {5: 0.03, 10: 0.03}),
    Kind("10 %, and 2.5 % beside it", {5: 0.1, 10: 0.025}),
    Kind("5 %, spread 1 %", {0: PLANTED}, 0.01),
    Kind("unchanged, spread 1 %", {}, 0.01),
    Kind("5 %, spread 1.8 %", {0: PLANTED}, BESIDE),
    Kind("unchanged, spread 1.8 %", {}, BESIDE),
    REAL,
    REAL_UNCHANGED,
)


class Drawn(NamedTuple):
    """A search: its answer, its groups and processes, and half the width of the interval of the step that it named."""

    answer: Answer
    groups: int
    processes: int
    half: float | None = None


def drawn(kind: Kind, seed: int, measured: Noise | None = None) -> Drawn:
    """Search once, over a range that this seed draws; `measured` is the noise for kinds that take real one."""
    generator = random.Random(seed)
    at = {place or generator.randrange(1, VERSIONS): math.log1p(share) for place, share in kind.steps.items()}
    levels = [math.fsum(height for place, height in at.items() if place <= version) for version in range(VERSIONS)]
    taken = list[tuple[int, int]]()

    def measure(trial: Trial) -> Groups:
        groups = list(_groups(trial, levels, kind.spread, measured if kind.real else None, generator))
        taken.append((len(groups), len(groups) * len(trial.members)))
        return groups

    found = search(VERSIONS, measure)
    known = next((step.ratio for step in found.confirmed if step.ratio is not None), None)
    half = None if known is None else math.log(known.high / known.low) / 2
    return Drawn(judged(found, sorted(at)), sum(one for one, _ in taken), sum(one for _, one in taken), half)


def _groups(
    trial: Trial, levels: Sequence[float], spread: float, measured: Noise | None, generator: random.Random
) -> Iterator[Mapping[int, float]]:
    """Groups as a trial takes them, look by look."""
    groups: list[Mapping[int, float]] = []
    for look in INTERIM_GROUPS:
        new = [_group(trial, levels, spread, measured, generator) for _ in range(look - len(groups))]
        groups += new
        yield from new
        if trial.verdict(groups) is not None:
            return


def _group(
    trial: Trial, levels: Sequence[float], spread: float, measured: Noise | None, generator: random.Random
) -> Mapping[int, float]:
    if measured is None:
        return {member: levels[member] + _noise(spread, generator) for member in trial.members}
    disturbed = noise.drawn(measured, trial, generator)
    return {member: levels[member] + value for member, value in zip(trial.members, disturbed, strict=True)}


def _noise(spread: float, generator: random.Random) -> float:
    outlying = generator.choice((OUTLYING, -OUTLYING)) if generator.random() < OUTLIERS else 0.0
    return generator.gauss(0, spread) + outlying


def judged(found: Outcome, true: Sequence[int]) -> Answer:
    """The answer of a search, the true steps known; `partly` leaves one out and does not say so."""
    steps = [step.after for step in found.confirmed]
    if set(steps) - set(true):
        return "wrong" if true else "alarm"
    if found.status == "same":
        return "wrong" if true else "none"
    if found.status != "found":
        return "undecided"
    return "exact" if steps == list(true) else "partly"


def table(searches: int, measured: Noise | None = None) -> str:
    """A table of all kinds as Markdown, so many searches each; those with real noise where it is given."""
    lines = [f"| Searches | {' | '.join(ANSWERS)} | groups | processes |", "|---|" + "---:|" * 8]
    for kind in (one for one in KINDS if measured or not one.real):
        found = [drawn(kind, seed, measured) for seed in range(searches)]
        counts = Counter(one.answer for one in found)
        means = [sum(values) / searches for values in zip(*((one.groups, one.processes) for one in found), strict=True)]
        cells = [str(counts[name]) for name in ANSWERS]
        lines.append(f"| {kind.name} | {' | '.join(cells)} | {means[0]:.0f} | {means[1]:.0f} |")
    return "\n".join(lines)
