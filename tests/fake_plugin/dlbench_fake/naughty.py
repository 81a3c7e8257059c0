"""A plugin that misbehaves on request, and otherwise is the good one.

`DLBENCH_FAKE="WHERE:HOW[=VALUE][@N][!]"`, several of them separated by blanks: at WHERE, from its N-th call on (the
first unless told), do HOW; with `!` at that call alone.

WHERE is `import`, `factory`, `build`, `stage`, `train_step`, `predict`, or a capability, which the plugin then has:
`sync`, `device_memory_peak`, `compilation`, `multiply`, `devices`, `variables`. HOW is one of

    raise=NAME      raise a built-in exception (ValueError unless told), one of dlbench, or one of `deeds.ERRORS`
    exit=CODE       sys.exit            os-exit=CODE    os._exit          signal=NAME   send itself SIGSEGV or such
    kill-parent     SIGKILL for the process above
    hang            loop for ever       sleep=SECONDS                     spin=SECONDS  busy for that long
    allocate=MIB    take that much memory in blocks and keep it; without a value, until there is no more
    spike=MIB       take that much and give it back after 40 ms           thread        start one that never ends
    leak=KIB        keep that much more at each call                      print=COUNT   print that many characters
    helper=KIND     start a process that never ends: `busy`, `holds` all descriptors, `daemon`, or a `fork`
    read=HOW        read standard input, with `input` or to its end       chdir=FOLDER  go there
    close-streams   standard output and error                             close-descriptors    all others
    write-everywhere    garbage to every other descriptor
    litter=PATH     leave a file, and a symbolic link to PATH, in the folder for temporary files
    roam            run on every processor there is         threads=NUMBER  set those of all libraries
    coarse          take inputs in bf16; `predict`
    slower=FACTOR   do the step's work FACTOR times (1.05: once more in every twentieth call); `train_step`, `predict`
    return=WORD     a word of `deeds.RESULTS`: nan, inf, text, none, or shape (the result twice, along an axis more) ...
    lie=WORD        wrong values in ModelInfo, a word of `deeds.LIES`; `build`
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from dlbench.plugin import Batch, BuildRequest, Compilation, ModelInfo
from dlbench_fake.deeds import DEEDS, LIES, RESULTS, rounded_off
from dlbench_fake.linear import LinearPlugin

if TYPE_CHECKING:
    from dlbench.plugin import Array

VARIABLE = "DLBENCH_FAKE"
CAPABILITIES = ("sync", "device_memory_peak", "compilation", "multiply", "devices", "variables")
PLACES = ("import", "factory", "build", "stage", "train_step", "predict", *CAPABILITIES)


class Switch(NamedTuple):
    """One instruction."""

    where: str
    how: str
    value: str
    call: int
    once: bool

    def due(self, where: str, call: int) -> bool:
        """True if this call must misbehave."""
        return self.where == where and (call == self.call if self.once else call >= self.call)


class Mischief:
    """The switches of this process, and the number of calls of each place."""

    def __init__(self, text: str) -> None:
        self._switches = [_switch(word) for word in text.split()]
        self._calls: Counter[str] = Counter()
        self._owed: Counter[str] = Counter()

    def needs(self, places: Sequence[str]) -> bool:
        """One of these places is meant."""
        return any(switch.where in places for switch in self._switches)

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

    def tells(self, where: str, how: str) -> bool:
        """True if a switch says so, for any call."""
        return any((switch.where, switch.how) == (where, how) for switch in self._switches)

    def _repeat(self, switch: Switch, rehearse: Callable[[], object]) -> None:
        """Fractions of a repetition are owed until they make a whole one: work that is executed, never a pause."""
        owed = self._owed[switch.where] + round((float(switch.value) - 1) * 1_000_000)
        for _ in range(owed // 1_000_000):
            rehearse()
        self._owed[switch.where] = owed % 1_000_000


def _switch(word: str) -> Switch:
    match = re.fullmatch(r"(\w+):([\w-]+)(?:=([^@!]*))?(?:@(\d+))?(!?)", word)
    if match is None or match[1] not in PLACES or match[2] not in {*DEEDS, "slower", "coarse", "return", "lie"}:
        raise RuntimeError(f"{VARIABLE}: {word!r} is not WHERE:HOW[=VALUE][@N][!]")
    return Switch(match[1], match[2], match[3] or "", int(match[4] or 1), bool(match[5]))


def _spoil(switch: Switch, result: Any) -> Any:
    if switch.how == "return":
        return RESULTS[switch.value](result)
    if switch.how == "lie":
        return msgspec.structs.replace(result, **LIES[switch.value])
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
        taken = rounded_off(inputs) if MISCHIEF.tells("predict", "coarse") else inputs
        return MISCHIEF.around("predict", lambda: self._model.predict(taken))

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


class Capable(Naughty):
    """With capabilities too, which take their time in every Run."""

    def sync(self) -> None:
        """Everything is done at once."""
        MISCHIEF.around("sync", lambda: None)

    def device_memory_peak(self) -> int | None:
        """There is no device."""
        peak: int | None = MISCHIEF.around("device_memory_peak", lambda: None)
        return peak

    def reset_device_memory_peak(self) -> None:
        """There is no peak."""

    def compilation(self) -> Compilation:
        """Nothing is compiled."""
        found: Compilation = MISCHIEF.around("compilation", self._model.compilation)
        return found

    def multiply(self, order: int) -> Callable[[], Array]:
        """As the good model does."""
        product: Callable[[], Array] = MISCHIEF.around("multiply", lambda: self._model.multiply(order))
        return product

    def devices(self) -> dict[str, str]:
        """The CPU."""
        found: dict[str, str] = MISCHIEF.around("devices", self._model.devices)
        return found

    def variables(self) -> list[str]:
        """Those of the good model."""
        found: list[str] = MISCHIEF.around("variables", self._model.variables)
        return found


def make() -> Naughty:
    """The factory that the entry point names."""
    plugin: Naughty = MISCHIEF.around("factory", Capable if MISCHIEF.needs(CAPABILITIES) else Naughty)
    return plugin


MISCHIEF = Mischief(os.environ.get(VARIABLE, ""))
MISCHIEF.around("import", lambda: None)
