"""A plugin that misbehaves as it is told, and otherwise is the good one.

`DLBENCH_FAKE="WHERE:HOW[=VALUE][@N][!]"`, several of them separated by blanks: at WHERE, from its N-th call on (the
first unless told), do HOW; with `!` at that call alone.

WHERE is `import`, `factory`, `build`, `stage`, `train_step` or `predict`. HOW is one of

    raise=NAME      raise a built-in exception (ValueError unless told) or `Unsupported`
    exit=CODE       sys.exit            os-exit=CODE    os._exit          signal=NAME   send itself SIGSEGV or such
    hang            loop for ever       sleep=SECONDS                     spin=SECONDS  busy for that long
    allocate=MIB    take that much memory in blocks and keep it; without a value, until there is no more
    spike=MIB       take that much and give it back after 40 ms           thread        start one that never ends
    leak=KIB        keep that much more at each call                      print=COUNT   print that many characters
    slower=FACTOR   do the step's work FACTOR times (1.05: once more in every twentieth call); `train_step`, `predict`
    return=WORD     nan, inf, text, none, or shape (the result twice, along an axis more)
    lie=FIELD       a wrong value in that field of ModelInfo; `build`
"""

from __future__ import annotations

import builtins
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from dlbench import errors
from dlbench.plugin import Batch, BuildRequest, ModelInfo
from dlbench_fake.linear import LinearPlugin

if TYPE_CHECKING:
    from dlbench.plugin import Array

VARIABLE = "DLBENCH_FAKE"
PLACES = ("import", "factory", "build", "stage", "train_step", "predict")
LIES = {
    "device": "gpu:7",
    "path": "graph",
    "precision": "fp64",
    "threads": 1000,
    "parameter_count": 1,
    "versions": "none",
    "steps_per_call": 3,
    "data": "host",
    "compiler": "other",
}

_kept: list[Any] = []


class Switch(NamedTuple):
    """One instruction."""

    where: str
    how: str
    value: str
    call: int
    once: bool

    def due(self, where: str, call: int) -> bool:
        """Whether to misbehave in this call."""
        return self.where == where and (call == self.call if self.once else call >= self.call)


def _raise(value: str) -> None:
    kind = getattr(errors, value, None) or getattr(builtins, value or "ValueError")
    raise kind("told to fail")


def _hang(_: str) -> None:
    while True:
        pass


def _spin(value: str) -> None:
    end = time.perf_counter() + float(value)
    while time.perf_counter() < end:
        pass


def _allocate(value: str) -> None:
    blocks = range(int(value) // 16) if value else iter(int, 1)
    _kept.extend(np.ones(16 << 20, np.uint8) for _ in blocks)


def _spike(value: str) -> None:
    block = np.ones(int(value) << 20, np.uint8)
    time.sleep(0.04)
    del block


def _start_thread(_: str) -> None:
    threading.Thread(target=threading.Event().wait).start()


def _print(value: str) -> None:
    for _ in range(int(value) >> 16):
        sys.stdout.write("x" * (1 << 16))
    print("x" * (int(value) % (1 << 16)), flush=True)  # noqa: T201 (told to)


DEEDS: dict[str, Callable[[str], object]] = {
    "raise": _raise,
    "exit": lambda value: sys.exit(int(value or 0)),
    "os-exit": lambda value: os._exit(int(value or 0)),
    "signal": lambda value: os.kill(os.getpid(), signal.Signals[value]),
    "hang": _hang,
    "sleep": lambda value: time.sleep(float(value)),
    "spin": _spin,
    "allocate": _allocate,
    "leak": lambda value: _kept.append(np.ones(int(value) << 10, np.uint8)),
    "spike": _spike,
    "thread": _start_thread,
    "print": _print,
}

RESULTS: dict[str, Callable[[Any], Any]] = {
    "nan": lambda result: result * np.nan if isinstance(result, np.ndarray) else np.nan,
    "inf": lambda _: float("inf"),
    "text": lambda _: "not a number",
    "none": lambda _: None,
    "shape": lambda result: np.stack([np.asarray(result)] * 2, axis=-1),
}


class Mischief:
    """The switches of this process, and how often each place was passed."""

    def __init__(self, text: str) -> None:
        self._switches = [_switch(word) for word in text.split()]
        self._calls: Counter[str] = Counter()
        self._owed: Counter[str] = Counter()

    def around(self, where: str, work: Callable[[], Any], rehearse: Callable[[], object] | None = None) -> Any:
        """Do the deeds that are due, then the work, then spoil its result; `rehearse` is the work without effect."""
        self._calls[where] += 1
        due = [switch for switch in self._switches if switch.due(where, self._calls[where])]
        for switch in due:
            if switch.how in DEEDS:
                DEEDS[switch.how](switch.value)
            elif switch.how == "slower":
                self._repeat(switch, rehearse or work)
        result = work()
        for switch in due:
            result = _spoil(switch, result)
        return result

    def _repeat(self, switch: Switch, rehearse: Callable[[], object]) -> None:
        """Fractions of a repetition are owed until they make a whole one: work that is executed, never a pause."""
        owed = self._owed[switch.where] + round((float(switch.value) - 1) * 1_000_000)
        for _ in range(owed // 1_000_000):
            rehearse()
        self._owed[switch.where] = owed % 1_000_000


def _switch(word: str) -> Switch:
    match = re.fullmatch(r"(\w+):([\w-]+)(?:=([^@!]*))?(?:@(\d+))?(!?)", word)
    if match is None or match[1] not in PLACES or match[2] not in {*DEEDS, "slower", "return", "lie"}:
        raise RuntimeError(f"{VARIABLE}: {word!r} is not WHERE:HOW[=VALUE][@N][!]")
    return Switch(match[1], match[2], match[3] or "", int(match[4] or 1), bool(match[5]))


def _spoil(switch: Switch, result: Any) -> Any:
    if switch.how == "return":
        return RESULTS[switch.value](result)
    if switch.how == "lie":
        return msgspec.structs.replace(result, **{switch.value: LIES[switch.value]})
    return result


class Naughty:
    """The good model behind the switches."""

    def __init__(self) -> None:
        self._model = LinearPlugin()

    def build(self, request: BuildRequest) -> ModelInfo:
        """Build, and perhaps lie about it."""
        info: ModelInfo = MISCHIEF.around("build", lambda: self._model.build(request))
        return info

    def stage(self, batch: Batch) -> Batch:
        """Stage."""
        staged: Batch = MISCHIEF.around("stage", lambda: self._model.stage(batch))
        return staged

    def train_step(self, batch: Batch) -> Any:
        """Train."""
        return MISCHIEF.around("train_step", lambda: self._model.train_step(batch), lambda: self._rehearse(batch))

    def predict(self, inputs: Array) -> Any:
        """Predict."""
        return MISCHIEF.around("predict", lambda: self._model.predict(inputs))

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Those of the good model."""
        return self._model.gradients(batch)

    def export_parameters(self) -> dict[str, Array]:
        """Those of the good model."""
        return self._model.export_parameters()

    def import_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Into the good model."""
        self._model.import_parameters(parameters)

    def _rehearse(self, batch: Batch) -> None:
        """A training step that leaves nothing behind."""
        before = dict(vars(self._model))
        self._model._parameters = dict(before["_parameters"])
        self._model.train_step(batch)
        vars(self._model).update(before)


def make() -> Naughty:
    """The factory that the entry point names."""
    plugin: Naughty = MISCHIEF.around("factory", Naughty)
    return plugin


MISCHIEF = Mischief(os.environ.get(VARIABLE, ""))
MISCHIEF.around("import", lambda: None)
