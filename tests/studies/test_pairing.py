"""The turns and ratios of the studies of cost, with loops that only note when they ran."""

from __future__ import annotations

import pytest
from scipy import stats

from studies import pairing
from studies.pairing import Loop, Ratio, loop_over, steps_for, take_turns

pytestmark = pytest.mark.untimed


def test_rounds_are_abba_and_each_sample_has_an_untimed_step_before_it() -> None:
    ran: list[tuple[str, int]] = []

    def loop(name: str, seconds: float) -> Loop:
        return lambda steps: ran.append((name, steps)) or seconds * steps

    found = take_turns([loop("a", 1.0), loop("b", 2.0)], steps=5, rounds=2)
    assert [name for name, steps in ran if steps == 5] == ["b", "a", "a", "b"]
    assert [steps for _, steps in ran] == [1, 5] * 4
    assert found == [[5.0, 10.0], [5.0, 10.0]]


def test_the_interval_holds_the_median_and_most_of_the_rounds() -> None:
    ratio = Ratio.of([*range(1, 21)])
    assert ratio.middle == 10.5
    assert (ratio.low, ratio.high) == (6, 15)


@pytest.mark.parametrize("rounds", [6, 7, 10, 20, 33])
def test_the_interval_misses_the_median_in_at_most_one_of_forty_on_either_side(rounds: int) -> None:
    ratio = Ratio.of([*range(rounds)])
    for below in (ratio.low, rounds - 1 - ratio.high):
        assert stats.binom.cdf(below, rounds, 0.5) <= 0.025 < stats.binom.cdf(below + 1, rounds, 0.5)
    assert pairing.FEWEST == 6


def test_one_round_has_no_spread() -> None:
    assert Ratio.of([2.0]) == (2.0, 2.0, 2.0)


def test_a_sample_lasts_as_long_as_asked() -> None:
    assert steps_for(lambda steps: 0.01 * steps, 0.1) == 10
    assert steps_for(lambda steps: 3.0 * steps, 0.1) == 1


def test_a_loop_reads_the_last_loss_within_its_clock() -> None:
    class Loss:
        read = False

        def __array__(self, *_: object, **__: object) -> object:
            Loss.read = True
            raise ValueError("read")

    with pytest.raises(ValueError, match="read"):
        loop_over(Loss)(1)
    assert Loss.read
