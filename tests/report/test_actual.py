"""Processors and threads that each arm really had: in the table, with a line if they differ from the request."""

from __future__ import annotations

import json
import os

import msgspec
import numpy as np
import pytest
from built import of_line
from command import raw_runs, short
from example_runs import ACTUAL, good_run, spec

from dlbench.errors import ContractViolation
from dlbench.measure.build import stage
from dlbench.plugin import Batch
from dlbench.record.processors import Pool
from dlbench.record.schema import Limits, Run
from dlbench.report import FORMATS, summarize
from dlbench.report.cases import Unlike
from dlbench.report.configuration import BUSY, FLOPS, fairness
from dlbench.spec import Spec, Variant
from dlbench_fake.linear import LinearPlugin

pytestmark = pytest.mark.untimed

OPENMP = ACTUAL.pools[0]


def run_that(busy=1.9, threads=2, runs=1, **changes) -> list[Run]:
    """Processes of one arm whose samples keep `busy` cores busy."""
    one = good_run(**{"spec": spec(threads=threads), "actual": None} | changes)
    samples = [msgspec.structs.replace(at, cpu_seconds=busy * at.seconds) for at in one.samples]
    return [msgspec.structs.replace(one, samples=tuple(samples), group=at, groups=runs) for at in range(runs)]


def actual(**changes):
    return msgspec.structs.replace(ACTUAL, **changes)


def with_quota(cores):
    return msgspec.structs.replace(good_run().environment, limits=Limits(cores=2, cpu_quota=cores))


def on_devices(**changes) -> Spec:
    """Two workers that are devices of one process."""
    return spec(workers=2, variant=Variant("m", (("strategy", "mirrored"),), devices="strategy"), **changes)


def said(runs) -> str:
    return " ".join(summarize(runs).warnings)


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        (run_that(0.98), "CPU over wall seconds): train, tf.transformer jit 0.98: steps too small"),
        (
            run_that(2.0, threads=4),
            "given 4 threads, and at most 2.1 cores kept busy (half of the threads, and 0.1 for clocks and waits;",
        ),
        (run_that(1.104), "at most 1.1 cores kept busy (half of the threads, and 0.1 for clocks"),
        (
            run_that(1.9, threads=1),
            "given 1 thread, kept 1.90 cores busy (CPU over wall seconds): it computes with more",
        ),
        (
            run_that(actual=actual(pools=(Pool(library="OpenMP (libgomp)", threads=2, limit=1),))),
            "given 2 threads, but OpenMP (libgomp) starts 1: its limit is lower (OMP_THREAD_LIMIT",
        ),
        (
            run_that(actual=actual(pools=(Pool(library="openblas 0.3 (pthreads)", threads=1),))),
            "but openblas 0.3 (pthreads) starts 1: the plugin set it so",
        ),
        (
            run_that(threads=1, actual=actual(held_to=(0,), cpus=(0,))),
            "given 1 thread, OpenMP (libgomp) starts 2: the plugin set it so",
        ),
        (
            run_that(actual=actual(pools=(Pool(library="OpenMP (libgomp)", threads=2, dynamic=True),))),
            "may start fewer than its 2 threads when it likes (OMP_DYNAMIC)",
        ),
        (run_that(actual=actual(cpus=(1,))), "given 2 threads, which may run on processor 1 alone; GOMP_CPU_AFFINITY"),
        (run_that(actual=actual(cpus=(0, 1, 2, 3))), "held to processors 0-1, it moved itself to 0-3"),
        (run_that(threads=4, busy=4, actual=actual()), "given 4 threads on 2 processors, which they share by turns"),
        (
            run_that(actual=ACTUAL, environment=with_quota(0.5)),
            "given 2 threads in a control group whose quota is 0.5 cores",
        ),
        (
            run_that(caller={"OMP_NUM_THREADS": "1"}),
            "threads 2, and OMP_NUM_THREADS=1 of the caller's environment was rep",
        ),
        (run_that(caller={"OMP_NUM_THREADS": "1"}, isolation="none"), "stayed in force (--isolation none)"),
        (run_that(2.9, spec=on_devices(threads=1)), "given 2 threads, kept 2.90 cores busy"),
        (run_that(2.0, spec=on_devices(threads=2)), "given 4 threads, and at most 2.1 cores kept busy"),
    ],
    ids=lambda one: one if isinstance(one, str) else "runs",
)
def test_what_is_not_as_given_has_a_line(runs, text):
    assert text in said(runs)


@pytest.mark.parametrize(
    "runs",
    [
        run_that(1.95, actual=ACTUAL, caller={"OMP_NUM_THREADS": "2"}),
        run_that(1.3),
        run_that(1.0, threads=1, actual=actual(held_to=(3,), cpus=(3,), pools=())),
        run_that(0.0),
        run_that(1.9, spec=on_devices(threads=1)),
        run_that(0.1, info=msgspec.structs.replace(good_run().info, device="gpu:0")),
    ],
    ids=["all", "more than half", "one", "not read", "two workers", "on a GPU"],
)
def test_what_is_as_given_has_none(runs):
    assert not [text for text in ("given", "held to", "the caller") if text in said(runs)]


