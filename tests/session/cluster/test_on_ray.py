"""Sessions on real Ray: a cluster of two nodes on loopback whose workers, nodes and drivers are killed or frozen."""

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from command import SHORT, raw_runs, short, started
from two_nodes import children, cluster

from dlbench.stats import estimates

pytestmark = [pytest.mark.xdist_group("ray")]

IMPATIENT = (sys.executable, "-P", str(Path(__file__).parents[2] / "support" / "impatient.py"))
ARMS = ("--plugin", "fake.linear,twin.linear", "--threads", "1", "--no-parity", "--cold")
SIX, TWELVE = ("--phase", "train", "--processes", "6"), ("--phase", "train,predict", "--processes", "6")
PATIENCE = 400


@pytest.fixture(scope="module")
def nodes():
    with cluster() as found:
        yield found


@contextlib.contextmanager
def session(nodes, out, *arguments, command=SHORT):
    words = [*command, "run", "--cluster", nodes.address, *ARMS, *arguments, "--out", str(out), "--quiet"]
    with started(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=out.parent) as process:
        yield process


def until(found, what, process=None):
    """The first value that is true, while the process lives."""
    end = time.monotonic() + PATIENCE
    while not (value := found()):
        assert process is None or process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, f"never {what}"
        time.sleep(0.02)
    return value


def lines(out):
    path = out / "runs.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def ended(process, code=0):
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, errors
    return said


def whole(out, groups):
    """Every Run once; returns them."""
    runs = raw_runs(out)
    counts = Counter((run["spec"]["phase"], run["group"], run["spec"]["plugin"]) for run in runs)
    assert set(counts.values()) == {1}, "a Run twice"
    assert len(counts) == 2 * groups, "a Run is lost"
    assert {run["status"] for run in runs} == {"ok"}
    return runs


def busy(nodes, raylet=None):
    """A process that measures, with children at work."""
    return next((one for one in nodes.machines(raylet) if len(children(one)) >= 2), None)


def gone(processes):
    return not psutil.wait_procs(processes, timeout=20)[1]


