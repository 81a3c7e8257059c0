"""Turns in lockstep: order, balance, and an arm that drops out. No process, no clock."""

import math
from collections import Counter
from itertools import islice, pairwise

import pytest

from dlbench.session.lockstep import SECOND_LOOKS, measure_group, share_steps, starting_order, turn_orders

pytestmark = pytest.mark.untimed


class Recorder:
    """An arm that writes down its requests."""

    def __init__(self, name, diary, steps=1, turns=4, *, dies_in=None, warm_ups=(1.0,), computation=""):
        self.name, self.diary, self.steps, self.turns, self.dies_in = name, diary, steps, turns, dies_in
        self.alive, self.computation = True, computation or name
        self.warm_ups = iter(warm_ups)
        self.step_seconds = next(self.warm_ups)

    def _note(self, what):
        if self.alive:
            self.diary.append(f"{self.name} {what}")
        self.alive = self.alive and what != self.dies_in

    def begin(self):
        self.diary.append(f"{self.name} begin")

    def build(self):
        self._note("build")

    def settle(self, *, in_turns):
        self.in_turns = in_turns
        self._note("settle")

    def warm_again(self):
        self._note("warm again")
        self.step_seconds = min(self.step_seconds, next(self.warm_ups, self.step_seconds))

    def turn(self, round_number, turn):
        self._note(f"turn {round_number}.{turn}")

    def latencies(self):
        self._note("latencies")

    def wait_until_idle(self):
        self._note("rest")

    def close(self):
        self._note("close")


def measure(*arms, seed=0):
    measure_group(arms, seed, lambda stage, number: None)


def test_all_are_built_and_settled_before_anyone_is_measured_and_all_end_after():
    diary = []
    measure(Recorder("A", diary), Recorder("B", diary))
    kinds = [entry.split()[1] for entry in diary if not entry.endswith("rest")]
    assert kinds == ["begin"] * 2 + ["build"] * 2 + ["settle"] * 2 + ["turn"] * 8 + ["latencies"] * 2 + ["close"] * 2


def test_samples_are_of_turns_only_where_there_is_somebody_to_take_turns_with():
    alone, pair = Recorder("A", []), [Recorder(name, []) for name in "AB"]
    measure(alone)
    measure(*pair)
    survivor = Recorder("C", [])
    measure(survivor, Recorder("D", [], dies_in="build"))
    assert [arm.in_turns for arm in (alone, *pair, survivor)] == [False, True, True, False]


def test_every_hand_over_waits_for_the_last_one_to_rest():
    diary = []
    measure(Recorder("A", diary), Recorder("B", diary))
    for before, after in pairwise(diary):
        if before.split()[1] in ("build", "settle", "turn", "latencies"):
            assert after == f"{before.split()[0]} rest"


def test_turns_are_numbered_as_they_were_taken_and_rounds_hold_every_arm_once():
    diary = []
    measure(Recorder("A", diary), Recorder("B", diary), Recorder("C", diary))
    turns = [entry for entry in diary if " turn " in entry]
    assert [int(entry.rpartition(".")[2]) for entry in turns] == list(range(12))
    rounds = [tuple(sorted(entry[0] for entry in turns[at : at + 3])) for at in range(0, 12, 3)]
    assert rounds == [("A", "B", "C")] * 4


def test_two_arms_go_abba_or_baab_and_both_occur():
    rounds = list(islice(turn_orders(2, seed=1), 40))
    pairs = {tuple(rounds[at] + rounds[at + 1]) for at in range(0, 40, 2)}
    assert pairs == {(0, 1, 1, 0), (1, 0, 0, 1)}


@pytest.mark.parametrize("arms", [2, 3, 5])
def test_a_linear_drift_meets_all_arms_alike(arms):
    moments = Counter()
    for number, order in enumerate(islice(turn_orders(arms, seed=7), 20)):
        for place, arm in enumerate(order):
            moments[arm] += number * arms + place
    assert len(set(moments.values())) == 1


