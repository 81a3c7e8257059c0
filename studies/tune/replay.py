"""Races replayed from a pool: each session draws its groups."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from dlbench.api.tune.rounds import PART
from dlbench.stats.tuning import decisions
from dlbench.stats.tuning.decisions import LOOKS_AGAIN, MOST, TOLERANCE
from dlbench.stats.tuning.race import Found, race
from studies.tune.collect import Pool, pool_of
from studies.tune.readings import Readings

HEAD = """# Races replayed from a measured pool

`python -m studies.tune collect FOLDER`, then `python -m studies.tune replay FOLDER reports/tune`: {settings} settings
of one model ({machine}), {groups} groups of all of them, measured in parts of eight and with the isolation of the
product. A setting's true speed is its mean over all groups. Each of {sessions} sessions draws its groups from these,
with replacement. Its first group is one as measured. Those after it have parts of their own: a reading is the
setting's mean and what its process differed by from its part in that group, and the leader has a process in each part.
The winner is compared with the default in groups drawn for that, with one process of each thrown away.

Exhaustive is {most} groups of every setting, drawn and as measured, without a second measurement of its winner. It
misses more often than a race, whose last settings share their parts. First processes of the pool
were fresh; those of a race and of the exhaustive search are forked, and cost as much less as starting and importing
took. The time of a session includes the winner beside the default in fresh processes.

"""


class Session(NamedTuple):
    """A replayed race: the chosen arm, its loss against the fastest, and its share of the exhaustive time."""

    chosen: int
    loss: float
    share: float
    groups: int
    proven: bool
    verdict: str


@dataclass
class Replayed:
    """A measure that draws groups of the pool, and counts seconds."""

    pool: Pool
    readings: Readings
    draw: random.Random
    seconds: float = 0.0

    def __call__(self, number: int, arms: Sequence[int]) -> Found:
        """The group, its cost counted: the first arm is in each part."""
        at = self.draw.randrange(len(self.pool.groups))
        self.seconds += cost(self.pool, 0 if number == 0 else at or 1, arms)
        if number == 0:
            return Found(self.readings.as_measured(at, arms))
        return Found(self.readings.together(at, arms, PART))


def cost(pool: Pool, number: int, arms: Sequence[int]) -> float:
    """Seconds of these arms in a group of the pool; those of group 0 without fresh starts, as if forked."""
    group, forked = pool.groups[number], pool.groups[min(1, len(pool.groups) - 1)]
    of = {one: group[one].seconds - (group[one].started - forked[one].started if number == 0 else 0.0) for one in arms}
    hub, *rest = arms
    parts = max(1, -(-len(rest) // (PART - 1)))
    return math.fsum(of[one] for one in rest) + parts * of[hub]


def session(pool: Pool, readings: Readings, seed: int) -> Session:
    """One race."""
    draw = random.Random(seed)
    measured, every = Replayed(pool, readings, draw), range(len(pool.names))
    outcome = race(pool.distances, measured)
    assert outcome.chosen is not None
    verdict, seconds = "default", measured.seconds
    if outcome.chosen != 0:
        drawn = [draw.randrange(len(pool.groups)) for _ in range(LOOKS_AGAIN[-1])]
        verdict, took = again(pool, outcome.chosen, drawn)
        seconds += took
    exhaustive = math.fsum(cost(pool, number % len(pool.groups), every) for number in range(MOST))
    loss = math.expm1(readings.levels[outcome.chosen] - min(readings.levels))
    return Session(outcome.chosen, loss, seconds / exhaustive, outcome.groups, outcome.proven, verdict)


def again(pool: Pool, winner: int, numbers: Iterable[int]) -> tuple[str, float]:
    """The verdict on a winner in these groups, and its seconds: all processes are as first ones, and a pair is lost."""
    groups: list[dict[int, float]] = []
    for number in numbers:
        if len(groups) in LOOKS_AGAIN and decisions.confirmed(groups, 1, 0) is not None:
            break
        group = pool.groups[number]
        groups.append({0: group[0].value, 1: group[winner].value})
    seconds = (len(groups) + 1) * (pool.groups[0][0].seconds + pool.groups[0][winner].seconds)
    at_a_look = len(groups) in LOOKS_AGAIN
    return (decisions.confirmed(groups, 1, 0) if at_a_look else None) or "undecided", seconds


def of_all(pool: Pool, readings: Readings, seed: int) -> float:
    """The loss of an exhaustive search: of the fastest by groups of all settings, drawn likewise and as measured."""
    draw = random.Random(seed)
    groups = [pool.groups[draw.randrange(len(pool.groups))] for _ in range(MOST)]
    chosen = min(range(len(pool.names)), key=lambda one: math.fsum(group[one].value for group in groups))
    return math.expm1(readings.levels[chosen] - min(readings.levels))


def write(folder: Path, out: Path, sessions: int) -> None:
    """Write the pool and the page."""
    kept = out / "pool.json"
    pool = pool_of(folder) if (folder / "race").exists() else msgspec.json.decode(kept.read_bytes(), type=Pool)
    out.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(msgspec.json.encode(pool) + b"\n")
    head = HEAD.format(
        settings=len(pool.names), machine=pool.machine, groups=len(pool.groups), sessions=sessions, most=MOST
    )
    readings = Readings(pool)
    found = [session(pool, readings, seed) for seed in range(sessions)]
    losses = [of_all(pool, readings, seed) for seed in range(sessions)]
    (out / "sessions.md").write_text(head + page(pool, found, losses), encoding="utf-8")
    print((out / "sessions.md").read_text(encoding="utf-8"))


def page(pool: Pool, found: Sequence[Session], of_exhaustive: Sequence[float]) -> str:
    """The figures, and the settings that were chosen."""
    within = sum(one.loss <= TOLERANCE for one in found)
    shares = sorted(one.share for one in found)
    others = range(1, len(pool.names))
    spread = statistics.median(statistics.stdev(group[one].value for group in pool.groups) for one in others)
    lines = [
        "| | |",
        "|---|---:|",
        f"| within {TOLERANCE:.0%} of the fastest | {within} of {len(found)} |",
        f"| the same of {MOST} groups of all settings | {sum(loss <= TOLERANCE for loss in of_exhaustive)} of "
        f"{len(of_exhaustive)} |",
        f"| largest loss | {max(one.loss for one in found):.2%} |",
        f"| share of the exhaustive time, median | {statistics.median(shares):.1%} |",
        f"| in at most a quarter of the exhaustive time | {sum(one <= 0.25 for one in shares)} of {len(found)} |",
        f"| share of the exhaustive time, most | {shares[-1]:.1%} |",
        f"| spread of a setting's ratio to the default, standard deviation over groups, median | {spread:.1%} |",
        f"| groups, median | {statistics.median(one.groups for one in found):g} |",
        f"| called proven | {sum(one.proven for one in found)} |",
        f"| of these not within {TOLERANCE:.0%} | {sum(one.proven and one.loss > TOLERANCE for one in found)} |",
        f"| faster than the default, measured again | {sum(one.verdict == 'faster' for one in found)} |",
        f"| undecided, measured again | {sum(one.verdict == 'undecided' for one in found)} |",
        "",
        "| Chosen | sessions | slower than the fastest |",
        "|---|---:|---:|",
    ]
    chosen = {one.chosen: one.loss for one in found}
    counts = [(sum(one.chosen == arm for one in found), arm) for arm in chosen]
    lines += [f"| {pool.names[arm]} | {n} | {chosen[arm]:.2%} |" for n, arm in sorted(counts, reverse=True)]
    return "\n".join(lines) + "\n"
