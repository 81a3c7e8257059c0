"""The audit after the last sample: each cheat that it can see is named, and who is honest is not."""

from __future__ import annotations

import itertools
import random
from contextlib import nullcontext
from functools import partial

import msgspec
import numpy as np
import pytest
from examined import SPEC
from offenders import Accelerated

from dlbench.errors import ContractViolation
from dlbench.measure import audit, escapes, timing, whole_batch
from dlbench.measure import late as late_work
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.plugin import Batch
from dlbench.system.waiting import Waits
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal
from studies.cheats import programs

MACHINES = 20
LONG = 40
"""Calls of a sample that goes round the ring."""


def audited(plugin, spec=SPEC, phase="train", calls=LONG):
    """Audit a plugin after a sample of so many calls."""
    spec = msgspec.structs.replace(spec, phase=phase)
    prepared = prepare(spec, plugin)
    info = build_checked(plugin, prepared.request)
    subject = MeasuredModel(spec, prepared)
    subject.sampler().take(calls)
    audit.audit(spec, plugin, subject, info)


@pytest.mark.parametrize("phase", ["train", "predict"])
@pytest.mark.parametrize(
    ("plugin", "spec"),
    [
        (LinearPlugin, SPEC),
        (programs.Honest, SPEC),
        (LinearPlugin, msgspec.structs.replace(SPEC, data="host")),
        (LinearPlugin, msgspec.structs.replace(SPEC, steps_per_call=4)),
        (Minimal, msgspec.structs.replace(SPEC, plugin="fake.minimal")),
        (Accelerated, msgspec.structs.replace(SPEC, device="gpu:0")),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_who_is_honest_is_not_named(plugin, spec, phase):
    if phase == "train" or spec.steps_per_call == 1:
        audited(plugin(), spec, phase)


@pytest.mark.parametrize(
    ("cheat", "phase", "why"),
    [
        (programs.KeepsByIdentity, "predict", "on a batch that it had seen takes"),
        (programs.KeepsByValue, "predict", "it keeps results"),
        (programs.KeepsLater, "predict", "it keeps results"),
        (
            programs.SkipsSeen,
            "train",
            "3 steps on a batch that it had seen changed no parameter, and 3 on new ones did",
        ),
        (programs.ReplaysGradients, "train", "takes .* s and one on a new batch"),
        (programs.WritesInputs, "train", "changed its inputs in place"),
        (programs.IgnoresBatch, "train", "with the first half of its batch replaced"),
        (programs.HalfBatch, "train", "with the second half of its batch replaced"),
        (programs.LazyOutputs, "predict", "the work was left until it was read"),
        (programs.LazySteps, "train", "left until it was read"),
    ],
)
def test_a_cheat_is_named(cheat, phase, why):
    calls = 200 if cheat is programs.KeepsLater else LONG
    with pytest.raises(ContractViolation, match=why):
        audited(cheat(), phase=phase, calls=calls)


@pytest.mark.untimed
def test_a_sample_that_saw_new_batches_alone_is_not_timed_again(monkeypatch):
    monkeypatch.setattr(audit, "remembers", lambda *_: "looked")
    audited(LinearPlugin(), calls=16)
    with pytest.raises(ContractViolation, match="looked"):
        audited(LinearPlugin(), calls=17)


@pytest.mark.untimed
@pytest.mark.parametrize(
    ("once", "again", "named"), [(24e-6, 9e-6, False), (60e-6, 9e-6, True), (60e-6, 40e-6, False), (1.0, 0.4, True)]
)
def test_cold_caches_accuse_nobody(once, again, named, monkeypatch):
    seconds = itertools.cycle([once, again, again, again])
    monkeypatch.setattr(audit, "_pass", lambda *_: (taken := next(seconds), taken))
    assert bool(audit.remembers(None, None, list)) is named


@pytest.mark.untimed
@pytest.mark.parametrize(("late", "named"), [(0.9, True), (0.3, False)])
def test_a_copy_that_a_neighbour_held_up_excuses_no_late_work(late, named, monkeypatch):
    """Of a call of a second, reading takes `late`; the first copy of three waits for half a second."""
    seconds = itertools.cycle([1.0, late, 0.5, 0.001, 0.001])
    monkeypatch.setattr(late_work, "_seconds", lambda _: next(seconds))
    monkeypatch.setattr(late_work.time, "sleep", lambda _: None)
    found = late_work.left_undone(lambda batch: batch, lambda result: result, lambda: None, on_host=True)
    assert ("left until it was read" in found) is named


class BusyMachine:
    """A clock and a step on a machine where every call may wait for a core, and takes more CPU time than alone."""

    def __init__(self, seed, *, keeps, counts):
        self.wall = self.cpu = self.waited = 0.0
        self._counts, self._left = counts, 0.0
        self._draw, self._keeps, self._seen = random.Random(seed), keeps, set()

    def fresh(self, calls):
        """New batches; the staging of each leaves work to another thread, which a busy machine runs later."""
        self._left = 4e-3 * calls
        return [self._draw.random() for _ in range(calls)]

    def rest(self, _):
        self._left = 0.0

    def call(self, batch):
        left, self._left = self._left, 0.0
        self.cpu, self.wall = self.cpu + left, self.wall + left
        work = 1e-4 if self._keeps and batch in self._seen else 1e-3
        self._seen.add(batch)
        work *= self._draw.uniform(1.0, 2.5)
        wait = self._draw.expovariate(1 / 6e-3) if self._draw.random() < 0.5 else 0.0
        self.cpu, self.waited, self.wall = self.cpu + work, self.waited + wait, self.wall + work + wait

    def waits(self):
        before = self.waited
        return lambda *_: Waits(self.waited - before, 0.0) if self._counts else Waits()

    def clock(self):
        return timing.Clock(wall=lambda: self.wall, cpu=lambda: self.cpu, other=lambda: self.wall, waits=self.waits)


@pytest.mark.untimed
@pytest.mark.parametrize("counts", [False, True], ids=["waits unknown", "waits known"])
@pytest.mark.parametrize("calls", [1, 8])
def test_a_busy_machine_accuses_nobody(calls, counts, monkeypatch):
    assert accused(monkeypatch, calls, keeps=False, counts=counts) == 0


@pytest.mark.untimed
def test_on_a_busy_machine_a_step_that_keeps_results_is_named_if_its_waits_are_known(monkeypatch):
    assert accused(monkeypatch, 8, keeps=True, counts=True) == MACHINES


def accused(monkeypatch, calls, *, keeps, counts):
    """The number of busy machines on which a step is accused."""
    found = 0
    for seed in range(MACHINES):
        machine = BusyMachine(seed, keeps=keeps, counts=counts)
        monkeypatch.setattr(audit, "CLOCK", machine.clock())
        monkeypatch.setattr(escapes, "rest", machine.rest)
        monkeypatch.setattr(timing, "collect", int)  # of the garbage of all tests, before every pass
        found += bool(audit.remembers(machine.call, lambda _: None, partial(machine.fresh, calls)))
    return found


@pytest.mark.untimed
def test_a_large_model_is_not_copied(monkeypatch):
    monkeypatch.setattr(LinearPlugin, "export_parameters", lambda _: pytest.fail("copied"))
    monkeypatch.setattr(audit, "LARGEST", 1)
    audited(LinearPlugin(), calls=1)


@pytest.mark.untimed
@pytest.mark.parametrize(("two", "named"), [(2.0, False), (2.2, False), (3.0, True)])
def test_steps_of_which_two_take_more_than_twice_as_long_as_one_escape_the_barrier(two, named, monkeypatch):
    monkeypatch.setattr(escapes, "fastest", lambda *_: (1.0, two))
    assert ("escape the barrier" in escapes.by_the_line(lambda _: None)) is named
    with pytest.raises(ContractViolation, match="escape the barrier") if named else nullcontext():
        audited(LinearPlugin(), calls=1)


@pytest.mark.untimed
def test_one_reading_without_escaped_work_is_enough(monkeypatch):
    readings = iter([(1.0, 3.0), (1.0, 3.0), (1.0, 2.0)])
    monkeypatch.setattr(escapes, "fastest", lambda *_: next(readings))
    assert not escapes.by_the_line(lambda _: None)


@pytest.mark.untimed
@pytest.mark.parametrize("loss", [0.0, 2.25, float("nan")], ids=["zero", "as coarse as bf16", "no number"])
def test_a_loss_that_tells_nothing_accuses_nobody(loss):
    batches = {call: Batch(*(np.full((4, 2), call + part, np.float32) for part in (0, 9))) for call in range(4)}
    drawn = lambda call: batches[call - whole_batch.FIRST]  # noqa: E731
    assert whole_batch.ignored(lambda _: 2.3, drawn)
    assert not whole_batch.ignored(lambda _: loss, drawn)
