"""Backends that start the child of a Spec: a fresh interpreter, a fork of a warm parent, or this very process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from dlbench.errors import redaction
from dlbench.spec import ModelSource, Policy, Spec
from dlbench.workers.child import ChildError, ChildHandle, fresh_child
from dlbench.workers.forking import ForkServer
from dlbench.workers.process import Limits
from dlbench.workers.protocol import Failed, Request, Response, to_line

R = TypeVar("R", bound=Response)


class Starter:
    """Starts children as the policy's isolation says, each in the Python environment of its Spec.

    Keeps one warm parent for each plugin or model, thread setting and environment.
    """

    def __init__(self, pythons: Mapping[str, str] | None = None) -> None:
        self._pythons = {"": sys.executable, **(pythons or {})}
        self._warm: dict[tuple[str, ModelSource | None, int, str], ForkServer] = {}

    def __call__(self, spec: Spec, policy: Policy) -> ChildHandle:
        """A child for this Spec. Raises ChildError."""
        match policy.isolation:
            case "none":
                return InProcessChild()
            case "fork":
                return self._parent(spec, policy).fork()
            case _:
                limit = policy.memory_limit_bytes
                python = self._pythons[spec.environment]
                return fresh_child(spec.threads, policy.timeout_seconds, python, limit)

    def __enter__(self) -> Starter:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """End the warm parents."""
        for warm in self._warm.values():
            warm.close()

    def _parent(self, spec: Spec, policy: Policy) -> ForkServer:
        key = spec.plugin, spec.model, spec.threads, spec.environment
        if key not in self._warm:
            limits = Limits(spec.threads, policy.memory_limit_bytes)
            python = self._pythons[spec.environment]
            self._warm[key] = ForkServer(spec, limits, policy.timeout_seconds, python)
        return self._warm[key]


class InProcessChild:
    """Obeys in this process: no time-out, no memory limit, no memory by phase, and a crash ends everything.

    Thread settings are those of whoever came first, and what is printed is not kept.
    """

    def __init__(self) -> None:
        from dlbench.workers.worker import Worker  # imports NumPy, which the parent otherwise has no need of

        self._worker, self._folder = Worker(), Path.cwd()

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
        """The current folder is the plugin's while it works, and that of dlbench afterwards: reports go there."""
        home = Path.cwd()
        with contextlib.suppress(OSError):
            os.chdir(self._folder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._folder = Path.cwd()
            os.chdir(home)


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
