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
    assert worked + waited(passed) >= 0.5 * passed  # a hypervisor may take a part that no guest sees


def test_a_thread_that_works_alone_waits_for_all():
    before = {"1": Times(5 * MS, 2 * MS), "2": Times(0, 0)}
    after = {"1": Times(25 * MS, 12 * MS), "2": Times(0, 7 * MS)}
    assert waiting.between(before, after, 0.03) == pytest.approx(0.010)


def test_a_wait_for_another_thread_of_the_program_is_its_own():
    before = {"1": Times(0, 0), "2": Times(0, 0)}
    after = {"1": Times(20 * MS, 10 * MS), "2": Times(1 * MS, 5 * MS)}
    assert waiting.between(before, after, 0.03) == pytest.approx(0.009)
    after = {"1": Times(20 * MS, MS // 2), "2": Times(1 * MS, 0)}
    assert waiting.between(before, after, 0.0205) == 0


def test_threads_that_follow_one_another_wait_together():
    before = {"1": Times(0, 0), "2": Times(0, 0)}
    after = {"1": Times(10 * MS, 3 * MS), "2": Times(10 * MS, 4 * MS)}
    assert waiting.between(before, after, 0.03) == pytest.approx(0.007)


def test_waits_of_threads_that_work_beside_each_other_say_nothing():
    before = {"1": Times(0, 0), "2": Times(0, 0)}
    after = {"1": Times(20 * MS, 3 * MS), "2": Times(18 * MS, 4 * MS)}
    assert waiting.between(before, after, 0.03) is None


def test_a_new_thread_counts_from_its_start_and_one_that_ended_is_lost():
    found = waiting.between({"1": Times(5, 9), "2": Times(7, 7)}, {"1": Times(6, 9), "3": Times(5 * MS, 1 * MS)}, 1.0)
    assert found == pytest.approx(0.001)


def test_no_seconds_where_the_kernel_does_not_count():
    assert waiting.between(None, {"1": Times(1, 1)}, 1.0) is None
    assert waiting.between({"1": Times(1, 1)}, None, 1.0) is None


@pytest.mark.parametrize("content", [None, "", "1", "1 two 3"])
def test_a_system_without_these_files_gives_none(tmp_path, monkeypatch, content):
    monkeypatch.setattr(waiting, "THREADS", str(tmp_path))
    (tmp_path / "17").mkdir()
    if content is not None:
        (tmp_path / "17" / "schedstat").write_text(content)
    assert waiting.so_far() is None
    monkeypatch.setattr(waiting, "THREADS", str(tmp_path / "none"))
    assert waiting.counter()(1.0) is None
