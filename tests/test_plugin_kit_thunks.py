"""Work of a thunk on a thread that only records its end."""

import random

import pytest
from profiled import event

from dlbench.plugin_kit import Recorded, with_tails

pytestmark = pytest.mark.untimed


def thunk(name, start, end, thread):
    return Recorded(event(name, "data movement", start, end, thread, flops=7.0), f"{name}.1")


def ending(name, start, thread):
    return Recorded(event(f"end: {name}.1", "dispatch", start, start + 0.01, thread), f"end: {name}.1")


def tails(*found):
    """Added events: name, thread, and milliseconds of start and end."""
    given = [one.event for one in found]
    added = [one for one in with_tails(found) if one not in given]
    assert all(one.count == 0 and one.flops is None for one in added)
    return [
        (one.name, one.thread, round(one.start * 1e3, 6), round((one.start + one.seconds) * 1e3, 6)) for one in added
    ]


def test_a_thread_that_ends_a_thunk_has_worked_on_it_where_no_other_thread_had_one():
    copy, dot = thunk("copy", 0, 1, 1), thunk("dot", 3, 5, 1)
    assert tails(copy, dot, ending("copy", 7, 2)) == [("copy", 2, 1, 3), ("copy", 2, 5, 7)]


def test_a_thread_that_ends_what_it_began_has_its_span():
    assert tails(thunk("copy", 0, 1, 1), ending("copy", 4, 1)) == []


def test_two_ends_of_a_thread_share_its_time_between_them():
    begun = [thunk("copy", 0, 1, 1), thunk("add", 1, 2, 1)]
    assert tails(*begun, ending("copy", 5, 2), ending("add", 9, 2)) == [("copy", 2, 2, 5), ("add", 2, 5.01, 9)]


def test_a_span_about_the_end_has_the_time_before_it():
    around = Recorded(event("region", "dispatch", 2, 9, 2), "")
    assert tails(thunk("copy", 0, 1, 1), around, ending("copy", 7, 2)) == []


def test_an_end_of_an_unknown_thunk_is_kept_as_it_is():
    assert tails(ending("copy", 4, 1)) == []


def test_many_thunks_leave_the_same_gaps_as_a_search_through_all_of_them():
    draw = random.Random(3)
    for _ in range(50):
        others = [thunk(f"t{n}", start := draw.uniform(0, 90), start + draw.uniform(0, 9), 3) for n in range(20)]
        found = tails(thunk("copy", 0, 1, 1), *others, ending("copy", 100, 2))
        for at in (draw.uniform(0, 100) for _ in range(50)):
            busy = at < 1 or any(one.event.start <= at * 1e-3 < one.event.start + one.event.seconds for one in others)
            assert busy != any(start <= at < end for _, _, start, end in found)
