"""Processors by the machine's topology, and default threads by variables and quotas: all from made-up files."""

from __future__ import annotations

import math

import pytest
from command import dlbench

from dlbench.stats.ranges import spans
from dlbench.system import cgroup, cpus, threads
from dlbench.workers import process

pytestmark = pytest.mark.untimed


def topology(root, *, cores, nodes=(0,), neighbours=True):
    """`cores` a node, two processors each: neighbours 0 and 1, or as most servers count them 0 and half of all."""
    total = 2 * cores * len(nodes)
    for cpu in range(total):
        core = cpu // 2 if neighbours else cpu % (total // 2)
        siblings = (2 * core, 2 * core + 1) if neighbours else (core, core + total // 2)
        node = nodes[core // cores]
        folder = root / f"sys/devices/system/cpu/cpu{cpu}"
        (folder / "topology").mkdir(parents=True)
        (folder / f"node{node}").mkdir()
        (folder / "topology/physical_package_id").write_text(f"{node}\n")
        (folder / "topology/core_id").write_text(f"{core % cores}\n")
        (folder / "topology/thread_siblings_list").write_text(
            f"{siblings[0]}-{siblings[1]}\n" if neighbours else f"{siblings[0]},{siblings[1]}\n"
        )
    return root


@pytest.mark.parametrize(
    ("machine", "number", "allowed", "chosen"),
    [
        ({"cores": 4}, 2, range(8), [0, 2]),
        ({"cores": 4}, 4, range(8), [0, 2, 4, 6]),
        ({"cores": 4}, 6, range(8), [0, 1, 2, 3, 4, 6]),
        ({"cores": 4}, 99, range(8), list(range(8))),
        ({"cores": 4, "neighbours": False}, 4, range(8), [0, 1, 2, 3]),
        ({"cores": 4}, 2, [1, 2, 3, 5], [1, 2]),
        ({"cores": 4}, 3, [1, 2, 3, 5], [1, 2, 5]),
        ({"cores": 2, "nodes": (0, 1)}, 2, range(8), [0, 2]),
        ({"cores": 2, "nodes": (0, 1)}, 2, [0, 1, 4, 6], [4, 6]),
        ({"cores": 2, "nodes": (0, 1)}, 3, [0, 1, 4, 5, 6, 7], [0, 4, 6]),
        ({"cores": 2, "nodes": (0, 1)}, 4, range(8), [0, 2, 4, 6]),
    ],
    ids=str,
)
def test_each_thread_gets_a_physical_core_of_one_node_while_there_are_any(machine, number, allowed, chosen, tmp_path):
    assert cpus.choose(number, allowed, topology(tmp_path, **machine)) == chosen


@pytest.mark.parametrize(("number", "place", "chosen"), [(1, 0, [0]), (1, 1, [2]), (2, 1, [4, 6]), (2, 3, [5, 7])])
def test_processes_that_start_together_have_cores_of_their_own_while_there_are_any(number, place, chosen, tmp_path):
    assert cpus.choose_apart(number, place, range(8), topology(tmp_path, cores=4)) == chosen
    assert cpus.choose_apart(number, 9, range(8), topology(tmp_path / "again", cores=4)) == cpus.choose(
        number, range(8), topology(tmp_path / "more", cores=4)
    )


def test_without_a_word_on_topology_the_lowest_numbers_are_taken(tmp_path):
    assert cpus.choose(2, [3, 1, 2], tmp_path) == [1, 2]


def test_a_process_is_held_to_the_processors_that_the_topology_gives(monkeypatch):
    held = {}
    monkeypatch.setattr(process.cpus, "usable", lambda: (0, 1, 2, 3))
    monkeypatch.setattr(process.cpus, "choose_apart", lambda number, place, allowed: [*allowed][::2][:number])
    monkeypatch.setattr(process.os, "sched_setaffinity", held.__setitem__)
    process.limit_cores(17, 2)
    assert held == {17: [0, 2]}


@pytest.mark.parametrize(
    ("numbers", "text"), [([0, 1, 2, 3, 8], "0-3,8"), ([5], "5"), ([], ""), ([4, 1, 3], "1,3-4")], ids=str
)
def test_numbers_are_written_as_the_kernel_writes_them(numbers, text):
    assert spans(numbers) == text


def files(root, contents):
    for path, text in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


CGROUP, V1 = "proc/self/cgroup", "sys/fs/cgroup/cpu"


@pytest.mark.parametrize(
    ("contents", "quota"),
    [
        ({CGROUP: "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
        ({CGROUP: "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, math.inf),
        ({CGROUP: "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"}, 1.5),
        (
            {
                CGROUP: "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
            },
            0.5,
        ),
        ({CGROUP: "0::/not/mounted\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2.0),
        (
            {CGROUP: "4:cpu,cpuacct:/j\n", f"{V1}/j/cpu.cfs_quota_us": "250000", f"{V1}/j/cpu.cfs_period_us": "100000"},
            2.5,
        ),
        ({CGROUP: "4:cpu:/\n", f"{V1}/cpu.cfs_quota_us": "-1", f"{V1}/cpu.cfs_period_us": "100000"}, math.inf),
        ({CGROUP: "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, math.inf),
        ({}, math.inf),
    ],
    ids=range(9),
)
def test_the_quota_is_the_least_of_all_groups_above(contents, quota, tmp_path):
    assert cgroup.cpu_quota(files(tmp_path, contents)) == quota


HALF = {CGROUP: "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}
THREE = {CGROUP: "0::/\n", "sys/fs/cgroup/cpu.max": "350000 100000\n"}


@pytest.mark.parametrize(
    ("variables", "contents", "count", "why"),
    [
        ({}, {}, 4, ""),
        ({}, HALF, 1, "quota is 0.5 of 4 cores"),
        ({}, THREE, 3, "quota is 3.5 of 4 cores"),
        ({"OMP_NUM_THREADS": "1"}, {}, 1, "OMP_NUM_THREADS=1"),
        ({"OMP_NUM_THREADS": " 3,2 "}, {}, 3, "OMP_NUM_THREADS=3"),
        ({"MKL_NUM_THREADS": "2"}, HALF, 2, "MKL_NUM_THREADS=2"),
        ({"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "1"}, {}, 2, "OMP_NUM_THREADS=2"),
        ({"OMP_NUM_THREADS": "8", "OMP_THREAD_LIMIT": "3"}, {}, 3, "OMP_THREAD_LIMIT=3"),
        ({"KMP_DEVICE_THREAD_LIMIT": "2"}, {}, 2, "KMP_DEVICE_THREAD_LIMIT=2"),
        ({"OMP_NUM_THREADS": "many", "OMP_THREAD_LIMIT": ""}, {}, 4, ""),
        ({"OMP_NUM_THREADS": "0"}, {}, 4, ""),
    ],
    ids=str,
)
def test_threads_are_those_of_a_variable_or_of_the_quota_unless_given(
    variables, contents, count, why, monkeypatch, tmp_path
):
    monkeypatch.setattr(cpus, "usable", lambda: (0, 1, 2, 3))
    found = threads.default(variables, files(tmp_path, contents))
    assert found.number == count
    assert why in found.why
    assert bool(why) == bool(found.why)


@pytest.mark.parametrize(
    ("given", "variables", "said"),
    [
        (None, {}, ""),
        (2, {}, ""),
        (2, {"OMP_NUM_THREADS": "2"}, ""),
        (2, {"OMP_NUM_THREADS": "1"}, "threads 2 replaces OMP_NUM_THREADS=1 of this environment"),
        (
            None,
            {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "3"},
            "threads 1: OMP_NUM_THREADS=1 of this environment; --threads gives another number; "
            "threads 1 replaces MKL_NUM_THREADS=3 of this environment",
        ),
    ],
    ids=str,
)
def test_a_number_of_threads_that_may_surprise_has_a_line(given, variables, said, monkeypatch, tmp_path):
    monkeypatch.setattr(cpus, "usable", lambda: (0, 1, 2, 3))
    assert threads.note(given, variables, tmp_path) == said


@pytest.mark.parametrize(
    ("options", "plan", "line"),
    [
        ((), "threads 1", "OMP_NUM_THREADS=1 of this environment; --threads gives another number"),
        (("--threads", "2"), "threads 2", "threads 2 replaces OMP_NUM_THREADS=1"),
    ],
)
def test_the_user_s_own_variable_is_the_default_and_is_never_replaced_in_silence(
    options, plan, line, tmp_path, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = dlbench("run", "--plugin", "fake.linear", "--phase", "train", "--dry-run", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert plan in done.stdout
    assert line in done.stderr
