"""Races replayed from a pool: a winner is confirmed in groups that its race did not use."""

import pytest

from studies.tune.collect import Cell, Pool
from studies.tune.replay import again, session

pytestmark = pytest.mark.untimed


def pool(fast: int, slow: int) -> Pool:
    """The second setting is faster by a fifth in the first groups, and slower in all others."""
    values = [-0.2 - 0.001 * (number % 3) for number in range(fast)] + [0.2 + 0.001 * (n % 3) for n in range(slow)]
    return Pool(["default", "other"], [0, 1], [[Cell(0.0, 1.0), Cell(value, 1.0)] for value in values])


def test_a_winner_is_confirmed_in_the_groups_that_are_left():
    assert again(pool(10, 10), 1, range(10)) == ("faster", 12.0)
    assert again(pool(10, 10), 1, range(10, 20)) == ("not faster", 12.0)


def test_too_few_groups_that_are_left_are_undecided_and_none_is_used_twice():
    assert again(pool(10, 0), 1, range(5)) == ("undecided", 10.0)
    assert again(pool(10, 0), 1, ()) == ("undecided", 0.0)


def test_a_session_gives_the_groups_of_its_race_to_no_confirmation():
    """Of seven groups a race takes two at least: the five that are left are too few for a verdict."""
    found = session(pool(7, 0), 0)
    assert (found.chosen, found.verdict) == (1, "undecided")
