"""The line that says what is in no ratio."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import bare_run

from dlbench.plugin import ModelInfo
from dlbench.record.schema import Load, Sample
from dlbench.report.machine import machine_warnings

pytestmark = pytest.mark.untimed


def run(waited=0.001, pressure=0.5):
    info = ModelInfo(parameter_count=1, device="cpu", precision="fp32", path="eager", versions={})
    sample = Sample(stage="steady", steps=1, seconds=0.02, cpu_seconds=0.01, round=0, waited_seconds=waited)
    load = Load(load_average=1.0, cpu_pressure=pressure, memory_pressure=0.0, steal=0.0)
    return msgspec.structs.replace(bare_run(samples=(sample,)), info=info, load=load)


def said(*runs):
    return [line for line in machine_warnings(runs) if "had no core" in line]


def test_a_busy_machine_says_that_ratios_leave_waits_out():
    (line,) = said(run(), run())
    assert "left out; seconds" in line
    (line,) = said(run(), run(waited=None))
    assert "left out if it is known of both arms; seconds" in line


def test_a_machine_left_alone_and_waits_that_nobody_counted_need_no_word():
    assert said(run(pressure=0.01)) == said(run(waited=None)) == said() == []
