"""A fork server from outside, and the children that it forks."""

from __future__ import annotations

import json
import socket
import sys
from functools import partial
from typing import Any

import msgspec

from dlbench.errors import SpecError
from dlbench.record.flags import StatusName
from dlbench.spec import Spec
from dlbench.workers.child import DYING_SECONDS, Child, ChildError, ending
from dlbench.workers.patience import Patience
from dlbench.workers.process import Given, Limits, Reap, Supervised, limit_cores, start_program

MESSAGE_BYTES = 1 << 16


class ForkServer:
    """A process that has loaded the plugin of a Spec under one thread setting.

    Its children share its folder for temporary files, and so the compiled code that a framework keeps there: what
    compiling takes is read from fresh processes alone.
    """

    def __init__(self, spec: Spec, limits: Limits, timeout: float, python: str = sys.executable) -> None:
        """Return when it can fork. Raises ChildError when it cannot, and SpecError on a system without safe forks."""
        if not sys.platform.startswith("linux"):
            raise SpecError(f"--isolation fork needs Linux, this is {sys.platform}; use --isolation fresh")
        self._limits, self._timeout = limits, timeout
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said = msgspec.json.encode(spec).decode()
        command = [python, "-m", "dlbench.workers.fork_server", said, str(theirs.fileno())]
        try:
            self._process = Supervised(
                partial(start_program, command, passed=(theirs.fileno(),), threads=limits.threads)
            )
        except OSError as error:
            self._channel.close()
            raise ChildError("crashed", f"no process could be started: {error}") from error
        finally:
            theirs.close()
        limit_cores(self._process.pid, limits.threads)
        self._require_loaded(spec.plugin)

    def fork(self) -> Child:
        """A child that has the plugin loaded. Raises ChildError."""
        try:
            return Child(self._start, self._limits, self._timeout)
        except ChildError as error:
            raise ChildError("crashed", f"the fork server is gone ({error})", output=self.output_tail()) from error

    def output_tail(self) -> str:
        """The end of what it printed; ends it."""
        self.close()
        return self._process.output.tail()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._channel.close()

    def _start(self, orders: int, replies: int, given: Given) -> Reap:
        socket.send_fds(self._channel, [b"fork"], [orders, replies, *given])
        return lambda: None  # the fork server waits for its own children

    def _require_loaded(self, plugin: str) -> None:
        loaded = self._loaded(plugin)
        if loaded["status"]:
            status: StatusName = loaded["status"]
            raise ChildError(status, loaded["reason"], loading=loaded["loading"], output=self.output_tail())

    def _loaded(self, plugin: str) -> Any:
        channel = self._channel.fileno()
        ready = Patience(self._timeout).wait(channel, self._process.ended)
        if not ready:
            reason = f"{plugin} was not loaded within {self._timeout:g} s; give a longer --timeout"
            raise ChildError("timeout", reason, output=self.output_tail())
        said = self._channel.recv(MESSAGE_BYTES) if channel in ready else b""
        if not said:
            code = self._process.exit_code(DYING_SECONDS)
            reason = f"the process that loads {plugin} {'closed its socket' if code is None else ending(code)}"
            raise ChildError("crashed", reason, output=self.output_tail())
        return json.loads(said)
