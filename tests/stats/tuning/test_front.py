"""The front of a race: arms of the groups before the first look, one of which any other arm meets there."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from dlbench.stats.tuning.decisions import AT_A_LOOK, FRONT, LOOKS, Contrasts
from dlbench.stats.tuning.race import Exhausted, Found, Left, race

pytestmark = pytest.mark.untimed

ARMS = 48


def drawn(number: int, arms: Sequence[int], seed: int) -> Found:
    """Equal arms whose processes spread by 5 %."""
    draw = random.Random(f"{seed} {number}")
    return Found({one: draw.gauss(0, 0.05) for one in arms})


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_chosen_once_before_the_first_look(seed: int) -> None:
    """So an arm outside it meets one of FRONT leaders, and no reading that decides has chosen these."""
    groups: list[set[int]] = []

    def measure(number: int, arms: Sequence[int]) -> Found:
        if number == LOOKS[0]:
            raise Exhausted("enough is seen")
        groups.append(set(arms))
        return drawn(number, arms, seed)

    race([0] * ARMS, measure)
    assert [len(group) for group in groups] == [ARMS, FRONT, FRONT]
    assert groups[1] == groups[2]


def test_an_arm_of_one_reading_has_its_part_over_all_arms_of_the_front() -> None:
    assert Contrasts(ARMS).share_of_one == AT_A_LOOK / FRONT


def test_arms_of_the_front_that_fail_leave_it_and_an_empty_one_is_chosen_again() -> None:
    for failing in (1, FRONT):
        groups: list[list[int]] = []

        def measure(
            number: int, arms: Sequence[int], groups: list[list[int]] = groups, failing: int = failing
        ) -> Found:
            groups.append(list(arms))
            left = {one: Left("failed", "") for one in arms[:failing]} if number == 1 else {}
            found = drawn(number, arms, 1).values
            return Found({one: value for one, value in found.items() if one not in left}, left)

        race([0] * ARMS, measure)
        stayed = set(groups[1][failing:])
        assert set(groups[2]) == stayed if stayed else len(groups[2]) == FRONT
        assert not set(groups[2]) & set(groups[1][:failing])
