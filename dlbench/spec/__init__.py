"""Spec (what to measure), Policy (how hard to try), and the grid that several values span."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from dlbench.spec.policy import ISOLATIONS, Isolation, Policy
from dlbench.spec.ranges import MOST, MOST_THREADS, Range, require, within
from dlbench.spec.source import InputSpec, ModelSource, Option

__all__ = [
    "DATA_PLACES",
    "ISOLATIONS",
    "MOST",
    "PATHS",
    "PHASES",
    "PLUGIN_NAME",
    "PLUGIN_NAMES",
    "PRECISIONS",
    "DataPlace",
    "InputSpec",
    "Isolation",
    "ModelSource",
    "Option",
    "Path",
    "Phase",
    "PhaseName",
    "Policy",
    "Spec",
    "Workload",
    "arm_key",
    "baseline_of",
    "grid",
    "spec_id",
    "workload",
    "workload_key",
]

PhaseName = Literal["train", "predict", "converge"]
Path = Literal["eager", "graph", "jit"]
DataPlace = Literal["device", "host"]


class Phase(NamedTuple):
    """Properties of a phase.

    A `timed` phase measures how long a step takes once steps are steady; another trains to a target, and every step
    counts. A phase that does not train predicts. Its figures are replicated by processes, or by seeds where each seed
    has a process of its own.
    """

    timed: bool
    trains: bool
    replicated_by: Literal["process", "seed"]


PHASES: Mapping[PhaseName, Phase] = {
    "train": Phase(timed=True, trains=True, replicated_by="process"),
    "predict": Phase(timed=True, trains=False, replicated_by="process"),
    "converge": Phase(timed=False, trains=True, replicated_by="seed"),
}
PATHS: tuple[Path, ...] = get_args(Path)
DATA_PLACES: tuple[DataPlace, ...] = get_args(DataPlace)
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
"""What the command line offers; `dlbench.plugin` says what each of them means."""
PLUGIN_NAME = re.compile(r"\w[\w-]*(\.\w[\w-]*)+")
PLUGIN_NAMES = "framework.architecture: letters, digits, _ and - in both, and further dots in the architecture"
"""The names that a plugin may have, everywhere, and the same in words: the first dot ends the framework."""


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to measure, complete: two equal Specs ask for the same computation.

    `plugin` is `framework.architecture`; `batch_size` counts samples; `threads` is the number of CPU threads that the
    framework may use for one operation; `device` is `cpu`, `gpu`, `gpu:N` or `auto`. `compiler` is empty for the
    framework's own; `allow_breaks` accepts a step that is compiled in parts. One call of the plugin takes
    `steps_per_call` training steps. `data` says whether batches wait on the device or are copied to it within the step.
    `environment` names the Python environment, empty for that of dlbench itself. A `twin` is a second arm of the same
    computation, measured to see whether the session tells equal programs apart. `variant` is 0 in what is measured;
    reading numbers with it Runs that were not made alike (`dlbench.analysis.provenance`). `model` is set where the
    model comes from no plugin package; `options` are keywords of the model's factory, sorted by name.
    """

    plugin: str
    phase: PhaseName
    path: Path
    size: str
    task: str
    batch_size: int
    threads: int
    device: str = "cpu"
    precision: str = "fp32"
    seed: int = 0
    compiler: str = ""
    steps_per_call: int = 1
    data: DataPlace = "device"
    environment: str = ""
    allow_breaks: bool = False
    twin: bool = False
    variant: int = 0
    model: ModelSource | None = None
    options: tuple[tuple[str, Option], ...] = ()

    def __post_init__(self) -> None:
        require(PLUGIN_NAME.fullmatch(self.plugin) is not None, "plugin", self.plugin, PLUGIN_NAMES)
        require(self.phase in PHASES, "phase", self.phase, f"one of {', '.join(PHASES)}")
        require(self.path in PATHS, "path", self.path, f"one of {', '.join(PATHS)}")
        for name, allowed in _OF_SPEC.items():
            within(name.replace("_", " "), getattr(self, name), allowed)
        alone = self.steps_per_call == 1 or self.trains
        require(alone, "steps per call", self.steps_per_call, "1 in the phase predict: only training takes several")
        require(self.data in DATA_PLACES, "data", self.data, f"one of {', '.join(DATA_PLACES)}")
        require(not self.compiler or self.path == "jit", "compiler", self.compiler, "left out unless the path is jit")
        jit = not self.allow_breaks or self.path == "jit"
        require(jit, "allow breaks", self.allow_breaks, "left out unless the path is jit")

    @property
    def timed(self) -> bool:
        """Whether its steps are timed, rather than its way to a target."""
        return PHASES[self.phase].timed

    @property
    def trains(self) -> bool:
        """Whether its steps train the model, rather than predict with it."""
        return PHASES[self.phase].trains

    @property
    def replicated_by(self) -> Literal["process", "seed"]:
        """What is repeated to learn how much its figures vary."""
        return PHASES[self.phase].replicated_by

    @property
    def framework(self) -> str:
        """The part of the plugin's name before the dot."""
        return self.plugin.partition(".")[0]

    @property
    def architecture(self) -> str:
        """The part of the plugin's name after the dot."""
        return self.plugin.partition(".")[2]

    @property
    def label(self) -> str:
        """How people read this Spec among others of the same workload, such as `tf.transformer jit`."""
        place = f"@{self.environment}" if self.environment else ""
        breaks = "(breaks allowed)" if self.allow_breaks else ""
        twin = "(twin)" if self.twin else ""
        variant = f"#{self.variant + 1}" if self.variant else ""
        return " ".join(filter(None, (self.plugin, self.path, self.compiler, breaks, place, twin, variant)))


