"""Time without a core, as the kernel counts it."""

from __future__ import annotations

import time

import pytest

from dlbench.system import waiting
from dlbench.system.waiting import Times

pytestmark = pytest.mark.untimed
MS = 1_000_000


def test_a_thread_that_only_works_is_on_a_core_or_waits_for_one():
    if waiting.so_far() is None:
        pytest.skip("this kernel does not count waits")
    waited = waiting.counter()
    wall, cpu = time.perf_counter(), time.thread_time()
    while time.thread_time() - cpu < 0.05:
        pass
    worked, passed = time.thread_time() - cpu, time.perf_counter() - wall
    found = waited(passed, worked)
    assert found.unsure is not None
    assert found.waited is None or worked + found.waited + found.unsure >= 0.5 * passed  # a hypervisor may take a part


def between(threads, seconds, *, processors=1, cpu_seconds=None):
    """Waits of threads by milliseconds that each worked and waited, from zero."""
    after = {str(name): Times(*(int(one * MS) for one in times)) for name, times in enumerate(threads)}
    worked = sum(times[0] for times in threads) * 1e-3
    return waiting.between({}, after, seconds * 1e-3, worked if cpu_seconds is None else cpu_seconds, processors)


def test_readings_count_from_the_first():
    before = {"1": Times(5 * MS, 2 * MS), "2": Times(0, 0)}
    after = {"1": Times(25 * MS, 12 * MS), "2": Times(0, 0)}
    assert waiting.between(before, after, 0.03, 0.02, 1) == pytest.approx((0.010, 0.0))


def test_a_thread_that_works_alone_waits_for_all():
    assert between([(20, 10), (0, 0)], 30) == pytest.approx((0.010, 0.0))
    assert between([(20, 10), (0, 0)], 30, processors=2) == pytest.approx((0.010, 0.0))


def test_a_wait_for_another_thread_of_the_program_is_its_own():
    assert between([(20, 1), (1, 0)], 21) == pytest.approx((0.0, 0.0))
    assert between([(10, 10), (10, 10)], 20) == pytest.approx((0.0, 0.0))  # they share a processor that nobody took


@pytest.mark.parametrize("processors", [1, 2])
def test_a_helper_that_waits_too_makes_the_waits_of_a_program_unknown(processors):
    """The main thread works little, and waits for a core each time that it hands over: nobody sees it in the other."""
    found = between([(80, 80), (2, 40)], 202, processors=processors)
    assert found.waited is None
    assert found.unsure == pytest.approx(120e-3 - 78e-3)
    assert between([(16, 150), (14, 198), (3, 43)], 262, processors=processors).waited is None  # jax beside four others


def test_threads_that_follow_one_another_are_known_only_where_nobody_took_their_core():
    assert between([(10, 3), (10, 4)], 27).waited is None
    assert between([(10, 3), (10, 4)], 20.1) == pytest.approx((0.0, 0.1e-3))


def test_threads_beside_each_other_are_known_only_where_none_waited():
    assert between([(20, 3), (18, 4)], 24, processors=2).waited is None
    assert between([(20, 0.05), (18, 0.05)], 21, processors=2) == pytest.approx((0.0, 0.1e-3))
    assert between([(20, 9), (20, 9), (20, 9)], 30, processors=2) == pytest.approx((0.0, 0.0))  # more than processors


def test_a_new_thread_counts_from_its_start():
    after = {"1": Times(6, 9), "3": Times(5 * MS, 1 * MS)}
    found = waiting.between({"1": Times(5, 9)}, after, 0.006, 0.005, 1)
    assert found.waited == pytest.approx(0.001, rel=1e-3)


def test_threads_that_have_ended_took_their_waits_with_them():
    found = between([(2, 0)], 200, cpu_seconds=0.1)
    assert found.waited is None
    assert found.unsure == pytest.approx(0.1)


def test_a_thread_that_ended_in_a_short_sample_is_noticed_by_its_name():
    """Of 5 ms of work it did 4.9: less than the kernel's figures may lag behind."""
    before, after = {"1": Times(0, 0), "2": Times(0, 0)}, {"1": Times(MS // 10, 0)}
    found = waiting.between(before, after, 0.008, 0.005, 1)
    assert found.waited is None
    assert found.unsure == pytest.approx(0.003)


def test_no_seconds_where_the_kernel_does_not_count():
    assert waiting.between(None, {"1": Times(1, 1)}, 1.0, 1.0, 1) == (None, None)
    assert waiting.between({"1": Times(1, 1)}, None, 1.0, 1.0, 1) == (None, None)


@pytest.mark.parametrize("content", [None, "", "1", "1 two 3"])
def test_a_system_without_these_files_gives_none(tmp_path, monkeypatch, content):
    monkeypatch.setattr(waiting, "THREADS", str(tmp_path))
    (tmp_path / "17").mkdir()
    if content is not None:
        (tmp_path / "17" / "schedstat").write_text(content)
    assert waiting.so_far() is None
    monkeypatch.setattr(waiting, "THREADS", str(tmp_path / "none"))
    assert waiting.counter()(1.0, 1.0) == (None, None)
