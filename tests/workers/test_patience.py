"""A time-out counts time in which dlbench ran, and looks for the answer before it gives up."""

import os

import pytest

from dlbench.workers.patience import SLICE, Patience

pytestmark = pytest.mark.untimed


class Waits:
    """A clock, and waits that take as long as they are told; the answer comes in the `answers`-th wait."""

    def __init__(self, *took, answers=None):
        self.now, self.took, self.answers, self.asked = 0.0, list(took), answers, []

    def clock(self):
        return self.now

    def ready(self, descriptors, seconds):
        self.asked.append(seconds)
        self.now += self.took.pop(0) if self.took else seconds
        return descriptors if len(self.asked) == self.answers else []

    def patience(self, seconds):
        return Patience(seconds, self.clock, self.ready)


def test_time_is_up_after_its_seconds():
    waits = Waits()
    assert waits.patience(3.5).wait(7) == []
    assert waits.now == 3.5


def test_a_stop_counts_as_one_wait_at_most():
    waits = Waits(1000.0)
    patience = waits.patience(3.5)
    assert patience.wait(7) == []
    assert waits.now == 1000.0 + 3.5 - SLICE


def test_an_answer_that_came_during_a_stop_is_taken():
    waits = Waits(1000.0, answers=1)
    assert waits.patience(SLICE).wait(7) == [7]


def test_several_waits_share_the_time():
    waits = Waits(0.25, 0.25, answers=1)
    patience = waits.patience(1.0)
    assert patience.wait(7) == [7]
    assert patience.left == 0.75
    assert patience.wait(7) == []
    assert waits.now == 1.0


@pytest.mark.parametrize("end", ["written", "closed"])
def test_a_pipe_is_ready_when_there_is_something_or_nothing_can_come(end):
    source, sink = os.pipe()
    assert Patience(0.01).wait(source) == []
    if end == "written":
        os.write(sink, b"x")
    else:
        os.close(sink)
    assert Patience(60.0).wait(source) == [source]
