"""A fork server, from inside: it loads a plugin, which imports its framework, and then forks children on request.

It must never do more: a process that has run one operation has threads, a fork has none of them, and its first
operation waits for them for ever (measured: 3 of 3 children hung). So it refuses to fork if loading started a thread,
by the kernel's own count.

Run as `python -m dlbench.workers.fork_server SPEC SOCKET`, JSON and a descriptor. It reports there the outcome of
loading. Each incoming message is a request to fork, with five descriptors: orders and replies, then the supervisor's.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec

from dlbench.measure import sources
from dlbench.registry import adaptors
from dlbench.spec import Spec
from dlbench.workers import failing, supervisor, worker

MESSAGE_BYTES = 1 << 16


def main() -> None:
    """Load, report the outcome, and fork until the parent is gone."""
    channel = socket.socket(fileno=int(sys.argv[2]))
    channel.set_inheritable(False)
    loaded = _load(msgspec.json.decode(sys.argv[1], type=Spec))
    channel.send(json.dumps(loaded).encode())
    if loaded["status"]:
        return
    gc.collect()
    gc.freeze()  # a child that collects garbage does not copy the pages of imported modules
    forked: list[int] = []
    while (received := socket.recv_fds(channel, MESSAGE_BYTES, 5))[0]:
        forked = [pid for pid in forked if not os.waitpid(pid, os.WNOHANG)[0]]
        forked.append(_fork(channel, received[1]))


def _load(spec: Spec) -> dict[str, Any]:
    """Status (empty when it can fork) and reason, as of a Run."""
    before = _threads()
    try:
        sources.look_before(spec)
        adaptors.load_plugin(spec)
        sources.of_spec(spec)
    except BaseException as error:
        failing.print_traceback(error)
        failed = failing.failed(error)
        return {"status": failed.status, "reason": failed.reason, "loading": failed.loading}
    if (started := _threads() - before) > 0:
        reason = f"{spec.plugin} cannot be forked: loading it started {started} threads; use --isolation fresh"
        return {"status": "unsupported", "reason": reason, "loading": False}
    return {"status": "", "reason": "", "loading": False}


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _fork(channel: socket.socket, descriptors: list[int]) -> int:
    """The number of a supervisor in a fork of this process, whose worker is another fork."""
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    try:
        channel.close()
        os.setsid()
        _supervise(*descriptors)
    finally:
        os._exit(0)


def _supervise(orders: int, replies: int, leash: int, status: int, output: int) -> None:
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)

    def work() -> None:
        try:
            worker.main(orders, replies)
        except BaseException:
            traceback.print_exc()

    supervisor.supervise(leash, status, (orders, replies), work)


if __name__ == "__main__":
    main()
