"""The step at which compiling has paid for itself: the formula by hand, and cases without an answer."""

from __future__ import annotations

import pytest
from example_runs import bare_run, spec

from dlbench.record.schema import PhaseTime, Sample
from dlbench.report.break_even import paybacks

pytestmark = pytest.mark.untimed


def run(path, first, step, plugin="torch.transformer", **changes):
    return bare_run(
        spec=spec(plugin, path=path, **changes),
        times=(PhaseTime(phase="first_step", seconds=first),),
        samples=tuple(Sample(stage="steady", steps=2, seconds=2 * step, cpu_seconds=0.0) for _ in range(3)),
    )


def of(*runs):
    return [(one.label, one.against, one.steps) for one in paybacks({run.spec.label: [run] for run in runs})]


def test_the_excess_of_the_first_call_is_divided_by_what_every_step_gains():
    eager, jit = run("eager", 1.0, 0.5), run("jit", 21.0, 0.25)
    ((label, against, steps),) = of(eager, jit)
    assert (label, against) == ("torch.transformer jit", "torch.transformer eager")
    assert steps == pytest.approx(81)
    assert pytest.approx(21.0 + 80 * 0.25) == 1.0 + 80 * 0.5  # after 81 steps both took as long


def test_a_step_that_gains_nothing_never_pays_and_one_that_costs_nothing_pays_at_once():
    assert of(run("eager", 1.0, 0.5), run("jit", 21.0, 0.6))[0][2] is None
    assert of(run("eager", 1.0, 0.5), run("jit", 0.5, 0.4))[0][2] == 1.0


def test_another_plugin_or_no_eager_arm_says_nothing():
    assert of(run("eager", 1.0, 0.5, plugin="tf.transformer"), run("jit", 2.0, 0.1)) == []
    assert of(run("jit", 2.0, 0.1)) == []
    assert of(run("graph", 1.0, 0.5), run("jit", 2.0, 0.1)) == []