class Workload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What two Specs must share for the ratio of their times to mean something.

    All but what makes the arms: framework, path, compiler, its breaks and environment.
    """

    architecture: str
    phase: PhaseName
    size: str
    task: str
    batch_size: int
    threads: int
    device: str
    precision: str
    seed: int
    steps_per_call: int = 1
    data: DataPlace = "device"

    @property
    def timed(self) -> bool:
        """Whether its steps are timed, rather than its way to a target."""
        return PHASES[self.phase].timed

    @property
    def replicated_by(self) -> Literal["process", "seed"]:
        """What is repeated to learn how much its figures vary."""
        return PHASES[self.phase].replicated_by


_OF_SPEC: Mapping[str, Range] = {
    "batch_size": (1, MOST),
    "threads": (1, MOST_THREADS),
    "steps_per_call": (1, MOST),
    "seed": (0, MOST),
    "variant": (0, MOST),
}


def workload(spec: Spec) -> Workload:
    """The workload of a Spec."""
    values = {name: getattr(spec, name) for name in Workload.__struct_fields__}
    return Workload(**values)


def arm_key(spec: Spec) -> Spec:
    """The Spec that all replications of an arm share: with seed 0 where seeds replicate it."""
    return spec if spec.replicated_by == "process" else msgspec.structs.replace(spec, seed=0)


def workload_key(spec: Spec) -> Workload:
    """The workload that all replications of a Spec share."""
    return workload(arm_key(spec))


def baseline_of(spec: Spec, arms: Sequence[Spec]) -> Spec:
    """What this arm of a workload is compared with: itself in the first environment, or else the first of all."""
    itself = msgspec.structs.replace(spec, environment=arms[0].environment)
    return itself if itself != spec and itself in arms else arms[0]


def spec_id(spec: Spec) -> str:
    """Twelve hexadecimal digits that stand for this Spec in any process, on any machine."""
    return hashlib.sha256(msgspec.json.encode(spec)).hexdigest()[:12]


def grid(axes: Mapping[str, Sequence[Any]]) -> list[Spec]:
    """All combinations of the axes' values, the last axis fastest, each once.

    Raises SpecError when a value is outside its range.
    """
    combinations: Iterable[tuple[Any, ...]] = itertools.product(*axes.values())
    specs = (Spec(**dict(zip(axes, values, strict=True))) for values in combinations)
    return list(dict.fromkeys(specs))
