"""The fastest arm of a workload is named where every comparison that it takes is made and told, and nowhere else."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import spec
from sessions import session

from dlbench.analysis import compare
from dlbench.report import summarize

pytestmark = pytest.mark.untimed


def arms(times, processes=8, spread=0.004, **changes):
    """A session of an arm for each time, in lockstep; the first is the baseline."""
    return [
        run
        for at, (plugin, factor) in enumerate(times.items())
        for run in session(
            "s", factor, processes, spread, seed=at, of=spec(f"{plugin}.transformer", path="eager", **changes), arm=at
        )
    ]


def said(runs, **more):
    report = summarize(runs, **more)
    texts = [one.text for one in report.answer if one.text.startswith("Fastest")]
    return [section.leaders for section in report.sections], texts


def test_an_arm_that_is_ahead_of_all_others_is_the_fastest_though_it_was_compared_with_the_baseline_alone():
    leaders, texts = said(arms({"a": 1.0, "b": 0.9, "c": 0.8}))
    assert leaders == [("c.transformer eager",)]
    assert texts == ["Fastest of all arms: c.transformer eager on transformer small."]


def test_the_baseline_may_be_the_fastest():
    assert said(arms({"a": 1.0, "b": 1.2, "c": 1.3}))[0] == [("a.transformer eager",)]


def test_of_two_that_are_shown_to_take_as_long_both_are_named():
    leaders, texts = said(arms({"a": 1.0, "b": 0.801, "c": 0.8}))
    assert leaders == [("c.transformer eager", "b.transformer eager")]
    assert texts == [
        "Fastest of all arms: c.transformer eager and b.transformer eager (the same) on transformer small."
    ]


@pytest.mark.parametrize(
    ("times", "more"),
    [
        ({"a": 1.0, "b": 0.83, "c": 0.8}, {"spread": 0.06}),
        ({"a": 1.0, "b": 0.801, "c": 0.8}, {"spread": 0.05}),
        ({"a": 1.0, "b": 1.001, "c": 0.999}, {}),
        ({"a": 1.0, "b": 0.5}, {}),
        ({"a": 1.0, "b": 0.9, "c": 0.8}, {"processes": 1}),
    ],
    ids=["the first two not told apart", "nor the same", "all the same", "one pair", "one process each"],
)
def test_no_arm_leads_where_a_verdict_is_missing(times, more):
    leaders, texts = said(arms(times, **more))
    assert leaders == [()]
    assert not [text for text in texts if "told" not in text and "all arms" not in text]


def test_arms_that_never_took_turns_with_the_first_leave_it_open():
    runs = arms({"a": 1.0, "b": 0.9, "c": 0.8})
    apart = [msgspec.structs.replace(run, group=run.group + 8 * (run.spec.framework == "c")) for run in runs]
    both = arms({"a": 1.0}) and [
        msgspec.structs.replace(run, group=run.group + 8) for run in runs if run.spec.framework == "a"
    ]
    assert said([*apart, *both])[0] == [()]


def test_the_choice_of_the_first_is_paid_for():
    """A difference that is told alone is not told among the comparisons of many workloads."""
    times = {"a": 1.0, "b": 0.832, "c": 0.8}
    assert said(arms(times, spread=0.014))[0] == [("c.transformer eager",)]
    many = [run for size in range(1, 41) for run in arms(times, spread=0.014, batch_size=size)]
    leaders, texts = said(many)
    assert leaders == [()] * 40
    assert texts[0].startswith("Fastest of all arms: not told on 40 (")


def test_workloads_where_no_arm_is_shown_to_be_the_fastest_are_counted():
    clear = {"a": 1.0, "b": 0.9, "c": 0.5}
    runs = [
        *arms(clear, batch_size=1),
        *arms(clear, batch_size=2),
        *arms({**clear, "c": 0.9}, batch_size=4, spread=0.05),
    ]
    _, (text,) = said(runs)
    assert text == (
        "Fastest of all arms: c.transformer eager on transformer small, batch 1, transformer small, batch 2; "
        "not told on 1 (b.transformer eager or c.transformer eager on transformer small, batch 4)."
    )


def test_a_session_whose_control_failed_names_no_one():
    runs = arms({"a": 1.0, "b": 0.9, "c": 0.8})
    control = [
        msgspec.structs.replace(run, control=True, arm=3, samples=tuple(
            msgspec.structs.replace(one, seconds=one.seconds * 1.2) for one in run.samples
        ))
        for run in runs
        if run.spec.framework == "a"
    ]  # fmt: skip
    assert {one.code for found in compare.compare(runs, "told apart").values() for one in found} == {"control-failed"}
    assert said([*runs, *control])[0] == [()]
