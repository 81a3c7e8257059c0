"""The protocol between parent and child: orders and replies, one JSON line each way."""

from __future__ import annotations

import re
import sys
from typing import Literal

import msgspec

from dlbench.plugin import Compilation, ModelInfo, Peers, SettingsRead
from dlbench.record.flags import StatusName
from dlbench.record.processors import Actual, Rank
from dlbench.record.schema import (
    Code,
    Environment,
    Load,
    PhaseMemory,
    PhaseTime,
    Sample,
    Stage,
    TaskInfo,
)
from dlbench.spec import Policy, Spec

NO_MEMORY = re.compile(r"std::bad_alloc|cannot allocate memory|out of memory|resource_exhausted", re.IGNORECASE)
"""Messages of the C++ library, the C library and allocators of devices when no memory is left."""

PROTOCOL = 1
"""Number of the messages that follow; raised with every change of a field, its type or its range.

The records in them and the signatures of `dlbench.workers.functions` count too. It is a number of our own, because the
text that a library prints of a type changes with its version. `tests/workers/test_protocol.py` notices a change.
"""
CUT_OFF = 71
"""Exit code of a worker that can no longer read its orders or write its replies (EX_OSERR of sysexits.h)."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of all messages."""


class Build(Message, frozen=True, tag="build"):
    """Load the plugin, open the task, build the model; with `peers` as one of several workers, not the first."""

    spec: Spec
    peers: Peers | None = None


class First(Message, frozen=True, tag="first"):
    """Take the first step, which traces and compiles."""


class Settle(Message, frozen=True, tag="settle"):
    """Take warm-up samples until steady, on these processors; where the process is, if there are none.

    `in_turns` asks for the size of samples that are taken in turns with other arms.
    """

    policy: Policy
    processors: tuple[int, ...] = ()
    in_turns: bool = False


class Take(Message, frozen=True, tag="take"):
    """Take `count` samples of `steps` steps each, after `untimed` steps that warm the caches."""

    stage: Stage
    steps: int
    count: int = 1
    untimed: int = 0


class Evaluate(Message, frozen=True, tag="evaluate"):
    """Compute the task's quality on held-out data."""


class Call(Message, frozen=True, tag="call"):
    """Call a function of `dlbench.workers.calls.FUNCTIONS`; each argument is the JSON of its value."""

    function: str
    arguments: dict[str, msgspec.Raw]


class Close(Message, frozen=True, tag="close"):
    """Answer with the final figures, then exit.

    `compile_again` is to time a compiler whose caches are warm, `multiply` a large matrix product.
    """

    compile_again: bool = True
    multiply: bool = True


class Follow(Message, frozen=True, tag="follow"):
    """From the first of several workers to the others: what it does too, or is to be told."""

    do: Literal["ready", "step", "mark", "read", "leave"]
    calls: int = 0
    phase: str = ""


Request = Build | First | Settle | Take | Evaluate | Call | Close | Follow


class Built(Message, frozen=True, tag="built"):
    """The model stands."""

    info: ModelInfo
    task: TaskInfo
    evaluate_every: int
    flops_per_step: float | None
    times: list[PhaseTime]
    memory: list[PhaseMemory]
    environment: Environment
    code: list[Code] = []


class Stepped(Message, frozen=True, tag="stepped"):
    """The first step is done; `loss` is None in the phase `predict`.

    `clock`, here and below, is what the clock of the samples said when the reply was made; the parent has its own.
    """

    time: PhaseTime
    memory: PhaseMemory
    loss: float | None
    clock: float | None = None


class Settled(Message, frozen=True, tag="settled"):
    """Warm-up is over; `steps` is the size of the samples to take, `digest` that of the first calls."""

    steps: int
    settled: bool
    samples: list[Sample]
    digest: str = ""
    clock: float | None = None


class Taken(Message, frozen=True, tag="taken"):
    """The samples; `loss` is the last step's training loss, None in the phase `predict`."""

    samples: list[Sample]
    loss: float | None
    clock: float | None = None


class Evaluated(Message, frozen=True, tag="evaluated"):
    """Quality in the metric's unit."""

    quality: float


class Returned(Message, frozen=True, tag="returned"):
    """The JSON of the value that a called function returned."""

    value: msgspec.Raw


class Closed(Message, frozen=True, tag="closed"):
    """The last answer; it has FLOPs that `Built` does not know, because counting runs the model.

    `settings` are those in effect after the timed steps, `ranks` all of several workers.
    """

    memory: PhaseMemory
    load: Load
    compilation: Compilation | None
    times: list[PhaseTime] = []
    peak_flop_rate: float | None = None
    actual: Actual | None = None
    flops_per_step: float | None = None
    settings: SettingsRead = {}
    ranks: tuple[Rank, ...] = ()
    clock: float | None = None


class Followed(Message, frozen=True, tag="followed"):
    """It is done: `memory` of a phase that was to be marked, and what was read."""

    memory: PhaseMemory | None = None
    rank: Rank | None = None


class Failed(Message, frozen=True, tag="failed"):
    """The order could not be carried out, and the child is about to exit."""

    status: StatusName
    reason: str
    loading: bool = False


Response = Built | Stepped | Settled | Taken | Evaluated | Returned | Closed | Followed | Failed

_encoder = msgspec.json.Encoder()
_orders: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_replies: msgspec.json.Decoder[Response] = msgspec.json.Decoder(Response)


class Installed(msgspec.Struct, frozen=True):
    """Packages of an interpreter: versions of Python and dlbench, the protocol, plugins with why they are broken."""

    python: tuple[int, int]
    dlbench: str = ""
    protocol: str = ""
    plugins: dict[str, str] = {}
    lacks: str = ""


def protocol() -> str:
    """The number of the protocol as an interpreter says it: who has the same understands us."""
    return str(PROTOCOL)


def to_line(message: Message) -> bytes:
    """One line of JSON with its newline."""
    return _encoder.encode(message) + b"\n"


def to_request(line: bytes) -> Request:
    """Read an order. Raises msgspec.MsgspecError."""
    return _orders.decode(line)


def to_response(line: bytes) -> Response:
    """Read a reply. Raises msgspec.MsgspecError."""
    return _replies.decode(line)


def handshake() -> Installed:
    """Packages of this interpreter; another one asks with `python -m dlbench.workers.protocol`."""
    from dlbench import __version__, registry

    plugins = {entry.name: entry.broken for entry in registry.entries()}
    return Installed(python=sys.version_info[:2], dlbench=__version__, protocol=protocol(), plugins=plugins)


if __name__ == "__main__":
    print(msgspec.json.encode(handshake()).decode())  # noqa: T201 (the answer)
