"""Metrics: each row of METRICS against figures worked out by hand, and None if a Run lacks the data."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import MEBI, TASK, bare_run, full_session, good_run, spec

from dlbench.analysis import learnt, metrics
from dlbench.analysis.metrics import METRICS, over
from dlbench.plugin import ModelInfo
from dlbench.record.schema import Evaluation, PhaseMemory, PhaseTime, Sample

pytestmark = pytest.mark.untimed

INFO = ModelInfo(parameter_count=1, device="cpu", precision="fp32", path="jit", compiler="xla")


def samples(stage, seconds, steps=1):
    return tuple(Sample(stage=stage, steps=steps, seconds=one, cpu_seconds=0.0) for one in seconds)


TIMED = bare_run(
    info=INFO,
    flops_per_step=6e6,
    peak_flop_rate=6e7,
    times=tuple(
        PhaseTime(phase=name, seconds=value)
        for name, value in (("import", 3.0), ("build", 0.5), ("first_step", 2.0), ("first_step_warm", 0.5))
    ),
    samples=(
        *samples("warm-up", [9.0, 9.0]),
        *samples("steady", [0.2, 0.4, 0.6], steps=2),
        *samples("latency", [0.01 * n for n in range(1, 101)]),
    ),
    memory=tuple(
        PhaseMemory(
            phase=name,
            peak_bytes=peak * MEBI,
            resident_bytes=resident * MEBI,
            device_peak_bytes=device,
            driver_bytes=device and device + 7,
        )
        for name, peak, resident, device in (
            ("start", 30, 20, None),
            ("import", 500, 400, None),
            ("task", 420, 410, None),
            ("build", 450, 440, 1000),
            ("first_step", 700, 500, 3000),
            ("train", 650, 500, 2000),
        )
    ),
)
CONVERGED = bare_run(
    spec=spec(phase="converge"),
    task=TASK,
    evaluations=tuple(
        Evaluation(steps=steps, seconds=steps / 10, quality=quality, loss=1.0)
        for steps, quality in ((50, 3.0), (100, 2.8), (150, 2.9), (200, 2.5), (250, 2.4))
    ),
)
EXPECTED = {
    "throughput": 32 / 0.2,
    "step_time": 0.2,
    "latency_p50": 0.505,
    "latency_p95": 0.9505,
    "latency_p99": 0.9901,
    "flop_rate": 6e6 / 0.2,
    "peak_flop_rate": 6e7,
    "utilization": 0.5,
    "compile_time": 1.8,
    "warm_compile_time": 0.3,
    "memory_peak": 300 * MEBI,
    "device_memory_peak": 3000,
    "driver_memory": 3007,
    "import_time": 3.0,
    "build_time": 0.5,
    "first_step_time": 2.0,
    "warm_up_time": None,
    "memory_baseline": 400 * MEBI,
    "memory_task": 20 * MEBI,
    "memory_build": 50 * MEBI,
    "memory_first_step": 300 * MEBI,
    "memory_steady": 250 * MEBI,
    "memory_total": 700 * MEBI,
    "memory_growth": None,  # of three samples; test_memory has more
    "steps_to_target": 100,
    "seconds_to_target": 10.0,
    "quality_at_budget": 2.5,
    "efficiency": None,
    "efficiency_beside": None,
}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_what_a_person_works_out(name):
    run = CONVERGED if METRICS[name].table == "learning" else TIMED
    found = METRICS[name].of(run)
    assert found == (None if EXPECTED[name] is None else pytest.approx(EXPECTED[name]))


@pytest.mark.parametrize("name", METRICS)
def test_a_run_that_holds_nothing_has_no_metric(name):
    assert METRICS[name].of(bare_run()) is None
    assert over(METRICS[name], [bare_run()]) is None


def test_without_a_compiler_the_excess_of_the_first_step_is_warm_up_and_not_compilation():
    eager = msgspec.structs.replace(TIMED, info=msgspec.structs.replace(INFO, compiler=None))
    assert METRICS["warm_up_time"].of(eager) == pytest.approx(1.8)
    assert METRICS["compile_time"].of(eager) is None


EAGER = msgspec.structs.replace(TIMED, info=msgspec.structs.replace(INFO, compiler=None))


@pytest.mark.parametrize("flag", metrics.NEVER_STEADY)
def test_without_a_steady_state_there_is_no_warm_up_time(flag):
    assert METRICS["warm_up_time"].of(msgspec.structs.replace(EAGER, flags=(flag,))) is None


@pytest.mark.parametrize("name", ["warm_up_time", "compile_time", "warm_compile_time"])
def test_no_time_is_negative_where_the_first_step_is_the_shortest(name):
    """Nor is the end of an interval over processes of which some have none."""
    run = EAGER if name == "warm_up_time" else TIMED
    short = tuple(PhaseTime(phase=phase, seconds=0.01) for phase in ("first_step", "first_step_warm"))
    none = msgspec.structs.replace(run, times=short)
    assert METRICS[name].of(none) == 0.0
    found = over(METRICS[name], [run, none, none])
    assert found.value > found.low == 0.0


def test_a_target_above_is_reached_from_below():
    task = msgspec.structs.replace(TASK, higher_is_better=True, target=2.95)
    assert METRICS["steps_to_target"].of(msgspec.structs.replace(CONVERGED, task=task)) == 50
    assert not learnt.reaches(task, 2.9)
    assert learnt.reaches(task, 2.95)


def test_what_is_never_reached_and_a_budget_that_is_not_used_up_have_no_figure():
    short = msgspec.structs.replace(CONVERGED, evaluations=CONVERGED.evaluations[:1])
    assert METRICS["steps_to_target"].of(short) is None
    assert METRICS["quality_at_budget"].of(short) is None


def test_runs_that_did_not_end_well_say_nothing():
    good, bad = TIMED, msgspec.structs.replace(TIMED, status="diverged", samples=samples("steady", [100.0]))
    assert over(METRICS["throughput"], [good, bad, bad]) == over(METRICS["throughput"], [good])
    assert over(METRICS["throughput"], [bad]) is None


def test_a_percentile_is_pooled_without_an_interval_where_a_process_is_too_short():
    short = [msgspec.structs.replace(TIMED, samples=samples("latency", [0.1 * (n + 1)] * 50)) for n in range(2)]
    found = over(METRICS["latency_p99"], short)
    assert (found.value, found.low, found.n) == (pytest.approx(0.2), None, 2)
    assert over(METRICS["latency_p50"], short).low is not None
    assert over(METRICS["latency_p99"], [TIMED, TIMED]).low is not None
    too_few = [msgspec.structs.replace(TIMED, samples=samples("latency", [0.1] * 10)) for _ in range(2)]
    assert over(METRICS["latency_p99"], too_few) is None


def test_one_number_a_process_goes_into_an_estimate():
    runs = [one for one in full_session() if one.spec.plugin == "tf.transformer" and one.spec.phase == "train"]
    found = over(METRICS["throughput"], runs)
    assert found.n == len(runs) == 5
    values = [METRICS["throughput"].of(one) for one in runs]
    assert min(values) < found.low < found.value < found.high
    assert good_run().samples != runs[1].samples


def test_a_seed_that_never_reaches_the_target_gives_no_number_and_is_counted_by_its_absence():
    """The budget does not stand in for it: the mean is of the others, and `n` says that it is."""
    never = msgspec.structs.replace(
        CONVERGED, evaluations=tuple(Evaluation(steps=n, seconds=n / 10, quality=2.9, loss=1.0) for n in (100, 200))
    )
    assert (found := over(METRICS["steps_to_target"], [CONVERGED, CONVERGED, never])).n == 2
    assert found.value == pytest.approx(100)
    assert over(METRICS["seconds_to_target"], [never]) is None
    assert METRICS["quality_at_budget"].of(never) == pytest.approx(2.9)


def test_no_metric_is_expected_that_is_not_there():
    assert EXPECTED.keys() == METRICS.keys()


@pytest.mark.parametrize("name", METRICS)
def test_what_is_read_from_fresh_processes_alone_says_so_in_its_row(name):
    fresh, forked = (METRICS[name].of(msgspec.structs.replace(TIMED, isolation=how)) for how in ("fresh", "fork"))
    assert forked == (None if METRICS[name].fresh_only else fresh)