def test_the_order_follows_the_seed():
    def first(seed):
        return list(islice(turn_orders(5, seed), 6))

    assert first(3) == first(3)
    assert first(3) != first(4)


@pytest.mark.parametrize("dies_in", ["build", "settle", "turn 1.2", "turn 1.3", "latencies"])
def test_an_arm_that_dies_leaves_the_others_whole(dies_in):
    diary = []
    arms = Recorder("A", diary), Recorder("B", diary, dies_in=dies_in)
    measure(*arms)
    assert len([entry for entry in diary if entry.startswith("A turn")]) == 4
    assert "A close" in diary
    if not arms[1].alive:
        assert "B close" not in diary


def test_arms_with_fewer_turns_stop_earlier():
    diary = []
    measure(Recorder("A", diary, turns=2), Recorder("B", diary, turns=5))
    assert Counter(entry[0] for entry in diary if " turn " in entry) == {"A": 2, "B": 5}


@pytest.mark.parametrize(
    ("found", "given"),
    [([10, 11], [11, 11]), ([10, 19], [19, 19]), ([10, 20], [10, 20]), ([1, 100, 60, 50], [1, 100, 100, 50]), ([], [])],
)
def test_similar_arms_share_the_larger_sample_size(found, given):
    arms = [Recorder(str(number), [], steps, warm_ups=(1 / steps,)) for number, steps in enumerate(found)]
    share_steps(arms)
    assert [arm.steps for arm in arms] == given


def test_equal_arms_take_equal_steps_though_one_warmed_up_beside_a_neighbour():
    diary = []
    slowed = Recorder("slowed", diary, steps=100, warm_ups=(3.0, 3.1, 2.9, 1.05))
    spared = Recorder("spared", diary, steps=300, warm_ups=(1.0, 3.0, 3.2, 2.8))
    share_steps([slowed, spared])
    assert [slowed.steps, spared.steps] == [300, 300]
    assert diary[:4] == ["slowed warm again", "slowed rest", "spared warm again", "spared rest"], "in turn"
    assert diary.count("slowed warm again") == 3, "only until they look alike"


def test_one_program_twice_takes_equal_steps_whatever_its_warm_ups_met():
    diary = []
    arms = [
        Recorder(name, diary, steps, warm_ups=(6 / steps,), computation="x") for name, steps in (("A", 1), ("B", 6))
    ]
    share_steps(arms)
    assert [arm.steps for arm in arms] == [6, 6]
    assert diary == [], "nothing is to be found out by further warm-ups"


def test_arms_of_different_speed_keep_their_own_steps():
    diary = []
    slow = Recorder("slow", diary, steps=100, warm_ups=(3.0,))
    fast = Recorder("fast", diary, steps=300, warm_ups=(1.0,))
    share_steps([slow, fast])
    assert [slow.steps, fast.steps] == [100, 300]
    assert diary.count("slow warm again") == SECOND_LOOKS


def test_arms_without_a_warm_up_take_none():
    diary = []
    share_steps([Recorder(name, diary, warm_ups=(math.inf,)) for name in "AB"])
    assert diary == [], "training to a target counts from its first step"


def test_an_arm_that_dies_in_a_further_warm_up_does_not_count():
    arms = [Recorder("A", [], steps=100, warm_ups=(3.0,), dies_in="warm again"), Recorder("B", [], steps=300)]
    share_steps(arms)
    assert arms[1].steps == 300


@pytest.mark.parametrize("arms", [1, 2, 3, 7])
def test_every_arm_is_started_at_every_place_equally_often(arms):
    started = [starting_order(range(arms), group) for group in range(2 * arms)]
    for place in range(arms):
        assert Counter(order[place] for order in started) == dict.fromkeys(range(arms), 2)
    assert started[0] == list(range(arms))
    assert all(one == other[::-1] for one, other in zip(started[::2], started[1::2], strict=True))
