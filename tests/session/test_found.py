"""Seconds of an arm beside its samples."""

from __future__ import annotations

import pytest

from dlbench.record.schema import PhaseTime, Sample
from dlbench.session import found
from dlbench.session.found import Findings

pytestmark = pytest.mark.untimed


def test_what_is_spent_leaves_out_samples_and_times_that_are_found_meanwhile(monkeypatch):
    clock = iter([0.0, 5.0, 7.0, 8.0, 9.0, 9.5])
    monkeypatch.setattr(found.time, "monotonic", lambda: next(clock))
    arm = Findings(times=[PhaseTime(phase="import", seconds=100.0)])
    with arm.spending("between"):
        arm.samples.append(Sample(stage="steady", steps=1, seconds=2.0, cpu_seconds=0.0))
        arm.times.append(PhaseTime(phase="build", seconds=1.0))
    with arm.spending("between"):
        pass
    with pytest.raises(ZeroDivisionError), arm.spending("closing"):
        _ = 1 / 0
    assert [(one.phase, one.seconds) for one in arm.all_times()] == [
        ("import", 100.0),
        ("build", 1.0),
        ("between", 3.0),
        ("closing", 0.5),
    ]
