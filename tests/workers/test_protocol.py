"""The protocol between parent and child has a number of its own, which its messages change and nothing else."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import subprocess
import sys
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from dlbench.plugin import Compilation
from dlbench.spec import Spec
from dlbench.workers import protocol
from dlbench.workers.functions import FUNCTIONS
from dlbench.workers.protocol import PROTOCOL, Close, Request, Response

pytestmark = pytest.mark.untimed

DIGESTS = {1: "fb072396779f"}
"""Digests by number of the protocol: of its messages and of the functions that a child calls.

One that was released stays as it is.
"""

LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")


def digest(*kinds: Any) -> str:
    """Digest of all fields of these messages: name, type, range, and whether they may be left out."""
    found: dict[str, str] = {}
    for kind in kinds:
        _shape(kind, found)
    return hashlib.sha256("\n".join(f"{name}: {found[name]}" for name in sorted(found)).encode()).hexdigest()[:12]


def _shape(kind: Any, found: dict[str, str]) -> str:
    """A type in our own words; the fields of every structure and function that it holds go to `found`."""
    if inspect.isfunction(kind):
        hints = get_type_hints(kind, include_extras=True)
        found[kind.__qualname__] = ", ".join(f"{name} {_shape(hint, found)}" for name, hint in hints.items())
        return kind.__qualname__
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind.__name__ not in found:
            found[kind.__name__] = ""
            hints, optional = get_type_hints(kind, include_extras=True), set(kind.__struct_fields__) - _required(kind)
            fields = [
                f"{name}{'?' * (name in optional)} {_shape(hints[name], found)}" for name in kind.__struct_fields__
            ]
            found[kind.__name__] = f"{kind.__struct_config__.tag} {', '.join(fields)}"
        return kind.__name__
    if get_origin(kind) is Annotated:
        base, *metas = get_args(kind)
        limits = [f"{name}={value}" for meta in metas for name in LIMITS if (value := getattr(meta, name)) is not None]
        return f"{_shape(base, found)}({' '.join(limits)})"
    if get_origin(kind) is Literal:
        return f"one of {sorted(map(str, get_args(kind)))}"
    if get_origin(kind) is not None:
        return f"{get_origin(kind).__name__}[{', '.join(_shape(part, found) for part in get_args(kind))}]"
    return str(getattr(kind, "__name__", kind))


def called(name: str) -> Any:
    """The function of this name, which the parent calls in a child."""
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module), function)


def _required(kind: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind) if field.required}


def test_the_number_is_raised_when_a_message_changes() -> None:
    found = digest(Request, Response, *map(called, FUNCTIONS))
    assert DIGESTS[PROTOCOL] == found, f"raise protocol.PROTOCOL, unless {PROTOCOL} was never released; digest {found}"
    assert max(DIGESTS) == PROTOCOL
    assert len(set(DIGESTS.values())) == len(DIGESTS)


def test_a_change_of_a_message_or_of_a_record_in_one_is_noticed() -> None:
    class More(Close, tag="close"):
        more: int = 0

    def more(spec: Spec) -> int: ...

    def other(spec: Spec) -> str: ...

    class Wider(Compilation):
        graphs: Annotated[int, msgspec.Meta(ge=-1)]

    found = [
        digest(Request),
        digest(Request, More),
        digest(Response),
        digest(Response, Wider),
        digest(more),
        digest(other),
    ]
    assert len(set(found)) == len(found)


def test_the_number_depends_on_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msgspec.json, "schema_components", lambda *_: ((), {"another": "print"}))
    assert protocol.protocol() == str(PROTOCOL)


def test_an_interpreter_says_the_same_number() -> None:
    program = "from dlbench.workers import protocol; protocol.Close.__doc__ = 'else'; print(protocol.protocol())"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(PROTOCOL)