def test_a_fault_of_some_processes_is_said_with_their_number():
    runs = run_that(runs=3, actual=ACTUAL)
    runs[1] = msgspec.structs.replace(runs[1], environment=with_quota(1.0))
    assert "or give fewer; in 1 of 3 processes" in said(runs)


def test_the_table_of_what_arms_got_holds_what_happened_beside_the_setting():
    limited = actual(pools=(msgspec.structs.replace(OPENMP, limit=1),), cpus=(0,))
    (table,) = fairness(run_that(0.98, actual=limited, caller={"OMP_NUM_THREADS": "2"}))
    rows = {row.name: (row.asked, row.got) for row in table.rows}
    assert rows["threads"] == ("2", ("2, but OpenMP starts 1",))
    assert rows[BUSY] == ("up to 2", ("0.98",))
    assert rows["processors"] == ("", ("0",))
    assert rows["thread libraries"] == ("", ("OpenMP (libgomp) 2",))
    assert rows["the caller's variables"] == ("", ("OMP_NUM_THREADS=2",))


def test_each_phase_has_its_own_busy_cores_and_records_without_cpu_seconds_have_no_row():
    text = FORMATS["markdown"].render(summarize([good_run(), good_run(phase="predict")]))
    assert f"| {BUSY} | up to 2 | train 1.90, predict 1.90 |" in text
    (table,) = fairness(run_that(0.0))
    assert BUSY not in [row.name for row in table.rows]


def test_a_process_reads_back_where_it_could_run_and_what_its_libraries_say(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    asked = ("--plugin", "fake.linear", "--phase", "train", "--threads", "1", "--quick", "--no-parity")
    done = short("run", *asked, "--out", "o", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = raw_runs(tmp_path / "o")
    assert len(run["actual"]["held_to"]) == 1
    assert run["actual"]["cpus"] == run["actual"]["held_to"]
    assert any("openblas" in pool["library"] and pool["threads"] == 1 for pool in run["actual"]["pools"])


PLANTED = {
    "build:threads=2": "given 1 thread, openblas",
    "build:roam": "it moved itself to",
    "predict:coarse": "asked for precision fp32, it multiplies in bf16: its outputs show that",
}


@pytest.mark.parametrize("misdeed", PLANTED)
def test_a_plugin_that_says_one_thing_and_does_another_is_found_out(misdeed, tmp_path):
    if "roam" in misdeed and (os.cpu_count() or 1) == 1:
        pytest.skip("there is no other processor to go to")
    asked = ("--plugin", "naughty.linear", "--phase", "predict", "--threads", "1", "--quick", "--no-parity")
    done = short("run", *asked, "--out", "o", cwd=tmp_path, misdeed=misdeed)
    assert done.returncode == 0, done.stderr
    warnings = json.loads((tmp_path / "o" / "report.json").read_text())["warnings"]
    assert PLANTED[misdeed] in " ".join(warnings)
    assert not [text for other, text in PLANTED.items() if other != misdeed and text in " ".join(warnings)]


def test_the_precision_that_outputs_show_stands_beside_the_plugin_s_word():
    (table,) = fairness(run_that(actual=actual(taken_in=("bf16",))))
    assert {row.name: row.got for row in table.rows}["precision"] == ("fp32, multiplies in bf16",)
    (table,) = fairness(run_that(actual=actual(taken_in=("fp32",))))
    assert {row.name: row.got for row in table.rows}["precision"] == ("fp32",)


def test_data_that_is_to_wait_on_a_device_and_lies_on_the_host_is_refused():
    there, batch = of_line(device="gpu:0"), Batch(np.zeros(2), np.zeros(2))
    with pytest.raises(ContractViolation, match=r"asked for data on the gpu:0, and stage\(\) returned NumPy arrays"):
        stage(LinearPlugin(), there, batch)
    assert stage(LinearPlugin(), of_line(), batch).inputs.shape == (2,)
    assert stage(LinearPlugin(), msgspec.structs.replace(there, data="host"), batch) is batch


@pytest.mark.parametrize(("flops", "differs"), [(1.0e8, False), (1.1e8, True)])
def test_an_arm_that_predicts_alone_has_the_flops_of_that_phase(flops, differs):
    """Such as a runtime that trains nothing; it was built alike all the same."""
    trained = good_run(flops_per_step=3.0e8)
    predicted = good_run(phase="predict", flops_per_step=1.0e8)
    alone = good_run("torch.transformer", phase="predict", flops_per_step=flops)
    (table,) = fairness([trained, predicted, alone])
    (row,) = (row for row in table.rows if row.name == FLOPS)
    assert row.differs == differs
    report = summarize([trained, predicted, alone])
    (one,) = (one for part in report.sections for one in part.comparisons)
    (load,) = (part.workload for part in report.sections if part.comparisons)
    assert bool(Unlike(report.fairness).mark(load, one)) == differs


@pytest.mark.parametrize(("other", "differs"), [(1.0e8, False), (1.1e8, True)])
def test_an_arm_whose_processes_count_other_flops_in_one_phase_differs(other, differs):
    """Though one of them is what the other arm counts, and the two counts stand for no two phases."""
    twice = [good_run(flops_per_step=flops) for flops in (1.0e8, other)]
    (table,) = fairness([*twice, good_run("torch.transformer", flops_per_step=1.0e8)])
    (row,) = (row for row in table.rows if row.name == FLOPS)
    assert row.differs == differs
