"""Rounds under pytest-benchmark: the timed calls, and their processors."""

from __future__ import annotations

import os
import sys

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-benchmark measures nothing in a worker of pytest-xdist, and the tests of these tests would be in one."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


pytestmark = pytest.mark.untimed


CONFINED = """
    import os
    import threading
    import dlbench_fake.linear

    held, train = [], dlbench_fake.linear.LinearPlugin.train_step
    BEFORE = os.sched_getaffinity(0)
    waiting = threading.Event()
    older = threading.Thread(target=waiting.wait)
    older.start()

    def train_step(self, batch):
        held.append({task: os.sched_getaffinity(int(task)) for task in os.listdir("/proc/self/task")})
        return train(self, batch)

    dlbench_fake.linear.LinearPlugin.train_step = train_step

    def test_it(dlbench_benchmark):
        facts = dlbench_benchmark("fake.linear").extra_info
        assert len(held[0]) > 1
        assert {frozenset(cores) for cores in held[0].values()} == {frozenset({int(facts["processors"])})}
        assert facts["threads"] == 1
        assert 0 <= facts["cpu_per_wall"] < 1.5

    def test_all_as_before():
        assert {frozenset(os.sched_getaffinity(int(task))) for task in os.listdir("/proc/self/task")} == {
            frozenset(BEFORE)
        }
        waiting.set()
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_the_process_is_held_to_as_many_processors_as_threads_and_let_go(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CONFINED)
    pytester.runpytest_subprocess("--benchmark-disable").assert_outcomes(passed=2)


def test_where_nothing_can_be_held_the_facts_say_so_and_too_many_processors_are_a_warning(monkeypatch) -> None:
    from dlbench import pytest_plugin
    from dlbench.spec import Spec
    from dlbench.system import confine

    monkeypatch.setattr("dlbench.system.cpus.usable", tuple)
    with confine.to_processors(1) as processors:
        assert pytest_plugin._words(processors) == f"not held to any: {sys.platform} cannot"
    spec = Spec(plugin="a.b", phase="train", path="eager", size="small", task="line", batch_size=1, threads=1)
    with pytest.warns(UserWarning, match=r"a\.b eager: asked for 1 threads, 1\.9 processors worked"):
        pytest_plugin._check_threads({"cpu_per_wall": 1.9}, spec)
    pytest_plugin._check_threads({"cpu_per_wall": 1.1}, spec)


RECORDER = """
    import json, time
    from pathlib import Path
    from dlbench.plugin import ModelInfo

    now, since, samples = 0.0, 0, []

    def clock():
        return now

    class Loss:
        def __float__(self):
            global now, since
            now += 100.0
            samples.append(since)
            since = 0
            return 0.5

    class Plugin:
        def build(self, request):
            return ModelInfo(parameter_count=0, device="cpu", precision="fp32", path="eager")

        def train_step(self, batch):
            global now, since
            time.sleep(0.001)
            now += 1.0
            since += 1
            return Loss()

        def predict(self, inputs):
            return inputs
"""


def test_each_round_is_k_steps_ended_by_one_barrier_inside_the_clock(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that moves by 1 at each step and by 100 at each barrier, a step of a round of k lasts 1 + 100 / k."""
    pytester.makepyfile(zoo_recorder=RECORDER)
    info = pytester.mkdir("zoo_recorder-1.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-recorder\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[dlbench.plugins]\nzoo.recorder = zoo_recorder:Plugin\n")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=os.pathsep)
    pytester.makepyfile(
        """
        import zoo_recorder
        from dlbench import Policy

        POLICY = Policy(samples=5, settle_seconds=0.01, settle_cap_seconds=0.5)

        def test_it(dlbench_benchmark):
            stats = dlbench_benchmark("zoo.recorder", task="line", policy=POLICY).stats
            k = stats.iterations
            assert k > 1
            assert zoo_recorder.samples[-5:] == [k] * 5
            assert stats.stats.data == [1 + 100 / k] * 5
        """
    )
    result = pytester.runpytest_subprocess("--benchmark-timer=zoo_recorder.clock")
    result.assert_outcomes(passed=1)
