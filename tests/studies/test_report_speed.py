"""The way from Runs to a page: its work grows as their number does, and a Run is looked at once."""

from __future__ import annotations

import sys

import msgspec
import pytest

from dlbench.analysis.memo import by_run
from dlbench.analysis.series import steps_of
from dlbench.report import FORMATS, summarize
from studies.report_speed import made_up

pytestmark = pytest.mark.untimed


def calls(number, name="markdown"):
    """Calls of functions, those of built-in ones included, that a page of this many Runs takes."""
    runs, found = list(made_up(number)), 0

    def count(frame, event, argument):
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        FORMATS[name].render(summarize(runs))
    finally:
        sys.setprofile(None)
    return found


def test_twice_the_runs_are_twice_the_work():
    calls(25)  # imports, and tables of critical values
    once, twice = calls(250), calls(500)
    assert 1.5 * once < twice < 2.3 * once


def test_a_run_is_looked_at_once_and_keeps_the_result():
    seen = []

    @by_run
    def looked(run):
        seen.append(run.group)
        return [run.group]

    one, other = list(made_up(2))
    assert looked(one) is looked(one)
    assert looked(one) == looked(other) == [0]
    assert len(seen) == 2, "equal figures of two Runs are two"
    assert looked(msgspec.structs.replace(one)) == [0]
    assert len(seen) == 3, "a Run that was made from another is another"


def test_functions_of_one_name_keep_their_own_results():
    def times(factor):
        @by_run
        def of(run):
            return factor * (run.group + 1)

        return of

    (run,) = made_up(1)
    assert [times(factor)(run) for factor in (2, 3, 4)] == [2, 3, 4]


def test_steps_of_a_stage_are_those_of_its_samples():
    run = next(made_up(1))
    steady = [sample.seconds / sample.steps for sample in run.samples if sample.stage == "steady"]
    assert list(steps_of(run, "steady")) == steady
    assert list(steps_of(run, "warm-up")) == []
