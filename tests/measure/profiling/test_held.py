"""Stretches in which another program held the core are no event's."""

from __future__ import annotations

import struct
import time

import pytest
from profiled import event, step

from dlbench.measure.profiling import rounds
from dlbench.measure.profiling.held import without
from dlbench.measure.profiling.rounds import Taken
from dlbench.plugin import STEP, ProfileEvent
from dlbench.system import switches
from dlbench.system.switches import Stretch

pytestmark = pytest.mark.untimed
HELD = [Stretch(1002e-3, 1005e-3), Stretch(1007e-3, 1008e-3)]
"""By a clock at which the step of these events begins at 1 s."""


def spans(events):
    return {one.name: (round(one.start * 1e3, 6), round((one.start + one.seconds) * 1e3, 6)) for one in events}


def test_events_lose_what_was_held_of_them_and_later_ones_begin_earlier():
    events = [step(20), event("outer", "dispatch", 1, 9), event("mm", "loss", 3, 7.5), event("late", "loss", 10, 12)]
    found = spans(without(events, HELD, 1.0, 20e-3))
    assert found == {STEP: (0, 16), "outer": (1, 5), "mm": (2, 4), "late": (6, 8)}


def test_a_profile_whose_step_does_not_fit_the_clock_is_as_it_was():
    events = [step(20), event("mm", "loss", 3, 7)]
    assert without(events, HELD, 1.0, 18e-3) == events
    assert without([], HELD, 1.0, 20e-3) == []


def test_the_step_is_shorter_by_what_was_held_within_it_alone():
    start = time.perf_counter()
    events = [ProfileEvent(name=STEP, category="Python", start=5.0, seconds=20e-3)]
    held = [Stretch(start + at, start + at + 2e-3) for at in (-5e-3, 4e-3, 19e-3)]
    found = rounds._without(Taken(events, 20e-3, 18e-3, 2e-3), start, held)
    assert found.held_seconds == pytest.approx(2e-3)
    assert found.events[0].seconds == pytest.approx(18e-3)
    several = Taken(events, 20e-3, 30e-3, None)
    assert rounds._without(several, start, held) is several


def test_the_barrier_is_shorter_by_what_was_held_within_it_alone():
    events = [ProfileEvent(name=STEP, category="Python", start=5.0, seconds=20e-3)]
    held = [Stretch(1.0 + at, 1.0 + at + 2e-3) for at in (4e-3, 9e-3, 15e-3)]
    found = rounds._without(Taken(events, 20e-3, 14e-3, 6e-3, barrier_seconds=10e-3), 1.0, held)
    assert found.barrier_seconds == pytest.approx(10e-3 - 1e-3 - 2e-3)


def record(kind, said, seconds):
    return struct.pack("IHHQ", kind, said, 16, round(seconds * 1e9))


def test_a_thread_that_sleeps_is_not_held_and_one_that_must_leave_is_until_it_has_a_core():
    out, preempted, lost = switches.OUT, switches.OUT | switches.PREEMPTED, 2
    rows = [(switches.SWITCH, 0, 1), (switches.SWITCH, out, 2), (switches.SWITCH, 0, 3)]
    rows += [(switches.SWITCH, preempted, 4), (lost, 0, 5), (switches.SWITCH, 0, 6), (switches.SWITCH, preempted, 7)]
    assert list(switches._stretches(b"".join(record(*row) for row in rows))) == [(4.0, 6.0)]


def test_linux_says_when_this_thread_had_to_leave_its_core_or_nothing():
    begin, ended = time.perf_counter(), switches.preempted()
    time.sleep(1e-3)
    found, end = ended(), time.perf_counter()
    times = [edge for one in found or [] for edge in one]
    assert times == sorted(times)
    assert all(begin <= edge <= end for edge in times)


def test_a_ring_that_is_full_says_nothing_because_later_switches_are_not_in_it(monkeypatch):
    monkeypatch.setattr(switches, "PAGES", 1)
    some, many = switches.preempted(), switches.preempted()
    if some() is None:
        many()
        pytest.skip("Linux records no switches for us here")
    for _ in range(switches.PAGESIZE // switches.RECORD):
        time.sleep(1e-9)  # out and in again: two records
    assert many() is None


def test_without_a_record_of_switches_there_is_none(monkeypatch):
    monkeypatch.setattr(switches, "CALLS", {})
    assert switches.preempted()() is None
