"""Workers that train together: they follow the first one, hold the same weights, and end with it."""

from __future__ import annotations

import os
import signal
import time

import msgspec
import psutil
import pytest

from dlbench.spec import Policy, Spec, Variant
from dlbench.workers.backends import Starter
from dlbench.workers.child import ChildError
from dlbench.workers.protocol import Build, Built, Close, Closed, First, Settle, Settled, Stepped, Take, Taken

pytestmark = pytest.mark.untimed

SPEC = Spec(
    plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1, workers=2
)
SHORT = Policy(sample_seconds=0.001, settle_seconds=0.0, settle_cap_seconds=0.1)
CLOSE = Close(compile_again=False, multiply=False)


@pytest.fixture
def first(start, monkeypatch):
    """Start the first of several workers; the fault is one of `dlbench_fake.exchange`."""

    def first(fault="", timeout=60.0):
        monkeypatch.setenv("DLBENCH_FAKE_WORKER", fault or " -1")
        return start(timeout=timeout)

    return first


def trained(child, spec=SPEC):
    """The last words of a training of some steps."""
    child.request(Build(spec=spec), Built)
    child.request(First(), Stepped)
    steps = child.request(Settle(policy=SHORT), Settled).steps
    child.request(Take(stage="steady", steps=steps, count=2), Taken)
    return child.request(CLOSE, Closed)


@pytest.mark.parametrize("scaling", [msgspec.UNSET, pytest.param("strong", marks=pytest.mark.slow)])
def test_all_workers_end_with_the_same_weights_on_processors_of_their_own(first, scaling):
    found = trained(first(), msgspec.structs.replace(SPEC, workers=4 if scaling == "strong" else 2, scaling=scaling))
    assert len(found.ranks) == (4 if scaling == "strong" else 2)
    assert len({one.weights for one in found.ranks}) == 1
    assert found.ranks[0].weights
    if len(os.sched_getaffinity(0)) >= 2:
        assert set(found.ranks[0].cpus).isdisjoint(found.ranks[1].cpus)


@pytest.mark.slow
def test_memory_is_that_of_all_workers(first):
    alone = first().request(Build(spec=msgspec.structs.replace(SPEC, workers=msgspec.UNSET)), Built).memory
    both = first().request(Build(spec=SPEC), Built).memory
    assert [mark.phase for mark in both] == [mark.phase for mark in alone]
    assert all(1.6 * one.resident_bytes < two.resident_bytes for one, two in zip(alone, both, strict=True))


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("dies 1", "crashed", r"worker 1 of 2: the child was ended by SIGKILL"),
        ("drifts 1", "error", r"the parameters of worker 1 are not those of worker 0"),
        pytest.param("refuses 1", "unsupported", r"worker 1 of 2: this worker will not join", marks=pytest.mark.slow),
        pytest.param("refuses 0", "unsupported", r"^this worker will not join", marks=pytest.mark.slow),
    ],
)
def test_a_fault_of_one_worker_ends_all_and_is_named(first, fault, status, reason):
    with pytest.raises(ChildError, match=reason) as failed:
        trained(first(fault))
    assert failed.value.status == status


@pytest.mark.slow
def test_a_worker_that_hangs_takes_no_longer_than_a_process_may(first):
    with pytest.raises(ChildError, match="not done within the 3 s") as failed:
        trained(first("hangs 1", timeout=3.0))
    assert failed.value.status == "timeout"


def test_workers_die_with_the_first_one(first):
    child = first()
    child.request(Build(spec=SPEC), Built)
    others = psutil.Process(child.process.pid).children(recursive=True)
    assert len(others) == 2  # a supervisor, and a worker below it
    os.kill(child.process.pid, signal.SIGKILL)
    child.close()
    patience = time.monotonic() + 20
    while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in others):
        assert time.monotonic() < patience
        time.sleep(0.01)


HELD = msgspec.structs.replace(SPEC, variant=Variant("one", (("place", "devices"),), devices="place"))


@pytest.mark.parametrize("scaling", [msgspec.UNSET, "strong"])
def test_workers_of_one_process_are_read_one_by_one_and_nothing_else_is_started(first, scaling):
    child = first()
    found = trained(child, msgspec.structs.replace(HELD, scaling=scaling))
    assert [(one.device, one.weights) for one in found.ranks] == [("cpu", found.ranks[0].weights)] * 2
    assert found.ranks[0].weights
    assert found.settings["place"] == "devices"


def test_workers_of_one_process_have_no_processes_below_it(first):
    child = first()
    child.request(Build(spec=HELD), Built)
    assert psutil.Process(child.process.pid).children(recursive=True) == []


def test_unequal_weights_of_workers_of_one_process_are_an_error(first):
    with pytest.raises(ChildError, match=r"the parameters of worker 1 are not those of worker 0"):
        trained(first("drifts 1"), HELD)


def test_the_process_of_several_workers_has_the_processors_of_all():
    child = Starter()(HELD, Policy(isolation="fresh"))
    try:
        if (cores := len(os.sched_getaffinity(0))) >= 2:
            assert len(os.sched_getaffinity(child.process.pid)) == min(2, cores)
    finally:
        child.close()


def test_a_plugin_that_cannot_train_in_parallel_is_unsupported(first):
    with pytest.raises(ChildError, match=r"2 workers: fake\.minimal does not say how .* leave --workers out") as found:
        first().request(Build(spec=msgspec.structs.replace(SPEC, plugin="fake.minimal")), Built)
    assert found.value.status == "unsupported"
