"""Memory left in a container, read from made-up control groups of both versions."""

import math

import pytest

from dlbench.session import pilot
from dlbench.session.pilot import SHARE
from dlbench.system import cgroup

pytestmark = pytest.mark.untimed

V2 = {"memory.max": "1000", "memory.current": "700", "memory.stat": "anon 1\ninactive_file 200\n"}
V1 = {
    "memory.limit_in_bytes": "1000",
    "memory.usage_in_bytes": "700",
    "memory.stat": "inactive_file 1\ntotal_inactive_file 200\n",
}


def machine(root, groups, folder, files):
    placed = {f"{folder}/{name}": text for name, text in files.items()}
    for path, text in {"proc/self/cgroup": groups, **placed}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize(
    ("groups", "folder", "files", "free"),
    [
        ("0::/\n", "sys/fs/cgroup", V2, 500),
        ("0::/job/one\n", "sys/fs/cgroup/job/one", V2, 500),
        ("0::/job/one/task\n", "sys/fs/cgroup/job", V2, 500),
        ("0::/not/mounted\n", "sys/fs/cgroup", V2, 500),
        ("0::/\n", "sys/fs/cgroup", V2 | {"memory.max": "max\n"}, math.inf),
        ("0::/\n", "sys/fs/cgroup", V2 | {"memory.current": "1500"}, 0),
        ("9:memory:/job\n0::/\n", "sys/fs/cgroup/memory/job", V1, 500),
        ("0::/\n", "elsewhere", V2, math.inf),
    ],
)
def test_what_the_group_leaves(groups, folder, files, free, tmp_path):
    assert cgroup.free_bytes(machine(tmp_path, groups, folder, files)) == free


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert cgroup.free_bytes(tmp_path) == math.inf


def test_arms_share_what_the_container_leaves(monkeypatch):
    monkeypatch.setattr(cgroup, "free_bytes", lambda: 1000)
    assert pilot.available_memory("cpu").host == SHARE * 1000
