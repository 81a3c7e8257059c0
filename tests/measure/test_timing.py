"""Timing with a clock of our own: the timed calls, their order, and the end of warm-up."""

import gc
import itertools

import pytest

from dlbench.measure.timing import Clock, Sampler, Timing
from dlbench.measure.warm_up import WINDOW, SettleRule, is_steady, settle
from dlbench.system.waiting import Waits

pytestmark = pytest.mark.untimed

RULE = SettleRule(
    sample_seconds=0.02, turn_seconds=0.005, steps=5, seconds=1.0, tolerance=0.02, cap_seconds=60.0, cap_samples=500
)


class World:
    """Steps that take a stated time by a clock that only they move, and a diary of events."""

    def __init__(self, step_seconds=0.001):
        self.now, self.diary, self.step_seconds = 0.0, [], step_seconds

    def wall(self):
        self.diary.append("clock")
        return self.now

    def step(self):
        self.diary.append("step" if not gc.isenabled() else "step with gc")
        self.now += self.step_seconds
        return "result"

    def barrier(self, result):
        self.diary.append(f"barrier {result}")
        self.now += 0.5

    def ready(self, steps):
        self.diary.append(f"ready {steps}")
        self.now += 100

    def sampler(self):
        return Sampler(self.step, self.barrier, self.ready, Clock(self.wall, lambda: 0.0))


def test_the_barrier_is_inside_the_clock_and_staging_outside():
    world = World()
    timing = world.sampler().take(3)
    assert world.diary == ["ready 3", "clock", "step", "step", "step", "barrier result", "clock"]
    assert timing.seconds == pytest.approx(3 * 0.001 + 0.5)


def test_waits_for_a_core_are_read_next_to_the_clock_and_only_when_asked_for():
    world = World()

    def waits():
        world.diary.append("waits from here")
        return lambda seconds, cpu: world.diary.append("waits to here") or Waits(seconds / 2, cpu)

    sampler = Sampler(world.step, world.barrier, world.ready, Clock(world.wall, lambda: 0.0, waits=waits))
    assert sampler.take(1).waited_seconds is None
    assert not any("waits" in event for event in world.diary)
    world.diary.clear()
    found = sampler.take(1, waits=True)
    assert (found.waited_seconds, found.unsure_seconds) == (found.seconds / 2, found.cpu_seconds)
    inside = ["clock", "step", "barrier result", "clock"]
    assert world.diary == ["ready 1", "waits from here", *inside, "waits to here"]


def test_a_sample_of_calls_of_several_steps_holds_as_many_whole_calls_as_its_steps_need():
    world = World()
    sampler = Sampler(world.step, world.barrier, world.ready, Clock(world.wall, lambda: 0.0), steps_per_call=4)
    assert sampler.take(9).steps == 12
    assert world.diary == ["ready 3", "clock", "step", "step", "step", "barrier result", "clock"]


def test_warm_up_counts_in_whole_calls():
    def take(steps):
        return Timing(-(-steps // 4) * 4, -(-steps // 4) * 0.006, 0.0)

    settled = settle(take, RULE)
    assert (settled.steps, settled.settled) == (16, True)
    assert {timing.steps for timing in settled.timings} == {4, 16}


def test_the_garbage_collector_is_on_again_even_when_a_step_raises():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Sampler(broken, lambda _: None).take(1)
    assert gc.isenabled()


def test_overhead_is_what_the_clock_costs():
    ticks = itertools.count()
    sampler = Sampler(lambda: None, lambda _: None, clock=Clock(lambda: float(next(ticks)), lambda: 0.0))
    assert sampler.overhead() == 1.0


def scripted(seconds_of_step):
    """A `take` whose n-th step lasts `seconds_of_step(n)`."""
    done = itertools.count()
    return lambda steps: Timing(steps, sum(seconds_of_step(next(done)) for _ in range(steps)), 0.0)


def test_the_sample_is_the_smallest_that_is_long_enough():
    settled = settle(scripted(lambda _: 0.0015), RULE)
    assert settled.settled
    assert settled.steps == 14  # 13 steps last 19.5 ms, 14 last 21 ms


@pytest.mark.parametrize(("step", "of_turn"), [(0.0015, 4), (0.006, 1), (0.3, 1)])
def test_a_turn_is_the_smallest_that_is_long_enough_for_one(step, of_turn):
    settled = settle(scripted(lambda _: step), RULE)
    assert settled.turn_steps == of_turn


def test_a_turn_is_no_larger_than_a_sample_even_where_none_was_taken():
    longer = settle(scripted(lambda _: 0.0015), RULE._replace(turn_seconds=1.0))
    none = settle(scripted(lambda _: 0.0015), RULE._replace(cap_samples=0))
    assert (longer.turn_steps, longer.steps) == (14, 14)
    assert (none.turn_steps, none.steps) == (1, 1)


def test_a_slow_step_is_a_sample_of_its_own():
    settled = settle(scripted(lambda _: 0.3), RULE)
    assert (settled.steps, settled.settled) == (1, True)
    assert len(settled.timings) == 2 * WINDOW


def test_it_settles_only_when_the_slow_beginning_is_over():
    slow_until = 700
    settled = settle(scripted(lambda step: 0.01 - 0.009 * min(step, slow_until) / slow_until), RULE)
    assert settled.settled
    assert sum(timing.steps for timing in settled.timings) > slow_until


def test_at_least_a_second_and_five_steps():
    settled = settle(scripted(lambda _: 0.001), RULE)
    assert sum(timing.seconds for timing in settled.timings) >= 1.0
    settled = settle(scripted(lambda _: 0.9), RULE._replace(steps=30))
    assert sum(timing.steps for timing in settled.timings) >= 30


@pytest.mark.parametrize(("rule", "most"), [(RULE._replace(cap_samples=40), 40), (RULE._replace(cap_seconds=2.0), 100)])
def test_what_never_settles_ends_at_a_cap_and_says_so(rule, most):
    growing = itertools.count(1)
    settled = settle(lambda steps: Timing(steps, 0.02 * 1.05 ** next(growing), 0.0), rule)
    assert not settled.settled
    assert len(settled.timings) <= most


def test_windows_must_agree():
    flat = [1.0] * WINDOW
    assert not is_steady(flat, 0.02)
    assert is_steady([*flat, *flat], 0.02)
    assert is_steady([*flat, *(x * 1.019 for x in flat)], 0.02)
    assert not is_steady([*flat, *(x * 1.021 for x in flat)], 0.02)
    assert not is_steady([*flat, *(x * 0.97 for x in flat)], 0.02)
    assert is_steady([9.0, *flat, *flat], 0.02)
