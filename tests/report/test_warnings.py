"""Warnings before the figures of a report, and names that are unambiguous."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import bare_run, full_session, good_run, spec

from dlbench.record.schema import GpuLoad, Load
from dlbench.report import FORMATS, summarize
from dlbench.report.configuration import subject_of

pytestmark = pytest.mark.untimed

ON_GPU = msgspec.structs.replace(good_run().info, device="gpu:0")
HOT = GpuLoad(
    clock_mhz=1200,
    clock_limit_mhz=1980,
    temperature=83,
    power_watts=699.0,
    power_limit_watts=700.0,
    limited_by=("power cap",),
)


def with_load(**values):
    return [good_run(plugin, load=Load(**values)) for plugin in ("tf.transformer", "torch.transformer")]


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([good_run(flags=("not_settled",))], "1 of 1 processes did not reach a steady state"),
        ([good_run(flags=("not_quiet",))], "kept using a core after their turn"),
        (with_load(cpu_pressure=0.31), "CPU pressure) 31% of the time at worst, above 5% in 2 of 2"),
        (with_load(memory_pressure=0.2), "memory pressure) 20%"),
        (with_load(cpu_pressure=0.31, helper_cpu=1.5), "the plugins' own processes took up to 1.50 CPU seconds"),
        ([good_run(flags=("helped",))], "1 of 1 processes had processes of their own at work beside their steps"),
        (with_load(steal=0.07), "steal) 7%"),
        (with_load(steal=0.07), "of the host; measure at another time"),
        (with_load(throttled=0.2), "(throttling) 20% of its periods at worst, above 1% in 2 of 2"),
        (
            with_load(steal=0.0),
            "the system did not report how long tasks waited for a core (/proc/pressure/cpu) in 2 of 2",
        ),
        (with_load(major_faults=4321), "4,321 pages were read from the disk (major faults)"),
        (
            [good_run(spec=spec(device="auto"), info=ON_GPU)],
            "not read in 1 of 1 processes, so throttling would not show",
        ),
        (
            [good_run(spec=spec(device="auto"), info=ON_GPU, load=Load(gpu=HOT))],
            "held back by power cap in 1 of 1 processes: at worst 1,200 of 1,980 MHz, 83 °C, 699 of 700 W; cool it",
        ),
        ([good_run()], "only one configuration was measured"),
        (
            [good_run(), good_run("torch.transformer", info=msgspec.structs.replace(good_run().info, threads=1))],
            "the arms differ in threads: tf.transformer jit 2, torch.transformer jit 1",
        ),
        (
            [
                good_run(
                    info=msgspec.structs.replace(good_run().info, details={"BLAS": "mkl"}),
                    environment=msgspec.structs.replace(good_run().environment, cpu_vendor="AuthenticAMD"),
                )
            ],
            "products come from MKL",
        ),
    ],
    ids=[
        *(
            "settled",
            "quiet",
            "cpu",
            "memory",
            "helpers",
            "helped",
            "steal",
            "advice",
            "quota",
            "unseen",
            "disk",
            "no gauge",
            "hot",
        ),
        "alone",
        "unlike",
        "MKL",
    ],
)
def test_what_a_reader_must_know_is_said(runs, text):
    assert text in " ".join(summarize(runs).warnings)


@pytest.mark.parametrize(("threads", "given"), [(1, False), (2, True)])
def test_fewer_threads_are_advised_only_where_there_are_some_to_leave_out(threads, given):
    asked = msgspec.structs.replace(bare_run().spec, threads=threads)
    for load in (Load(cpu_pressure=0.5), Load(cpu_pressure=0.0, throttled=0.5)):
        (line,) = [one for one in summarize([bare_run(spec=asked, load=load)]).warnings if "busy machine" in one]
        assert ("give fewer --threads" in line) is given


def test_a_quiet_session_of_like_arms_warns_of_nothing_but_drift():
    assert all("absolute figures drift" in warning for warning in summarize(full_session()).warnings)


def two_sizes():
    """The same arms at two sizes, the second with more spread."""
    for group in range(3):
        for plugin in ("tf.transformer", "torch.transformer"):
            yield good_run(plugin, group=group, groups=3)
            samples = [slowed(one, 1 + group) for one in good_run(plugin).samples]
            yield good_run(plugin, group=group, groups=3, spec=spec(plugin, size="base"), samples=tuple(samples))


def slowed(sample, times):
    return msgspec.structs.replace(sample, seconds=sample.seconds * times)


def test_what_is_measured_at_two_sizes_is_never_named_without_its_own():
    report = summarize(list(two_sizes()))
    (drift,) = [one for one in report.warnings if "absolute figures drift" in one]
    assert ", base)" in drift
    text = FORMATS["markdown"].render(report)
    assert "| transformer small | torch.transformer jit over tf.transformer jit |" in text
    assert "| transformer base | torch.transformer jit over tf.transformer jit |" in text


def test_an_arm_that_did_not_run_at_one_of_two_batches_is_named_with_it():
    runs = [good_run(), bare_run(spec=spec(batch_size=64), status="out-of-memory", reason="too much")]
    text = FORMATS["markdown"].render(summarize(runs))
    assert "| train, tf.transformer jit, batch 64 | out-of-memory | 1 | too much |" in text
    assert "<b>train, transformer small, batch 32</b>" in text


def test_arms_are_laid_beside_each_other_where_all_but_the_arm_is_alike():
    axes = {"size": "base", "task": "vowels", "batch_size": 8, "device": "gpu", "precision": "bf16"}
    axes |= {"steps_per_call": 4, "data": "host"}
    assert len({subject_of(spec()), *(subject_of(spec(**{key: value})) for key, value in axes.items())}) == 8
    assert subject_of(spec()) == subject_of(spec(plugin="torch.transformer", phase="predict", path="eager"))
