"""Calls of functions in a child, from the parent: packages above `workers` need no message of their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar, get_type_hints

import msgspec

from dlbench.errors import redaction
from dlbench.workers.child import STRAY, ChildError, ChildHandle, fresh_child
from dlbench.workers.protocol import Call, Returned

if TYPE_CHECKING:
    from dlbench.measure.capable import Capable

P = ParamSpec("P")
T = TypeVar("T")


def call(child: ChildHandle, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a child and return its result; arguments and result travel as JSON, which knows lists only.

    The function must be listed in `dlbench.workers.functions`. Raises ChildError.
    """
    return begin(child, function, *args, **kwargs)()


def begin(child: ChildHandle, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
    """Begin a call as `call` makes it, and return what waits for its result."""
    given = inspect.signature(function).bind(*args, **kwargs).arguments
    arguments = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in given.items()}
    order = Call(function=f"{function.__module__}.{function.__qualname__}", arguments=arguments)
    child.begin(order)

    def result() -> T:
        value = child.request(order, Returned).value
        try:
            found: T = msgspec.json.decode(value, type=get_type_hints(function)["return"])
        except msgspec.MsgspecError as error:
            raise ChildError("error", f"{STRAY}: {bytes(value)[:200]!r} is no reply ({error})") from error
        return redaction.record(found)

    return result


def ask_devices(plugin: str, timeout: float = 120.0) -> dict[str, str]:
    """The devices that a plugin's framework sees here, asked in a child. Raises ChildError."""
    from dlbench.measure.reported import list_devices  # imports NumPy, which the parent otherwise has no need of

    child = fresh_child(1, timeout)
    try:
        return call(child, list_devices, plugin)
    finally:
        child.close()


def ask_capabilities(plugins: Sequence[str], timeout: float = 120.0) -> dict[str, Capable]:
    """The capabilities of these plugins of one framework, asked in a child. Raises ChildError."""
    from dlbench.measure.capable import list_capabilities

    child = fresh_child(1, timeout)
    try:
        return call(child, list_capabilities, tuple(plugins))
    finally:
        child.close()
