"""A warm parent, from outside, and the children that it forks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from dlbench.errors import SpecError
from dlbench.isolate import Child, ChildError, ending
from dlbench.process import GUARD, Limits, Output, environment, limit_cores, limit_memory
from dlbench.record import Status

MESSAGE_BYTES = 1 << 16


class Warm:
    """A process that has loaded one plugin under one thread setting."""

    def __init__(self, plugin: str, limits: Limits, timeout: float, python: str = sys.executable) -> None:
        """Return when it can fork. Raises ChildError when it cannot, and SpecError on a system without safe forks."""
        if not sys.platform.startswith("linux"):
            raise SpecError(f"--isolation fork needs Linux, this is {sys.platform}; use --isolation fresh")
        self._limits, self._timeout = limits, timeout
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._output = Output()
        self._popen = subprocess.Popen(
            [python, "-m", "dlbench.warm", plugin],
            stdin=theirs.fileno(),
            stdout=self._output.descriptor,
            stderr=self._output.descriptor,
            env=environment(os.environ, limits.threads),
            start_new_session=True,
        )
        GUARD.watch(self._popen.pid)
        limit_cores(self._popen.pid, limits.threads)
        self._output.handed_over()
        theirs.close()
        self._channel.settimeout(timeout)
        self._require_loaded(plugin)

    def fork(self) -> Child:
        """A child that has the plugin loaded."""
        orders, replies, output = os.pipe(), os.pipe(), Output()
        try:
            socket.send_fds(self._channel, [b"fork"], [orders[0], replies[1], output.descriptor])
            pid = int(self._answer())
        except OSError as error:
            raise ChildError("crashed", f"the warm parent is gone ({error})", output=self.output_tail()) from error
        finally:
            output.handed_over()
            for descriptor in (orders[0], replies[1]):
                os.close(descriptor)
        GUARD.watch(pid)
        limit_memory(pid, self._limits.memory_bytes)
        return Child(Forked(self, pid, (orders[1], replies[0]), output), self._timeout)

    def poll(self, pid: int) -> int | None:
        """The exit code of a child, None while it lives; that of SIGKILL where the parent is gone and cannot tell."""
        try:
            self._channel.send(f"poll {pid}".encode())
            code: int | None = self._answer()
        except OSError:
            return -signal.SIGKILL
        return code

    def output_tail(self) -> str:
        """The end of what it printed; ends it."""
        self.close()
        return self._output.tail()

    def close(self) -> None:
        """End it."""
        GUARD.release(self._popen.pid)
        self._popen.kill()
        self._popen.wait()
        self._channel.close()

    def _require_loaded(self, plugin: str) -> None:
        try:
            loaded = self._answer()
        except TimeoutError as error:
            reason = f"{plugin} was not loaded within {self._timeout:g} s; give a longer --timeout"
            raise ChildError("timeout", reason, output=self.output_tail()) from error
        except OSError as error:
            reason = f"the process that loads {plugin} {ending(self._popen.wait())}"
            raise ChildError("crashed", reason, output=self.output_tail()) from error
        if loaded["status"]:
            status: Status = loaded["status"]
            raise ChildError(status, loaded["reason"], loading=loaded["loading"], output=self.output_tail())

    def _answer(self) -> Any:
        answer = self._channel.recv(MESSAGE_BYTES)
        if not answer:
            raise ConnectionResetError("it closed its socket")
        return json.loads(answer)


class Forked:
    """A process that a warm parent forked."""

    def __init__(self, parent: Warm, pid: int, pipes: tuple[int, int], output: Output) -> None:
        self._parent, self.pid, self.output = parent, pid, output
        self.orders, self.replies = pipes
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it lives."""
        if self._code is None:
            self._code = self._parent.poll(self.pid)
        return self._code

    def close(self) -> None:
        """Let go of its pipes."""
        for descriptor in (self.orders, self.replies):
            os.close(descriptor)
