"""Backends that start the child of a Spec: a fresh interpreter, a fork of a warm parent, or this very process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from dlbench.errors import SpecError, redaction
from dlbench.record.flags import StatusName
from dlbench.spec import ModelSource, Policy, Spec
from dlbench.spec.variant import Settings
from dlbench.workers.child import DYING_SECONDS, Child, ChildError, ChildHandle, ending, fresh_child
from dlbench.workers.patience import Patience
from dlbench.workers.process import Given, Limits, Reap, Supervised, limit_cores, start_program
from dlbench.workers.protocol import Failed, Request, Response, to_line

R = TypeVar("R", bound=Response)
MESSAGE_BYTES = 1 << 16


class Starter:
    """Starts children as the policy's isolation says, each in the Python environment of its Spec.

    Keeps one warm parent for each plugin or model, thread setting and environment, and for each variant that has
    settings which must be there before the framework is imported.
    """

    def __init__(self, pythons: Mapping[str, str] | None = None) -> None:
        self._pythons = {"": sys.executable, **(pythons or {})}
        self._warm: dict[tuple[str, ModelSource | None, Settings, int, str], ForkServer] = {}

    def __call__(self, spec: Spec, policy: Policy, place: int = 0) -> ChildHandle:
        """A child for this Spec, at its place among those that start at the same time. Raises ChildError."""
        match policy.isolation:
            case "none":
                return InProcessChild()
            case "fork":
                return self._parent(spec, policy).fork()
            case _:
                limit, python = policy.memory_limit_bytes, self._pythons[spec.python]
                return fresh_child(spec.process_threads, policy.timeout_seconds, python, limit, place)

    def __enter__(self) -> Starter:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """End the warm parents."""
        for warm in self._warm.values():
            warm.close()

    def _parent(self, spec: Spec, policy: Policy) -> ForkServer:
        early = spec.variant.early if spec.variant is not UNSET else ()
        key = spec.plugin, spec.model, early, spec.threads, spec.python
        if key not in self._warm:
            limits = Limits(spec.threads, policy.memory_limit_bytes)
            python = self._pythons[spec.python]
            self._warm[key] = ForkServer(spec, limits, policy.timeout_seconds, python)
        return self._warm[key]


class ForkServer:
    """A process that has loaded the plugin of a Spec under one thread setting.

    Its children share its folder for temporary files, and so the compiled code that a framework keeps there: compile
    times are read from fresh processes alone.
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
        """The end of its output; ends it."""
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


class InProcessChild:
    """Works in this process: no time-out, no memory limit, no memory by phase, and a crash ends everything.

    Thread settings stay as the first Spec set them, and printed text is not kept.
    """

    def __init__(self) -> None:
        from dlbench.workers.worker import Worker  # imports NumPy, which the parent otherwise has no need of

        self._worker, self._folder = Worker(), Path.cwd()

    def begin(self, *orders: Request) -> None:
        """Nothing goes on here beside anything else: each order is carried out when its reply is requested."""

    def request(self, order: Request, kind: type[R]) -> R:
        """Carry out an order. Raises ChildError."""
        from dlbench.workers.worker import answer

        with self._in_its_folder(), _empty_input():
            reply = answer(self._worker, to_line(order))
        if isinstance(reply, Failed):
            raise ChildError(reply.status, reply.reason, loading=reply.loading)
        assert isinstance(reply, kind)
        return redaction.record(reply)

    def wait_until_idle(self) -> bool:
        """There is nobody to wait for."""
        return True

    def helper_seconds(self) -> None:
        """Nobody can tell the plugin's processes from others of this one."""

    def output_tail(self) -> str:
        """Nothing was kept."""
        return ""

    def close(self) -> None:
        """Nothing to end."""

    @contextlib.contextmanager
    def _in_its_folder(self) -> Iterator[None]:
        """The current folder is the plugin's while it works, and dlbench's afterwards: reports go there."""
        home, here = Path.cwd(), os.open(".", os.O_RDONLY)
        with contextlib.suppress(OSError):
            os.chdir(self._folder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._folder = Path.cwd()
            os.chdir(here)
            os.close(here)
        if not home.exists():
            raise ChildError("crashed", f"the current folder, {home}, was removed while the plugin worked")


@contextlib.contextmanager
def _empty_input() -> Iterator[None]:
    """Nothing to read on standard input, as for a child: a plugin that asks somebody gets the end of file at once."""
    before = sys.stdin
    try:
        kept = os.dup(0)
    except OSError:  # it is closed
        yield
        return
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
        sys.stdin = nothing
        try:
            yield
        finally:
            os.dup2(kept, 0)
            os.close(kept)
            sys.stdin = before
