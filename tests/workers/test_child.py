"""A child of one's own: obedience, death, silence, noise."""

import os
import subprocess
import sys

import msgspec
import psutil
import pytest
from built import of_line

from dlbench.spec import Policy
from dlbench.system import cpus
from dlbench.workers.backends import Starter
from dlbench.workers.calls import ask_devices
from dlbench.workers.child import ChildError
from dlbench.workers.child_environment import child_environment
from dlbench.workers.protocol import (
    Build,
    Built,
    Close,
    Closed,
    Evaluate,
    Evaluated,
    First,
    Settle,
    Settled,
    Stepped,
    Take,
    Taken,
)

pytestmark = pytest.mark.untimed

SPEC = of_line("naughty.linear")
FAST = Policy(sample_seconds=0.002, settle_seconds=0.01)


def test_a_child_answers_from_build_to_close(start):
    child = start()
    built = child.request(Build(spec=SPEC), Built)
    assert [mark.phase for mark in built.memory] == ["start", "import", "task", "build"]
    assert child.request(First(), Stepped).time.phase == "first_step"
    settled = child.request(Settle(policy=FAST), Settled)
    taken = child.request(Take(stage="steady", steps=settled.steps, count=3), Taken)
    assert [sample.steps for sample in taken.samples] == [settled.steps] * 3
    assert child.request(Evaluate(), Evaluated).quality >= 0
    closed = child.request(Close(), Closed)
    assert closed.memory.phase == "train"


def test_samples_of_turns_are_shorter_than_those_of_a_child_alone(start):
    policy, child = Policy(sample_seconds=0.02, turn_seconds=0.002, settle_seconds=0.01), start()
    child.request(Build(spec=SPEC), Built)
    child.request(First(), Stepped)
    orders = [Settle(policy=policy, in_turns=in_turns) for in_turns in (False, True)]
    alone, in_turns = (child.request(order, Settled).steps for order in orders)
    assert in_turns < alone


def test_orders_that_began_go_on_beside_others_and_are_replied_to_in_their_order(start):
    children = [start(), start()]
    for child in children:
        child.begin(Build(spec=SPEC), First())
    for child in children:
        assert child.request(Build(spec=SPEC), Built).info.path == SPEC.path
        assert child.request(First(), Stepped).time.phase == "first_step"
        child.request(Settle(policy=FAST), Settled)


def test_a_process_that_is_moved_says_where_it_was_held_and_computed(start):
    child, last = start(), cpus.usable()[-1]
    child.request(Build(spec=SPEC), Built)
    child.request(First(), Stepped)
    child.request(Settle(policy=FAST, processors=(last,)), Settled)
    child.request(Take(stage="steady", steps=50), Taken)
    actual = child.request(Close(), Closed).actual
    assert (actual.held_to, actual.cpus) == ((last,), (last,))


def test_a_failure_of_what_began_is_met_when_its_reply_is_requested(start):
    child = start("build:raise")
    child.begin(Build(spec=SPEC), First())
    with pytest.raises(ChildError, match="told to fail"):
        child.request(Build(spec=SPEC), Built)


def test_a_reply_holds_the_clock_that_times_samples(start):
    child = start()
    child.request(Build(spec=SPEC), Built)
    first = child.request(First(), Stepped)
    taken = child.request(Take(stage="steady", steps=2, count=3), Taken)
    assert taken.clock - first.clock >= sum(sample.seconds for sample in taken.samples)


def test_a_plugin_that_replaces_a_clock_gives_no_sample(start):
    child = start("train_step:clock=perf_counter_ns@2!")
    child.request(Build(spec=SPEC), Built)
    child.request(First(), Stepped)
    with pytest.raises(ChildError, match=r"naughty.linear: time.perf_counter_ns was replaced") as caught:
        child.request(Take(stage="steady", steps=2, count=3), Taken)
    assert caught.value.status == "error"


def test_what_a_plugin_prints_is_kept_and_never_taken_for_a_reply(start):
    child = start("build:print=50000")
    child.request(Build(spec=SPEC), Built)
    assert child.output_tail().strip("x\n") == ""
    assert len(child.output_tail()) == 2000


@pytest.mark.parametrize(
    ("misdeed", "status", "text"),
    [
        ("import:raise", "error", "naughty.linear.*dlbench-fake.*ValueError: told to fail"),
        ("build:raise", "error", "ValueError: told to fail"),
        ("build:raise=Unsupported", "unsupported", "told to fail"),
        ("build:raise=MemoryError", "out-of-memory", "MemoryError"),
        ("build:exit=3", "crashed", "exited with code 3"),
        ("build:os-exit=0", "crashed", "exited with code 0"),
        ("build:signal=SIGSEGV", "crashed", "SIGSEGV"),
        ("build:signal=SIGKILL", "crashed", "SIGKILL .*memory"),
        ("build:lie=device", "error", "device cpu.*device gpu:7"),
        ("build:lie=path", "error", "path eager.*path graph"),
    ],
)
def test_what_goes_wrong_in_build_has_a_status_and_a_reason(start, misdeed, status, text):
    with pytest.raises(ChildError, match=text) as caught:
        start(misdeed).request(Build(spec=SPEC), Built)
    assert caught.value.status == status
    assert caught.value.loading == misdeed.startswith("import")