@pytest.mark.untimed
def test_a_session_on_this_machine_is_the_same_as_without_a_cluster(tmp_path):
    """Also: priority and threads, as read back in the children; nothing listens to others; nothing is left."""
    words = [*SHORT, "run", "--cluster", "local", *ARMS, "--phase", "train", "--quick", "--out", "a", "--quiet"]
    with started(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        until(
            lambda: any("dlbench.workers.worker" in " ".join(cmdline(one)) for one in children(process)),
            "a worker",
            process,
        )
        below = children(process)
        listening = {
            at.laddr.ip.removeprefix("::ffff:")
            for one in [process, *below]
            for at in connections(one)
            if at.status == "LISTEN"
        }
        ended(process)
    assert listening, "nothing was seen to listen"
    assert listening <= {"127.0.0.1", "::1"}
    assert gone(below)
    runs = whole(tmp_path / "a", 1)
    assert {run["environment"]["nice"] for run in runs} == {os.getpriority(os.PRIO_PROCESS, 0)}
    assert {run["environment"]["variables"]["OMP_NUM_THREADS"] for run in runs} == {"1"}
    assert all(pool["threads"] == 1 for run in runs for pool in run["actual"]["pools"])
    assert [name for run in runs for name in run["environment"]["variables"] if name.startswith("RAY_")] == []
    done = short("run", *ARMS, "--phase", "train", "--quick", "--out", "b", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    alone = whole(tmp_path / "b", 1)
    assert {run["machine"] for run in runs} == {run["machine"] for run in alone}
    same = ("spec", "policy", "group", "arm", "arms", "isolation", "caller", "code", "attempt", "info")
    for one, other in zip(runs, alone, strict=True):
        assert {key: one[key] for key in same} == {key: other[key] for key in same}
        assert one["environment"] == other["environment"]


def cmdline(process):
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def connections(process):
    with contextlib.suppress(psutil.Error):
        return process.net_connections()
    return []


@pytest.mark.untimed
@pytest.mark.slow
def test_twelve_groups_on_two_nodes_each_alone_on_its_node(nodes, tmp_path):
    most, both = Counter(), False
    with session(nodes, tmp_path / "out", *TWELVE) as process:
        while process.poll() is None:
            at_work = {}
            for raylet in nodes.raylets:
                machines = nodes.machines(raylet)
                workers = [
                    one for of in machines for one in children(of) if "dlbench.workers.worker" in " ".join(cmdline(one))
                ]
                at_work[raylet] = len([one for one in workers if "supervisor" not in " ".join(cmdline(one))])
                most[raylet] = max(most[raylet], at_work[raylet])
                assert len(machines) <= 1
            both = both or all(at_work.values())
            time.sleep(0.05)
        ended(process)
    whole(tmp_path / "out", 12)
    assert both
    assert max(most.values()) <= 2, "two groups of two arms on one node"


@pytest.mark.untimed
@pytest.mark.slow
def test_a_session_over_the_port_of_clients_measures_every_group_once(nodes, tmp_path):
    """Over `ray://` promises are copies, and nothing but the command has Ray's files."""
    over = nodes._replace(address=until(lambda: answering(nodes.client), "a port of clients"))
    with session(over, tmp_path / "out", *SIX) as process:
        ended(process)
    assert {run["attempt"] for run in whole(tmp_path / "out", 6)} == {1}


def answering(address):
    """The address, once something listens there."""
    host, port = address.removeprefix("ray://").split(":")
    with contextlib.suppress(OSError):
        socket.create_connection((host, int(port)), 1).close()
        return address
    return ""


@pytest.mark.untimed
@pytest.mark.slow
def test_a_worker_that_is_killed_takes_its_children_along_and_its_group_is_measured_again(nodes, tmp_path):
    with session(nodes, tmp_path / "out", *SIX) as process:
        until(lambda: lines(tmp_path / "out"), "a Run", process)
        victim = until(lambda: busy(nodes), "at work", process)
        below = children(victim)
        victim.send_signal(signal.SIGKILL)
        assert gone(below), "children outlive their worker"
        ended(process)
    runs = whole(tmp_path / "out", 6)
    assert len({run["group"] for run in runs if run["attempt"] == 2}) == 1


@pytest.mark.untimed
@pytest.mark.slow
def test_a_killed_driver_loses_nothing_that_was_finished_and_its_session_goes_on(nodes, tmp_path):
    with session(nodes, tmp_path / "out", *SIX) as process:
        until(lambda: len(lines(tmp_path / "out")) >= 4, "two groups", process)
        below = [one for of in nodes.machines() for one in children(of)]
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = lines(tmp_path / "out")
    assert gone(below), "children outlive their driver"
    words = ["run", "--cluster", nodes.address, "--resume", "out", "--no-parity", "--quiet"]
    done = short(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    whole(tmp_path / "out", 6)
    assert set(kept[: len(kept) // 2 * 2]) <= set(lines(tmp_path / "out"))


@pytest.mark.untimed
@pytest.mark.slow
def test_a_frozen_worker_is_given_up_at_the_deadline(nodes, tmp_path):
    with session(nodes, tmp_path / "out", *SIX, command=IMPATIENT) as process:
        until(lambda: lines(tmp_path / "out"), "a Run", process)
        victim = until(lambda: busy(nodes), "at work", process)
        below = children(victim)
        victim.send_signal(signal.SIGSTOP)
        try:
            ended(process)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGCONT)
    runs = whole(tmp_path / "out", 6)
    assert len({run["group"] for run in runs if run["attempt"] == 2}) == 1
    assert gone([victim, *below])


@pytest.mark.untimed
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_node_that_dies_or_freezes_is_done_without(how, tmp_path):
    with cluster() as nodes, session(nodes, tmp_path / "out", *SIX, command=IMPATIENT) as process:
        until(lambda: lines(tmp_path / "out"), "a Run", process)
        until(lambda: busy(nodes, nodes.raylets[1]), "at work", process)
        raylet = psutil.Process(nodes.raylets[1])
        for one in [raylet, *(nodes.machines(raylet.pid) if how == signal.SIGSTOP else ())]:
            one.send_signal(how)
        assert ended(process).split() == [str(tmp_path / "out" / "report.md")], "Ray's own lines in the output"
        runs = whole(tmp_path / "out", 6)
        assert {run["attempt"] for run in runs} == {1, 2}


@pytest.mark.slow
def test_steps_take_as_long_on_ray_as_without(tmp_path):
    """Sessions by turns, so that both meet the same machine; the ratio of their medians is 1 within its interval."""
    medians = {"ray": [], "here": []}
    for turn in range(6):
        for kind in ("ray", "here") if turn % 2 else ("here", "ray"):
            out = tmp_path / f"{kind}-{turn}"
            where = ("--cluster", "local") if kind == "ray" else ()
            done = short(
                "run", *where, *ARMS, "--phase", "train", "--quick", "--out", str(out), "--quiet", cwd=tmp_path
            )
            assert done.returncode == 0, done.stderr
            steady = [
                s["seconds"] / s["steps"] for run in raw_runs(out) for s in run["samples"] if s["stage"] == "steady"
            ]
            medians[kind].append(math.log(min(steady)))
    shifts = [ray - here for ray, here in zip(medians["ray"], medians["here"], strict=True)]
    low, high = estimates.one_sample(shifts).interval(0.99)
    assert low <= 0.0 <= high
