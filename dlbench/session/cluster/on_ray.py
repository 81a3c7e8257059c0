"""Ray, behind the interface of a farm. Only this module imports it, and only for a command with a cluster."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dlbench.errors import DlbenchError
from dlbench.record.schema import Plan
from dlbench.session.cluster.address import LOCAL, require_answer
from dlbench.session.cluster.demand import Demand, Node
from dlbench.session.cluster.farm import Lost
from dlbench.session.cluster.remote import Caller, RemoteMachine
from dlbench.session.plan import Group
from dlbench.system import cpus

STORE_BYTES = 80 << 20
"""Ray's store of objects: a group's Runs are some hundred kilobytes, and go through it one after the other."""
LOOPBACK = "127.0.0.1"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""Codes with which Ray colours its errors (ECMA-48, select graphic rendition)."""
EVERYWHERE = {"RAY_USAGE_STATS_ENABLED": "0"}
"""Variables for any cluster: nothing is told to Ray's makers."""
OF_LOCAL = {
    "RAY_worker_niceness": "0",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Variables for a cluster of this command: the priority stays, memory is dlbench's care, strangers are refused.

With the last one Ray takes the address of loopback on Linux too, and binds every server to it.
"""


class RayLease:
    """An actor on a node."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor

    def ready(self) -> object:
        """A promise of the reason that nothing can be measured there."""
        return self._actor.fault.remote()

    def measure(self, group: Group) -> object:
        """A promise of the Runs of a group."""
        return self._actor.measure.remote(group)

    def release(self) -> None:
        """Kill the actor; its children end with it."""
        with contextlib.suppress(Exception):  # it may be gone, with its node or with the cluster
            self._ray.kill(self._actor, no_restart=True)


class RayCluster:
    """A cluster that this process is connected to."""

    def __init__(self, ray: Any) -> None:
        self._ray, self._plans = ray, dict[str, Any]()

    def clock(self) -> float:
        """Seconds on the clock of this process."""
        return time.monotonic()

    def nodes(self) -> Sequence[Node]:
        """The nodes that are alive, by id."""
        found = [
            Node(
                one["NodeID"],
                one["NodeManagerAddress"],
                one["Resources"].get("CPU", 0.0),
                one["Resources"].get("GPU", 0.0),
            )
            for one in self._ray.nodes()
            if one["Alive"]
        ]
        return sorted(found)

    def lease(self, node: Node, demand: Demand, plan: Plan) -> RayLease:
        """An actor with all CPUs of the node."""
        if plan.session not in self._plans:
            self._plans[plan.session] = self._ray.put(plan)
        asked = {"num_cpus": node.cpus, "num_gpus": demand.gpus}
        actor = self._ray.remote(RemoteMachine).options(**asked, **self._on(node), max_restarts=0, max_task_retries=0)
        return RayLease(self._ray, actor.remote(self._plans[plan.session], Caller.here()))

    @property
    def asks_for_a_token(self) -> bool:
        """True if nobody without its token is served, as Ray itself says."""
        from ray._private.authentication.authentication_utils import is_token_auth_enabled

        return bool(is_token_auth_enabled())

    def on_each(self, function: Callable[[], Any], seconds: float) -> Iterator[tuple[Node, Any]]:
        """The value of a function on each node, whoever else works there; DlbenchError in place of one that fails."""
        nodes, task = self.nodes(), self._ray.remote(function)
        promises = [task.options(num_cpus=0, max_retries=0, **self._on(node)).remote() for node in nodes]
        self._ray.wait(promises, num_returns=len(promises), timeout=seconds)
        for node, promise in zip(nodes, promises, strict=True):
            yield node, self._value(promise, seconds)

    def kept(self, promises: Sequence[object], seconds: float) -> Sequence[object]:
        """The promises that are kept or broken, all that are by then."""
        if not promises:
            time.sleep(seconds)
            return []
        first, _ = self._ray.wait(list(promises), num_returns=1, timeout=seconds)
        if not first:
            return []
        done: Sequence[object] = self._ray.wait(list(promises), num_returns=len(promises), timeout=0)[0]
        return done or first

    def result(self, promise: object) -> object:
        """The promised value. Raises Lost, or what was raised there."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(promise)
        except errors.RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from error
        except errors.RayError as error:
            raise Lost(_reason(error)) from error

    def _value(self, promise: object, seconds: float) -> Any:
        try:
            return self._ray.get(promise, timeout=0)
        except self._ray.exceptions.GetTimeoutError:
            return DlbenchError(f"no answer within {seconds:g} s")
        except self._ray.exceptions.RayError as error:
            return DlbenchError(_reason(error))

    def _on(self, node: Node) -> Mapping[str, Any]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node.id, soft=False)}


@contextlib.contextmanager
def connected(address: str) -> Iterator[RayCluster]:
    """A connection to a cluster, or to one of this machine that ends with it. Raises DlbenchError."""
    if address != LOCAL:
        require_answer(address)
    with contextlib.ExitStack() as stack:
        variables = EVERYWHERE | (OF_LOCAL | {"RAY_AUTH_TOKEN": _token()} if address == LOCAL else {})
        with _variables(variables):
            ray = _imported()
            given = _local(stack) if address == LOCAL else {"address": address}
            # Whatever its logging is, Ray prints that a node died: not where the command's document or path stands.
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            try:
                _begin(ray, given)
            except Exception as error:
                raise DlbenchError(f"--cluster {address}: Ray does not answer: {_reason(error)}") from error
        stack.callback(ray.shutdown)
        found = RayCluster(ray)
        if address == LOCAL:
            _require_private(found)
        yield found


def _begin(ray: Any, given: Mapping[str, Any]) -> None:
    """Connect. Ray exits at SIGTERM, in handlers of its own: the command's own handler then gets that signal."""
    try:
        with _handlers():
            ray.init(**given, logging_level=logging.ERROR, log_to_driver=False, namespace="dlbench")
    except SystemExit:
        signal.raise_signal(signal.SIGTERM)
        raise


def _require_private(cluster: RayCluster) -> None:
    """Raise DlbenchError for a cluster of this machine that others could reach: Ray reads its variables only once."""
    if strange := [node for node in cluster.nodes() if node.address != LOOPBACK]:
        raise DlbenchError(
            f"--cluster local: Ray listens at {strange[0].address}, because this program had imported it before; "
            "start dlbench in a process of its own"
        )


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise DlbenchError("--cluster needs Ray, which is not installed; pip install 'dlbench[ray]'") from error
    return ray


def _local(stack: contextlib.ExitStack) -> dict[str, Any]:
    """Arguments of a cluster of this machine: bound to loopback, without a dashboard, in a folder of its own."""
    folder = tempfile.mkdtemp(prefix="dlbench-ray-")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return {
        "address": "local",
        "num_cpus": cpus.count(),
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
        "_temp_dir": folder,
    }


@functools.cache
def _token() -> str:
    """The token of all clusters of this process: Ray reads it once."""
    return secrets.token_hex(32)


@contextlib.contextmanager
def _variables(given: Mapping[str, str]) -> Iterator[None]:
    """Variables that are read while Ray starts; what children inherit afterwards is as before."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _handlers() -> Iterator[None]:
    """Handlers of signals stay the command's own: Ray's, which it sets in the main thread, would end it at once."""
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            if threading.current_thread() is threading.main_thread() and handler is not None:
                signal.signal(one, handler)


def _reason(error: BaseException) -> str:
    """The first line of an error; the last of one that a task raised, which begins with its place: `ray::name()`."""
    lines = [line.strip() for line in COLOURS.sub("", str(error)).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1] if "ray::" in lines[0] else lines[0]
