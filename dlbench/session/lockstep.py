"""Turns: the arms of one comparison are alive together and are measured sample by sample in a balanced order.

On a shared machine speed changes within seconds, for whoever is running. Programs measured one after the other differ
by that; programs that take turns of one sample each meet the same machine, and their ratio holds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class TakesTurns(Protocol):
    """Interface of an arm to its group; `step_seconds` are a step's in the fastest of its warm-up samples."""

    steps: int

    @property
    def computation(self) -> Hashable:
        """Computation of the arm; equal for arms that are the same program twice."""
        ...

    @property
    def step_seconds(self) -> float:
        """Seconds of a step in the fastest warm-up sample."""
        ...

    @property
    def alive(self) -> bool:
        """True if it can still be measured."""
        ...

    @property
    def turns(self) -> int:
        """Number of turns that it is due."""
        ...

    def begin(self) -> None:
        """Begin to build, beside the others, if nothing is read from how long that takes."""
        ...

    def build(self) -> None:
        """Build the model and take its first step."""
        ...

    def settle(self, *, in_turns: bool = False) -> None:
        """Warm up until steady, and find the size of the samples to take: alone, or in turns with others."""
        ...

    def warm_again(self) -> None:
        """Take one more warm-up sample."""
        ...

    def turn(self, round_number: int, turn: int) -> None:
        """Take a turn; turns of one round are paired."""
        ...

    def latencies(self) -> None:
        """Time single steps."""
        ...

    def wait_until_idle(self) -> None:
        """Return when it uses no CPU."""
        ...

    def close(self) -> None:
        """Ask for the final figures."""
        ...


SECOND_LOOKS = 10
"""Further warm-up samples at most for arms that look different.

Of two equal arms one looks 2x slower only if a neighbour slows all of its samples and spares one of the other's; ten
samples in turn leave that a chance of one in a thousand if half of the samples are slowed.
"""

Announce = Callable[[str, int], None]
"""Receiver of the group's stage (`building`, `warming up`, `measuring`, `closing`) and which arm or round."""


def measure_group(arms: Sequence[TakesTurns], seed: int, announce: Announce) -> None:
    """Build, settle, take turns, and close all arms; an arm that fails drops out and the others go on."""
    for arm in arms:
        arm.begin()
    for number, arm in enumerate(arms):
        announce("building", number)
        arm.build()
        arm.wait_until_idle()
    in_turns = sum(arm.alive for arm in arms) > 1
    for number, arm in enumerate(arms):
        announce("warming up", number)
        arm.settle(in_turns=in_turns)
        arm.wait_until_idle()
    share_steps(arms)
    _take_turns(arms, seed, announce)
    for number, arm in enumerate(arms):
        announce("closing", number)
        arm.latencies()
        arm.wait_until_idle()
    for arm in arms:
        arm.close()


def turn_orders(arms: int, seed: int) -> Iterator[list[int]]:
    """Endless rounds: a random order of the arms, then the same reversed, so that a drift meets all alike.

    Two arms give ABBA or BAAB, chosen afresh for each pair of rounds. The order depends on the seed alone.
    """
    generator = random.Random(seed)  # noqa: S311 (an order of turns needs no secrecy)
    while True:
        order = generator.sample(range(arms), arms)
        yield order
        yield order[::-1]


def starting_order(arms: Sequence[T], group: int) -> list[T]:
    """The arms as this group starts them: every other group in reverse, every two groups one place further on.

    The effect of a place on a process, such as memory that is not fragmented yet, is the same for all arms in twice as
    many groups as there are arms; merely reversed, the middle one of three would never be first. Two arms give AB, BA,
    BA, AB.
    """
    first = group // 2 % len(arms)
    turned = [*arms[first:], *arms[:first]]
    return turned if group % 2 == 0 else turned[::-1]


def share_steps(arms: Sequence[TakesTurns]) -> None:
    """Give arms of similar speed the same number of steps a sample.

    Sample sizes found separately differ a little, and a difference in size is a difference in the share of the barrier:
    it read as 1.2 % between equal programs. Arms that differ by 2x or more keep their own sizes, or the slow one would
    take for ever; arms of one computation never do. A neighbour may disturb one warm-up and not the next, and then arms
    of equal speed look 3x apart: arms that look different take further warm-up samples in turn, and the fastest sample
    of each decides.
    """
    for _ in range(SECOND_LOOKS):
        if len(_by_speed(arms)) < 2:
            break
        for arm in (arm for arm in arms if arm.alive):
            arm.warm_again()
            arm.wait_until_idle()
    for alike in _by_speed(arms):
        largest = max(arm.steps for arm in alike)
        for arm in alike:
            arm.steps = largest


def _by_speed(arms: Sequence[TakesTurns]) -> list[list[TakesTurns]]:
    """The living arms, fastest computation first, in lists of those less than 2x as slow as the first of the list."""
    alike: dict[Hashable, list[TakesTurns]] = {}
    for arm in (arm for arm in arms if arm.alive):
        alike.setdefault(arm.computation, []).append(arm)
    found: list[list[TakesTurns]] = []
    fastest = 0.0
    for same in sorted(alike.values(), key=_fastest):
        seconds = _fastest(same)
        if found and (seconds == fastest or seconds < 2 * fastest):
            found[-1] += same
        else:
            found.append(same)
            fastest = seconds
    return found


def _fastest(arms: Sequence[TakesTurns]) -> float:
    return min(arm.step_seconds for arm in arms)


def _take_turns(arms: Sequence[TakesTurns], seed: int, announce: Announce) -> None:
    turn = 0
    rounds = max((arm.turns for arm in arms if arm.alive), default=0)
    for round_number, order in zip(range(rounds), turn_orders(len(arms), seed), strict=False):
        announce("measuring", round_number)
        for arm in (arms[place] for place in order):
            if arm.alive and round_number < arm.turns:
                arm.turn(round_number, turn)
                arm.wait_until_idle()
                turn += 1
