"""Clocks, collector and harness: what a plugin replaces is named, and changes no sample."""

from __future__ import annotations

import gc
import itertools
import time

import numpy as np
import pytest
from examined import SPEC

from dlbench.errors import ContractViolation
from dlbench.measure import tamper, timing
from dlbench.registry import adaptors
from dlbench.workers.protocol import Build
from dlbench.workers.worker import Worker
from studies.cheats import programs

pytestmark = pytest.mark.untimed


def test_who_leaves_them_alone_is_not_named():
    assert tamper.problem() == ""
    tamper.require_untouched("fake.linear", [timing.Watch().after(1.0, 1.01).after(1.0, 1.5)])


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (time, "perf_counter"),
        (time, "perf_counter_ns"),
        (time, "monotonic"),
        (time, "process_time_ns"),
        (gc, "collect"),
        (gc, "disable"),
        (np, "asarray"),
        (np, "array_equal"),
        (timing, "perf_counter_ns"),
        (timing, "Clock"),
        (timing.Sampler, "take"),
    ],
)
def test_what_was_replaced_is_named(of, name, monkeypatch):
    monkeypatch.setattr(of, name, lambda *_: 0)
    with pytest.raises(ContractViolation, match=rf"plugin acme.fast: \w[\w.]*\.{name} was replaced"):
        tamper.require_untouched("acme.fast")


def test_a_collector_that_was_set_otherwise_is_named():
    before = gc.get_threshold()
    try:
        gc.set_threshold(before[0] * 100, *before[1:])
        assert f"thresholds of gc went from {before}" in tamper.problem()
        gc.set_threshold(*before)
        gc.disable()
        assert "gc was switched off" in tamper.problem()
    finally:
        gc.set_threshold(*before)
        gc.enable()


def test_a_replaced_clock_changes_no_sample(monkeypatch):
    monkeypatch.setattr(time, "perf_counter_ns", lambda: 0)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 0)
    sampler = timing.Sampler(lambda: time.sleep(0.001), lambda _: None)
    assert sampler.take(1).seconds >= 0.001
    assert tamper.apart(sampler.watch) == ""


def test_a_process_that_lost_its_core_between_two_readings_is_not_accused():
    watch = timing.Watch().after(0.02, 0.35).after(0.02, 0.02).after(5e-6, 5.2e-6)
    assert (watch.samples, watch.apart) == (3, 1)
    assert tamper.apart(watch) == ""


@pytest.mark.parametrize(("seconds", "other"), [(1.0, 2.0), (2.0, 1.0), (0.0, 0.1)])
def test_two_clocks_that_contradict_each_other_are_told(seconds, other):
    ticks = {"wall": itertools.cycle((0.0, seconds)), "other": itertools.cycle((0.0, other))}
    clock = timing.Clock(lambda: next(ticks["wall"]), lambda: 0.0, lambda: next(ticks["other"]))
    sampler = timing.Sampler(lambda: None, lambda _: None, clock=clock)
    for _ in range(tamper.FEWEST - 1):
        sampler.take(1)
    tamper.require_untouched("acme.fast", [sampler.watch])
    sampler.take(1)
    with pytest.raises(ContractViolation, match=f"counted {3 * seconds:.3g} s and a second clock {3 * other:.3g} s"):
        tamper.require_untouched("acme.fast", [sampler.watch])


@pytest.mark.parametrize("cheat", [programs.SlowClock, programs.SlowHarness])
def test_a_clock_that_building_changed_is_named_before_its_times_are_told(cheat, monkeypatch):
    for of, names in (
        (time, ("perf_counter", "perf_counter_ns", "monotonic_ns")),
        (timing, ("perf_counter_ns", "monotonic_ns")),
    ):
        for name in names:
            monkeypatch.setattr(of, name, getattr(of, name))
    monkeypatch.setattr(adaptors, "load_plugin", lambda _: cheat())
    with pytest.raises(ContractViolation, match=r"perf_counter.* replaced after dlbench was loaded"):
        Worker().handle(Build(spec=SPEC))
