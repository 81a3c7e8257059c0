"""Spec (the measurement), and its axes.

A new axis is a field of Spec (and of `dlbench.spec.Workload` if it makes one), a keyword, and a row of AXES. Plugins
read it from the Spec and report it in `dlbench.plugin.ModelInfo`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal, TypeAlias, TypedDict, TypeVar

import msgspec

from dlbench.spec import workers
from dlbench.spec.axes import Axis, Options, device_agrees, device_words, option_grid
from dlbench.spec.phases import DATA_PLACES, PATHS, PHASES, PRECISIONS, DataPlace, Path, PhaseName
from dlbench.spec.ranges import MOST, MOST_THREADS, require, within
from dlbench.spec.source import SAMPLE_FILES, ModelSource
from dlbench.spec.variant import FORM, Variant, variants
from dlbench.spec.workers import Scaling, Workers

PLUGIN_NAME = re.compile(r"\w[\w-]*(\.\w[\w-]*)+")
PLUGIN_NAMES = "framework.architecture: letters, digits, _ and - in both, and further dots in the architecture"
"""The names that a plugin may have, everywhere, and the same in words: the first dot ends the framework."""

REMEMBERED = 4096
"""Specs whose labels and keys are remembered: a report asks for those of each Run again and again."""

Value = TypeVar("Value")
Several: TypeAlias = Value | Iterable[Value]
"""One value, or several that span a grid."""


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False, cache_hash=True):
    """One thing to measure, complete: two equal Specs ask for the same computation.

    `plugin` is `framework.architecture`; `batch_size` counts samples; `threads` is the number of CPU threads that the
    framework may use for one operation; `device` is `cpu`, `gpu`, `gpu:N` or `auto`. `compiler` is empty for the
    framework's own; `allow_breaks` accepts a step that is compiled in parts. One call of the plugin takes
    `steps_per_call` training steps. `data` is the place of batches before a step: `device` (copied before timing) or
    `host` (copied within each step). `python` names the Python environment, empty for dlbench's own. `origin` is 0 in a
    measurement; reading numbers with it Runs that were not made alike (`dlbench.analysis.provenance`). `model` is set
    for a model of the user's own; `options` are keywords of the model's factory, sorted by name. `variant` holds
    settings of the framework in which this arm differs from others of its program. `workers` train together, unset for
    one, and `scaling` says how they share a batch (`dlbench.spec.workers`).
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
    python: str = ""
    allow_breaks: bool = False
    origin: int = 0
    model: ModelSource | None = None
    options: Options = ()
    variant: Variant | msgspec.UnsetType = msgspec.UNSET
    workers: Workers = msgspec.UNSET
    scaling: Scaling = msgspec.UNSET

    def __post_init__(self) -> None:
        require(PLUGIN_NAME.fullmatch(self.plugin) is not None, "plugin", self.plugin, PLUGIN_NAMES)
        within("origin", self.origin, (0, MOST))
        for axis in AXES.values():
            axis.check(getattr(self, axis.field), self.path)
        alone = self.steps_per_call == 1 or self.trains
        require(alone, "steps per call", self.steps_per_call, "1 in the phase predict: only training takes several")
        workers.check(self)

    @property
    def timed(self) -> bool:
        """True if its steps are timed, rather than its way to a target."""
        return PHASES[self.phase].timed

    @property
    def trains(self) -> bool:
        """True if its steps train the model, rather than predict with it."""
        return PHASES[self.phase].trains

    @property
    def replicated_by(self) -> Literal["process", "seed"]:
        """Unit of replication: processes or seeds."""
        return PHASES[self.phase].replicated_by

    @property
    def together(self) -> bool:
        """True if several workers train together."""
        return self.workers is not msgspec.UNSET

    @property
    def in_one_process(self) -> bool:
        """True if its workers are devices of one process, rather than a process each."""
        return workers.in_one_process(self)

    @property
    def process_threads(self) -> int:
        """CPU threads of a process that is started for it: those of one worker, or of all that it holds."""
        return workers.threads(self)

    @property
    def framework(self) -> str:
        """The part of the plugin's name before the dot."""
        return self.plugin.partition(".")[0]

    @property
    def architecture(self) -> str:
        """The part of the plugin's name after the dot."""
        return self.plugin.partition(".")[2]

    @property
    def settings(self) -> dict[str, str]:
        """Settings of its variant, by key; none without one."""
        return {} if self.variant is msgspec.UNSET else dict(self.variant.settings)

    @property
    def label(self) -> str:
        """Name of this Spec among others of the same workload, such as `tf.transformer jit`."""
        return _label(self)