@pytest.mark.parametrize(
    ("misdeed", "status", "text"),
    [
        ("train_step:raise@2", "error", "ValueError"),
        ("train_step:return=nan@2", "diverged", "nan"),
        ("train_step:return=inf@2", "diverged", "inf"),
        ("train_step:return=text@2", "error", "float.*'not a number'"),
        ("train_step:return=none@2", "error", "float.*None"),
        ("train_step:signal=SIGABRT@2", "crashed", "SIGABRT"),
    ],
)
def test_what_goes_wrong_in_a_step_has_a_status_and_a_reason(start, misdeed, status, text):
    child = start(misdeed)
    child.request(Build(spec=SPEC), Built)
    child.request(First(), Stepped)
    with pytest.raises(ChildError, match=text) as caught:
        child.request(Take(stage="steady", steps=1), Taken)
    assert caught.value.status == status


def test_outputs_of_another_shape_are_refused(start):
    child = start("predict:return=shape")
    child.request(Build(spec=SPEC), Built)
    with pytest.raises(ChildError, match=r"\(32, 1\), got \(32, 1, 2\)"):
        child.request(Evaluate(), Evaluated)


def test_a_child_that_hangs_is_killed_and_leaves_nobody_behind(start):
    child = start("build:hang", timeout=2.0)
    with pytest.raises(ChildError, match=r"not done within the 2 s.*last asked to build.*--timeout") as caught:
        child.request(Build(spec=SPEC), Built)
    assert caught.value.status == "timeout"
    assert not psutil.pid_exists(child.process.pid)


def test_a_child_without_a_parent_ends(start):
    child = start()
    child.request(Build(spec=SPEC), Built)
    os.close(child._orders)
    assert child.process.exit_code(30) == 0


def test_the_child_gets_one_thread_setting_and_keeps_the_rest():
    given = child_environment({"HOME": "/x", "OMP_NUM_THREADS": "7"}, 2)
    assert given["OMP_NUM_THREADS"] == given["MKL_NUM_THREADS"] == "2"
    assert given["HOME"] == "/x"
    assert "OMP_WAIT_POLICY" not in given


def test_the_token_of_a_cluster_does_not_reach_a_child():
    given = child_environment({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "x", "RAY_AUTH_TOKEN_PATH": "y"}, 2)
    assert [name for name in given if name.startswith("RAY_")] == []


def test_threads_of_openblas_spin_for_milliseconds_unless_the_user_says_how_long():
    assert child_environment({}, 2)["OPENBLAS_THREAD_TIMEOUT"] == "24"
    assert child_environment({"OPENBLAS_THREAD_TIMEOUT": "28"}, 2)["OPENBLAS_THREAD_TIMEOUT"] == "28"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux holds a process to cores")
@pytest.mark.parametrize("isolation", ["fresh", "fork"])
def test_a_process_of_one_thread_is_held_to_one_core_with_all_its_threads(isolation):
    with Starter() as starter:
        child = starter(msgspec.structs.replace(SPEC, plugin="fake.linear"), Policy(isolation=isolation))
        built = child.request(Build(spec=msgspec.structs.replace(SPEC, plugin="fake.linear")), Built)
        process = psutil.Process(child.process.pid)
        held = {tuple(os.sched_getaffinity(thread.id)) for thread in process.threads()}
        child.close()
    assert held == {(min(os.sched_getaffinity(0)),)}
    assert built.environment.usable_cores == 1
    assert built.environment.cores == os.cpu_count()


def test_devices_are_asked_in_a_child():
    assert "cpu" in ask_devices("fake.linear")
    assert ask_devices("fake.minimal") == {}
    program = (
        "import sys; from dlbench.workers.calls import ask_devices; ask_devices('fake.linear'); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "dlbench.workers.child" in done.stdout.split()
    assert "dlbench_fake" not in done.stdout.split()


@pytest.mark.parametrize("plugin", [pytest.param("tf.mlp", marks=pytest.mark.slow), "torch.mlp"])
def test_a_run_of_one_thread_uses_one_core(plugin, start):
    """Its CPU seconds are no more than the clock's: a neighbour can make them fewer and never more."""
    pytest.importorskip(f"dlbench_{plugin.partition('.')[0]}")
    values = {"plugin": plugin, "size": "base", "task": "digits", "batch_size": 1024}
    child = start(timeout=120.0)
    child.request(Build(spec=msgspec.structs.replace(SPEC, **values)), Built)
    child.request(First(), Stepped)
    (sample,) = child.request(Take(stage="steady", steps=10), Taken).samples
    assert sample.cpu_seconds <= 1.05 * sample.seconds
