"""Figures of one Run that measure the same thing: told when they contradict each other, and then no verdict."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from example_runs import ACTUAL, full_session, good_run, spec

from dlbench.analysis import compare, evidence, gate, pairs
from dlbench.analysis.contradictions import contradictions
from dlbench.record.schema import Load, PhaseTime, Sample
from dlbench.report import FORMATS, summarize

pytestmark = pytest.mark.untimed

PAIRED = ("tf.transformer", "torch.transformer")


def scattered(stage, median, count, scatter, seed=0):
    drawn = median * np.exp(np.random.default_rng([seed, len(stage)]).normal(0, scatter, count))
    return [
        Sample(stage=stage, steps=1, seconds=float(one), cpu_seconds=float(one), round=at, turn=at)
        for at, one in enumerate(drawn)
    ]


def run_with(steady=0.01, single=0.01, warm=0.01, first=0.5, scatter=0.05, plugin=PAIRED[0], **changes):
    samples = [
        *scattered("warm-up", warm, 30, scatter),
        *scattered("steady", steady, 40, scatter),
        *scattered("latency", single, 80, scatter),
    ]
    times = (PhaseTime(phase="first_step", seconds=first),)
    return good_run(plugin, samples=tuple(samples), times=times, **changes)


def found(run):
    return [(one.larger.name, one.smaller.name) for one in contradictions(run)]


@pytest.mark.parametrize(
    ("changes", "pairs"),
    [
        ({}, []),
        ({"single": 0.0006, "steady": 0.024, "warm": 0.024}, [("steady step", "single step")]),
        ({"single": 0.005}, []),
        ({"single": 0.05}, []),
        ({"single": 0.2}, [("single step", "steady step")]),
        ({"steady": 1e-5, "warm": 1e-5, "single": 5e-4}, []),
        ({"steady": 0.05, "single": 0.05}, [("steady step", "end of warm-up")]),
        ({"warm": 0.1}, [("end of warm-up", "steady step")]),
        ({"warm": 0.1, "flags": ("not_settled",)}, []),
        ({"first": 0.001}, [("steady step", "first step")]),
        ({"first": 0.02, "spec": spec(steps_per_call=10)}, [("steady step", "first step")]),
        ({"first": 0.02}, []),
        ({"single": 0.001, "flags": ("unstable",)}, []),
        ({"single": 0.0025, "steady": 0.01, "scatter": 4.0}, []),
    ],
    ids=str,
)
def test_figures_of_one_thing_contradict_each_other_only_beyond_scatter_and_what_is_usual(changes, pairs):
    assert found(run_with(**changes)) == pairs


def test_a_median_that_half_of_the_samples_miss_still_contradicts():
    """Threads that wait now and then: samples jump between two levels forty times apart."""
    slow = [at.seconds * (40 if number % 3 else 1) for number, at in enumerate(scattered("steady", 0.0006, 40, 0.05))]
    samples = [Sample(stage="steady", steps=1, seconds=one, cpu_seconds=one) for one in slow]
    run = run_with(single=0.0006)
    mixed = [*samples, *(one for one in run.samples if one.stage == "latency")]
    assert ("steady step", "single step") in found(msgspec.structs.replace(run, samples=tuple(mixed)))


def busy(**changes):
    return [
        run_with(plugin=plugin, load=Load(cpu_pressure=0.49), actual=ACTUAL, **(changes if plugin == PAIRED[1] else {}))
        for plugin in PAIRED
    ]


def test_a_contradiction_is_flagged_with_cause_and_advice_and_its_ratio_has_no_verdict():
    report = summarize(busy(steady=0.024, single=0.0006, warm=0.024))
    (line,) = [text for text in report.warnings if "contradict" in text]
    assert "torch.transformer jit: figures contradict each other in 1 of 1 processes: steady step 2" in line
    assert "threads wait for a sibling that has no core (tasks waited for a core 49% of the time)" in line
    assert "end other programs, give fewer --threads, and measure in more processes" in line
    text = FORMATS["markdown"].render(report)
    assert "figures of torch.transformer jit contradict each other in 1 of 1 processes" in text
    assert "indicative (one process" not in text


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"load": Load(cpu_pressure=0.0)}, "the machine or the program changed its speed between them"),
        (
            {"load": Load(), "actual": msgspec.structs.replace(ACTUAL, held_to=(0,))},
            "threads wait for a sibling that has no core (1 processors)",
        ),
        ({"load": Load(cpu_pressure=0.3), "spec": spec(threads=1)}, "likely the process waits for a core"),
    ],
    ids=["quiet", "too few processors", "one thread"],
)
def test_the_likely_cause_is_what_the_machine_showed(changes, cause):
    (line,) = [text for text in summarize([run_with(single=0.001, **changes)]).warnings if "contradict" in text]
    assert cause in line


@pytest.mark.parametrize(
    ("spoilt", "in_full", "verdict"),
    [(2, 5, "slower"), (3, 5, "inconclusive"), (2, 3, "inconclusive"), (1, 3, "slower")],
)
def test_half_of_the_processes_of_an_arm_take_away_the_verdict_and_fewer_do_not(spoilt, in_full, verdict):
    """The ratio is the same in all groups, so that nothing else makes it inconclusive.

    In an adaptive session, whose later processes have no latencies, half means half of those that have them.
    """
    runs = [
        run
        if run.group < in_full
        else msgspec.structs.replace(run, samples=tuple(one for one in run.samples if one.stage != "latency"))
        for run in full_session()
        if run.spec.phase == "train"
    ]
    for place, run in enumerate(runs):
        if run.spec.plugin == PAIRED[1] and run.group < spoilt:
            samples = [
                msgspec.structs.replace(one, seconds=one.seconds / 9) if one.stage == "latency" else one
                for one in run.samples
            ]
            runs[place] = msgspec.structs.replace(run, samples=tuple(samples))
    ((said,),) = compare.compare(runs).values()
    assert said.verdict == verdict
    table = evidence.collect(next(iter(pairs.with_baselines(runs).values())), ["step_time"], {})
    (outcome,) = gate.judge(table, gate.parse(["slower:2%"]), [])
    assert outcome.result == ("regression" if verdict == "slower" else "underpowered")
    assert ("contradict" in outcome.reason) == (verdict != "slower")