@lru_cache(REMEMBERED)
def _label(spec: Spec) -> str:
    own = spec.model is not None and spec.model.reference != spec.plugin  # else the plugin's name says it
    said = [axis.said(getattr(spec, axis.field)) for axis in ARM_AXES if own or axis.field != "model"]
    origin = f"#{spec.origin + 1}" if spec.origin else ""
    return " ".join(filter(None, (*said, origin)))


class ModelKeywords(TypedDict, total=False):
    """The axes as keyword arguments: of the model under test and of its computation."""

    path: Several[str]
    size: Several[str]
    task: Several[str]
    batch_size: Several[int]
    device: Several[str]
    threads: int | None
    steps_per_call: Several[int]
    data: Several[str]
    set: Several[str]
    compiler: Several[str]
    variant: Several[str]


class AxisKeywords(ModelKeywords, total=False):
    """All axes as keyword arguments."""

    phase: Several[str]
    precision: Several[str]
    seed: Several[int]
    allow_breaks: bool
    workers: Several[int]
    scaling: Several[str]


def _left_open(asked: int, built: int | None) -> bool:
    return built in (None, asked)


_ROWS = (
    Axis("plugin", "arm", "Plugin, as framework.architecture, or a pattern such as '*.lstm'."),
    Axis(
        "path",
        "arm",
        "Execution path: eager, graph or jit; eager unless given.",
        choices=PATHS,
        values=("eager",),
        agrees=operator.eq,
    ),
    Axis(
        "phase", "workload", "train, predict, converge; all unless given.", choices=tuple(PHASES), values=tuple(PHASES)
    ),
    Axis("size", "workload", "Size of the architecture; small unless given.", values=("small",)),
    Axis(
        "task",
        "workload",
        "Data and target; each architecture takes those that fit, and its default unless given.",
        label="task {}",
    ),
    Axis(
        "batch_size",
        "workload",
        "Samples in a batch; the default of the size unless given.",
        kind=int,
        allowed=(1, MOST),
        label="batch {}",
    ),
    Axis(
        "device",
        "workload",
        "cpu, gpu, gpu:N or cuda:N, mps, auto; cpu unless given.",
        plain="cpu",
        label="device {}",
        read=device_words,
        agrees=device_agrees,
    ),
    Axis(
        "precision",
        "workload",
        "Of matrix products: fp32, tf32, bf16, fp16; fp32 unless given.",
        choices=PRECISIONS,
        closed=False,
        plain="fp32",
        agrees=operator.eq,
        difference="the arms do not compute the same thing: their times say nothing of the frameworks",
    ),
    Axis(
        "threads",
        "workload",
        "CPU threads of an operation; OMP_NUM_THREADS, or all cores (of a quota), unless given.",
        kind=int,
        allowed=(1, MOST_THREADS),
        several=False,
        label="threads {}",
        agrees=_left_open,
    ),
    Axis(
        "steps_per_call",
        "workload",
        "Training steps in one call; 1 unless given.",
        kind=int,
        allowed=(1, MOST),
        plain=1,
        label="steps per call {}",
        agrees=operator.eq,
    ),
    Axis(
        "data",
        "workload",
        "Start of batches: device (copied before timing) or host (copied in each timed step); or a file of samples.",
        choices=DATA_PLACES,
        files=SAMPLE_FILES,
        plain="device",
        label="data on the {}",
        agrees=operator.eq,
    ),
    Axis(
        "seed",
        "workload",
        "Seed of initial values and batches; 0 unless given.",
        kind=int,
        allowed=(0, MOST),
        label="seed {}",
    ),
    Axis(
        "options",
        "workload",
        "Keyword of the model, NAME=VALUE; several values (layers=2,4) or several names span a grid.",
        flag="set",
        metavar="NAME=VALUE",
        plain=(),
        read=option_grid,
    ),
    Axis("compiler", "arm", "Compiler of the path jit; the framework's own unless given.", plain="", only="jit"),
    Axis(
        "allow_breaks",
        "arm",
        "Accept, and flag, a step that is compiled in parts.",
        kind=bool,
        several=False,
        plain=False,
        label="(breaks allowed)",
        only="jit",
    ),
    Axis(
        "variant",
        "arm",
        "Arm of every program that differs in settings of its framework; NAME= alone is the base.",
        metavar=FORM.partition(",")[0] + ",KEY:VALUE]",
        repeated=True,
        plain=msgspec.UNSET,
        label="[{}]",
        read=variants,
    ),
    *workers.AXES,
    Axis("python", "arm", plain="", label="@{}"),
    Axis("model", "arm", values=(None,), label="({})"),
)
AXES: Mapping[str, Axis] = {axis.field: axis for axis in _ROWS}
"""Every field of a Spec, in the order of labels, options and the grid; the last varies fastest."""
ARM_AXES = tuple(axis for axis in _ROWS if axis.makes == "arm")
WORKLOAD_AXES = tuple(axis for axis in _ROWS if axis.makes == "workload")
