"""Children that work at the same time where nobody is timed: who is beside whom, and what becomes of a failure."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest
from scripted import SPEC, ScriptedChild

from dlbench.workers import beside
from dlbench.workers.beside import Work, results
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed


class Room:
    """Children that tell when they are there; `failing` has what a name fails with beside another, and alone."""

    def __init__(self, failing=None):
        self.events, self.alive, self.failing = [], [], failing or {}

    def work(self, name, **changes):
        return Work(msgspec.structs.replace(SPEC, **changes), partial(self.start, name), partial(self.begin, name))

    def start(self, name, place):
        self.alive.append(name)
        self.events.append(f"start {name} at {place}")
        child = ScriptedChild()
        child.close = partial(self.close, name)
        return child

    def close(self, name):
        self.alive.remove(name)

    def begin(self, name, child):
        beside_others = len(self.alive) > 1
        self.events.append(f"begin {name}")
        return partial(self.result, name, beside_others)

    def result(self, name, beside_others):
        error = self.failing.get(name, (None, None))[0 if beside_others else 1]
        if error is not None:
            raise error
        return f"{name} done"


@pytest.fixture(autouse=True)
def four_processors(monkeypatch):
    monkeypatch.setattr(beside.cpus, "count", lambda: 4)


def test_all_begin_before_the_first_is_waited_for_and_answers_keep_their_order():
    room = Room()
    assert results([room.work("a"), room.work("b")]) == ["a done", "b done"]
    assert room.events == ["start a at 0", "begin a", "start b at 1", "begin b"]
    assert room.alive == []


@pytest.mark.parametrize(
    ("changes", "starts"),
    [
        ({"threads": 1}, [0, 1, 2, 3, 0]),
        ({"threads": 2}, [0, 1, 0, 1, 0]),
        ({"threads": 3}, [0, 0, 0, 0, 0]),
        ({"device": "gpu"}, [0, 0, 0, 0, 0]),
    ],
)
def test_as_many_are_together_as_have_processors_and_a_shared_device_has_one(changes, starts):
    room = Room()
    results([room.work(name, **changes) for name in "abcde"])
    assert [int(event[-1]) for event in room.events if event.startswith("start")] == starts


def test_a_child_that_finds_no_memory_beside_others_tries_again_alone():
    lacked = ChildError("out-of-memory", "no memory left")
    room = Room({"b": (lacked, None), "c": (lacked, lacked)})
    assert results([room.work(name) for name in "abc"]) == ["a done", "b done", lacked]
    assert room.events[-4:] == ["start b at 0", "begin b", "start c at 0", "begin c"]


def test_a_failure_is_the_answer_of_its_own_child_and_an_interruption_ends_all():
    crashed = ChildError("crashed", "it fell")
    room = Room({"a": (crashed, crashed)})
    assert results([room.work("a"), room.work("b")]) == [crashed, "b done"]
    room = Room({"a": (None, KeyboardInterrupt())})
    with pytest.raises(KeyboardInterrupt):
        results([room.work("a"), room.work("b")])
    assert room.alive == []
