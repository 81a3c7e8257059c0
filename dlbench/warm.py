"""A warm parent, from inside: it loads a plugin, which imports its framework, and then forks children on request.

It must never do more: a process that has run one operation has threads, a fork has none of them, and its first
operation waits for them for ever (measured: 3 of 3 children hung). So it refuses to fork where loading started a
thread, by the kernel's own count.

Run as `python -m dlbench.warm PLUGIN`. Standard input is a socket of messages: `fork`, with descriptors for a child's
orders, replies and output, is answered with its number; `poll NUMBER` with its exit code, or null while it lives.
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

from dlbench import registry, worker

MESSAGE_BYTES = 1 << 16


def main() -> None:
    """Load, say how that went, and fork until the parent is gone."""
    channel = socket.socket(fileno=os.dup(0))
    loaded = _load(sys.argv[1])
    _send(channel, loaded)
    if loaded["status"]:
        return
    gc.collect()
    gc.freeze()  # a child that collects garbage does not copy the pages of what was imported
    while (received := socket.recv_fds(channel, MESSAGE_BYTES, 3))[0]:
        message, descriptors = received[:2]
        word, _, number = message.decode().partition(" ")
        _send(channel, _fork(channel, descriptors) if word == "fork" else _poll(int(number)))


def _load(plugin: str) -> dict[str, Any]:
    """Status (empty when it can fork) and reason, as of a Run."""
    before = _threads()
    try:
        registry.load(plugin)
    except Exception as error:
        traceback.print_exc()
        failed = worker.failed(error)
        return {"status": failed.status, "reason": failed.reason, "loading": failed.loading}
    if (started := _threads() - before) > 0:
        reason = f"{plugin} cannot be forked: loading it started {started} threads; use --isolation fresh"
        return {"status": "unsupported", "reason": reason, "loading": False}
    return {"status": "", "reason": "", "loading": False}


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _fork(channel: socket.socket, descriptors: list[int]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    code = 1
    try:
        os.setsid()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.close()
        worker.main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _send(channel: socket.socket, answer: object) -> None:
    channel.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
