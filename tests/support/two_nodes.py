"""A Ray cluster of two nodes on loopback, as a program: prints its address and the raylets, and ends with its input.

As a module: `cluster()` is the program as a context, and the processes of dlbench on its nodes can be looked at.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from typing import NamedTuple
from unittest import mock

import psutil

STORE_BYTES = 80 << 20
TRIES, LATE = 5, "timed out during startup"
"""Starts of a node, and what Ray says of one that took too long."""
VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # binds every server to loopback, on Linux too
}


class TwoNodes(NamedTuple):
    """The address, that for clients, and the numbers of the raylets; the first is the head's."""

    address: str
    client: str
    raylets: list[int]

    def machines(self, raylet=None):
        """Processes that measure, of one node or of both."""
        found = []
        for pid in self.raylets if raylet is None else [raylet]:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [one for one in psutil.Process(pid).children() if name(one).startswith("ray::RemoteMachine")]
        return found


def name(process):
    with contextlib.suppress(psutil.NoSuchProcess, IndexError):
        return process.cmdline()[0]
    return ""


def children(process):
    """Workers of dlbench below a process, and all that they started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


@contextlib.contextmanager
def cluster():
    command = [sys.executable, __file__]
    with (
        mock.patch.dict(os.environ, VARIABLES),  # the command that connects must have them too
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program,
    ):
        below = []
        try:
            said = json.loads(program.stdout.readline())
            below = psutil.Process(program.pid).children(recursive=True)
            yield TwoNodes(**said)
        finally:
            for raylet in said["raylets"] if below else ():
                with contextlib.suppress(psutil.NoSuchProcess):
                    below += psutil.Process(raylet).children(recursive=True)
            program.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(timeout=30)
            program.kill()
            for one in below:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(below, timeout=10)


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def begun(cluster, given):
    """A cluster of one node, and its port for clients. Ray gives a node 30 seconds, and a busy machine takes longer."""
    for left in reversed(range(TRIES)):
        port = _free_port()
        try:
            return cluster(initialize_head=True, head_node_args=given | {"ray_client_server_port": port}), port
        except Exception as error:
            if LATE not in str(error) or not left:
                raise
    raise AssertionError("no try")


def main():
    from ray.cluster_utils import Cluster

    given = {"num_cpus": 2, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    found, port = begun(Cluster, given)
    nodes = [found.head_node, found.add_node(num_cpus=2, object_store_memory=STORE_BYTES)]
    found.wait_for_nodes()
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    said = {"address": found.address, "client": f"ray://127.0.0.1:{port}", "raylets": raylets}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    found.shutdown()


if __name__ == "__main__":
    main()
