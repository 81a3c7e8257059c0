"""Races replayed from a pool: each session takes the groups in an order of its own."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from dlbench.api.tune.rounds import PART
from dlbench.stats.interim import INTERIM_GROUPS
from dlbench.stats.tuning import decisions
from dlbench.stats.tuning.decisions import MOST, TOLERANCE
from dlbench.stats.tuning.race import Found, race
from studies.tune.collect import Pool, pool_of

HEAD = """# Races replayed from a measured pool

`python -m studies.tune collect FOLDER`, then `python -m studies.tune replay FOLDER reports/tune`: {settings} settings
of one model ({machine}), {groups} groups of all of them, measured in the parts and with the isolation of the product.
Each of {sessions} sessions takes these groups in an order of its own; its first group costs what first processes do. A
setting's true speed is its mean over all groups: the truth is from the pool that the races draw from. A winner is
compared with the default in groups that its race did not use; its verdict is undecided if these are too few. Exhaustive
is {most} groups of every setting. The time of a session includes the winner beside the default in fresh processes.

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
    """A measure that takes groups of the pool in an order, and counts seconds."""

    pool: Pool
    order: Sequence[int]
    seconds: float = 0.0

    def __call__(self, number: int, arms: Sequence[int]) -> Found:
        """The group, its cost counted: the first arm is in each part."""
        self.seconds += cost(self.pool, self.order, number, arms)
        group = self.pool.groups[self.order[number % len(self.order)]]
        return Found({one: group[one].value for one in arms})


def cost(pool: Pool, order: Sequence[int], number: int, arms: Sequence[int]) -> float:
    """Seconds of these arms in a group; the first group is of first processes, as group 0 of the pool."""
    group = pool.groups[0 if number == 0 else order[number % len(order)] or 1]
    hub, *rest = arms
    parts = max(1, -(-len(rest) // (PART - 1)))
    return math.fsum(group[one].seconds for one in rest) + parts * group[hub].seconds


def session(pool: Pool, seed: int) -> Session:
    """One race."""
    order = random.Random(seed).sample(range(len(pool.groups)), len(pool.groups))
    measured, every = Replayed(pool, order), range(len(pool.names))
    outcome = race(pool.distances, measured)
    assert outcome.chosen is not None
    verdict, seconds = "default", measured.seconds
    if outcome.chosen != 0:
        verdict, took = again(pool, outcome.chosen, order[outcome.groups :])
        seconds += took
    means = [statistics.fmean(group[one].value for group in pool.groups) for one in every]
    exhaustive = math.fsum(cost(pool, order, number, every) for number in range(MOST))
    loss = math.expm1(means[outcome.chosen] - min(means))
    return Session(outcome.chosen, loss, seconds / exhaustive, outcome.groups, outcome.proven, verdict)


def again(pool: Pool, winner: int, unused: Sequence[int]) -> tuple[str, float]:
    """The verdict on a winner in groups that its race did not use, and its seconds: all processes are as first ones."""
    groups: list[dict[int, float]] = []
    for number in unused[: INTERIM_GROUPS[-1]]:
        if len(groups) in INTERIM_GROUPS and decisions.confirmed(groups, 1, 0) is not None:
            break
        group = pool.groups[number]
        groups.append({0: group[0].value, 1: group[winner].value})
    seconds = len(groups) * (pool.groups[0][0].seconds + pool.groups[0][winner].seconds)
    at_a_look = len(groups) in INTERIM_GROUPS
    return (decisions.confirmed(groups, 1, 0) if at_a_look else None) or "undecided", seconds


def write(folder: Path, out: Path, sessions: int) -> None:
    """Write the pool and the page."""
    kept = out / "pool.json"
    pool = pool_of(folder) if (folder / "race").exists() else msgspec.json.decode(kept.read_bytes(), type=Pool)
    out.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(msgspec.json.encode(pool) + b"\n")
    head = HEAD.format(
        settings=len(pool.names), machine=pool.machine, groups=len(pool.groups), sessions=sessions, most=MOST
    )
    found = [session(pool, seed) for seed in range(sessions)]
    (out / "sessions.md").write_text(head + page(pool, found), encoding="utf-8")
    print((out / "sessions.md").read_text(encoding="utf-8"))


def page(pool: Pool, found: Sequence[Session]) -> str:
    """The figures, and the settings that were chosen."""
    within = sum(one.loss <= TOLERANCE for one in found)
    shares = sorted(one.share for one in found)
    others = range(1, len(pool.names))
    spread = statistics.median(statistics.stdev(group[one].value for group in pool.groups) for one in others)
    lines = [
        "| | |",
        "|---|---:|",
        f"| within {TOLERANCE:.0%} of the fastest | {within} of {len(found)} |",
        f"| largest loss | {max(one.loss for one in found):.2%} |",
        f"| share of the exhaustive time, median | {statistics.median(shares):.1%} |",
        f"| share of the exhaustive time, most | {shares[-1]:.1%} |",
        f"| spread of a setting's ratio to the default, standard deviation over groups, median | {spread:.1%} |",
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
