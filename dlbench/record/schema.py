"""The one file format: a Run a line, JSON. Writing and reading (`dlbench.record.reading`) meet here alone.

Schema history:
    1   first version
    2   a Spec names compiler, steps per call, place of the data and Python environment
    3   a Spec has a variant (its origin since 4), which reading gives it; a Run the code it was made with and the
        actual processors and threads; an Environment limits, a GPU's driver, variables of exact names alone,
        instruction sets, priority; a Load the CPU time of the plugin's processes; a Compilation parts, reasons for
        breaks, calls of graphs, state of the cache; no secrets and names; older versions are read with defaults
    4   a Run has `part`, which stood in its group's number, and `control`, which was `twin` of its Spec; the Python
        environment of a Spec is `python`, which was `environment`; a Spec has model, options, variant; a Plan controls
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dlbench.plugin import Compilation, ModelInfo
from dlbench.record.flags import STATUSES, FlagName, StatusName
from dlbench.record.processors import Actual, Rank
from dlbench.spec import Isolation, Member, Policy, Spec
from dlbench.stats.ranges import Amount, AtLeastOne, Elapsed, NotNegative, Seconds, Whole

RUNS_FILE, PARITY_FILE, PLAN_FILE = "runs.jsonl", "parity.jsonl", "plan.json"
"""Files in the folder of a report: Runs a line each, parity checks a line each, and the plan."""

SCHEMA, READABLE = 4, (1, 2, 3, 4)
Together = tuple[str, int, int, str]

Stage = Literal["warm-up", "steady", "latency", "converge", "beside", "alone"]
CONTROLS: tuple[Stage, Stage] = ("beside", "alone")
"""Stages of one-worker programs: as many of them at the same time as an arm has workers, and one alone."""
BESIDE = "beside"
"""The time of a process that started while others did: start, import, build and first step in one."""
BESIDE_SAMPLES = BETWEEN, IDLE, CLOSING = "between", "idle", "closing"
"""Times beside samples: of untimed steps and orders, of waiting until a process used no processor, and of its audit."""
TRAINING: Stage = "converge"
"""The stage of the samples on the way to a target, as files name it."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records: immutable, by keyword, and strict about unknown fields."""


UNTIMED = 1
"""Steps at the beginning of a turn that no sample holds: they warm the caches that the other arms have used."""


class Sample(Record, frozen=True, gc=False):
    """`steps` consecutive steps ended by the barrier: wall and CPU seconds of all of them together.

    `turn` counts the samples of the whole lockstep group: the order in which arms took turns. Samples with the same
    `round` are paired, among them those of CONTROLS, which no other figure takes in. Both are None outside lockstep
    (warm-up, latency, converge). `resident_bytes` of the child and `waited_seconds`, in which it was ready to work and
    had no core, are read outside the clock, where they are known. Nobody can say of `unsure_seconds` whether it waited.
    """

    stage: Stage
    steps: AtLeastOne
    seconds: Elapsed
    cpu_seconds: Seconds
    round: NotNegative | None = None
    turn: NotNegative | None = None
    resident_bytes: NotNegative | None = None
    waited_seconds: Seconds | None = None
    unsure_seconds: Seconds | None = None


class Evaluation(Record, frozen=True, gc=False):
    """Quality on held-out data after `steps` training steps that took `seconds`; `loss` is the last training loss."""

    steps: NotNegative
    seconds: Seconds
    quality: float
    loss: float


class PhaseTime(Record, frozen=True, gc=False):
    """Wall seconds of the work done once: `import`, `build`, `first_step` (trace and compile included).

    `start` is the process itself up to importing, with the task's data; `pilot` the processes that were thrown away
    before the group, on its first Run. `first_step_warm` is
    that of a second model in the same process. `between` is the part of timed turns that no
    sample holds, `idle` all waiting until it used no processor, and `closing` its audit with the final figures; older
    records lack these three.
    """

    phase: str
    seconds: Seconds


class PhaseMemory(Record, frozen=True, gc=False):
    """Host memory of the child in one phase, in bytes: its peak, and the resident bytes at its end.

    `device_peak_bytes` is the peak that the framework's allocator handed out, None without such a device;
    `driver_bytes` is the driver's figure of the process's memory on devices at the end of the phase.
    """

    phase: str
    peak_bytes: NotNegative
    resident_bytes: NotNegative
    device_peak_bytes: NotNegative | None = None
    driver_bytes: NotNegative | None = None


class TaskInfo(Record, frozen=True):
    """The task as it was: data and its checksum, quality metric, which way is better, the target.

    `target` is in the `unit` of the metric, `budget_steps` counts training steps. Nothing is checked when it is made:
    reading a record raises RecordError for a target that is no finite number and for negative steps.
    """

    name: str
    data: str
    sha256: str
    metric: str
    unit: str
    higher_is_better: bool
    target: Amount
    budget_steps: NotNegative


class GpuLoad(Record, frozen=True):
    """Counters of a GPU in a Run: lowest clock (MHz), highest temperature (°C) and power, reasons for limits."""

    clock_mhz: NotNegative
    clock_limit_mhz: NotNegative
    temperature: Whole
    power_watts: Amount
    power_limit_watts: Amount
    limited_by: tuple[str, ...] = ()


class Load(Record, frozen=True, gc=False):
    """Load of the machine during the Run.

    Pressure (PSI) is the share of the time in which some task waited for the resource, steal the share of CPU time that
    the hypervisor gave away, `throttled` the share of the scheduler's periods in which the control group used up its
    quota of CPU; None if nothing says. `helper_cpu` counts the CPU seconds of processes that the plugin started, for
    each second of its own timed steps. `gpu` is None without an NVIDIA GPU, or without the package that reads it.
    """

    load_average: Amount | None = None
    cpu_pressure: Amount | None = None
    memory_pressure: Amount | None = None
    steal: Amount | None = None
    voluntary_switches: NotNegative | None = None
    involuntary_switches: NotNegative | None = None
    major_faults: NotNegative | None = None
    throttled: Amount | None = None
    helper_cpu: Amount | None = None
    gpu: GpuLoad | None = None


class Limits(Record, frozen=True):
    """Limits of a session on its machine: cores that dlbench may run on, and limits of the control group.

    `cpu_quota` is in cores. None if there is no such limit.
    """

    cores: NotNegative
    cpu_quota: Amount | None = None
    memory_bytes: NotNegative | None = None


class Environment(Record, frozen=True, gc=False):
    """Machine and software; the process could run on `usable_cores` of the `cores`.

    `name` names the Python environment, empty for dlbench's own. `limits` are the session's, in which a process has
    fewer cores; `gpu_driver` is the version of its driver if the model runs on a GPU. Libraries report their
    `instructions`; `nice` and `scheduling` are the priority of the process, if the system reports it. `cpu_model` tells
    processors apart that a hypervisor gives one name, such as `AMD EPYC`.
    """

    cpu: str
    cpu_vendor: str
    cores: NotNegative
    memory_bytes: NotNegative
    system: str
    python: str
    packages: dict[str, str]
    variables: dict[str, str]
    memory_method: str
    usable_cores: NotNegative | None = None
    name: str = ""
    limits: Limits | None = None
    gpu_driver: str = ""
    instructions: dict[str, str] = {}
    nice: Annotated[int, msgspec.Meta(ge=-20, le=19)] | None = None
    scheduling: str = ""
    cpu_model: str = ""

    @property
    def processor(self) -> str:
        """The name of the processor, with its model if that was recorded."""
        return f"{self.cpu} ({self.cpu_model})" if self.cpu_model else self.cpu


class Code(Record, frozen=True):
    """Code that was loaded: a distribution, its version, and a digest of its files (`dlbench.measure.sources`).

    `of` is its part in the Run: `plugin NAME`, `dlbench`, `task NAME` or `package NAME`.
    """

    of: str
    distribution: str
    version: str
    digest: str


class Run(Record, frozen=True, dict=True):
    """One Spec in one process, with its outcome.

    `group` numbers the processes of a Spec, out of `groups` planned ones, and `part` the parts of a group that does not
    fit into memory; Runs of one session with the same workload, group and part were in lockstep. A `control` is the
    program of its Spec a second time, measured to see whether the session tells equal programs apart. `arm` is this
    Run's place in the order of starting, of `arms`. `isolation` is the kind of process. `caller` holds the variables of
    dlbench's own environment that set threads, which the Spec's replace in a child. `flags` are `not_settled` and the
    like; `reason` explains a status that is not ok, and `output_tail` is the end of the child's output. `digest` is of
    the results of the first two timed calls: processes of a Spec that have one digest agree bit for bit. `ranks` are
    the workers of a Spec that has several, whose figures are those of all of them together. `machine` tells machines
    apart, and `attempt` counts the tries of a cluster.
    """

    spec: Spec
    policy: Policy
    session: str
    group: NotNegative
    groups: AtLeastOne
    arm: NotNegative
    arms: AtLeastOne
    status: StatusName
    started: str
    wall_seconds: Seconds
    part: NotNegative = 0
    control: bool = False
    isolation: Isolation = "fresh"
    reason: str = ""
    output_tail: str = ""
    flags: tuple[str, ...] = ()
    info: ModelInfo | None = None
    task: TaskInfo | None = None
    compilation: Compilation | None = None
    flops_per_step: Amount | None = None
    peak_flop_rate: Amount | None = None
    times: tuple[PhaseTime, ...] = ()
    samples: tuple[Sample, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    memory: tuple[PhaseMemory, ...] = ()
    environment: Environment | None = None
    code: tuple[Code, ...] = ()
    load: Load | None = None
    actual: Actual | None = None
    caller: dict[str, str] = {}
    digest: str = ""
    ranks: tuple[Rank, ...] | msgspec.UnsetType = msgspec.UNSET
    machine: str = ""
    attempt: AtLeastOne = 1
    schema: NotNegative = SCHEMA

    @property
    def ok(self) -> bool:
        """True if it ended well, so that its figures count."""
        return STATUSES[self.status].ok

    @property
    def failed(self) -> bool:
        """True if it ended in a fault, rather than well or for want of a capability."""
        return STATUSES[self.status].failed

    @property
    def member(self) -> Member:
        """Place among the Runs that took turns: the Spec, and True for its control."""
        return Member(self.spec, self.control)

    @property
    def together(self) -> Together:
        """Session, group, part and machine: Runs of one workload that share them took turns."""
        return self.session, self.group, self.part, self.machine

    def has(self, flag: FlagName) -> bool:
        """True if it has this flag."""
        return flag in self.flags


class Plan(Record, frozen=True):
    """Plan of a session, on the disk before it starts: with it and the Runs, the session can be resumed.

    `controls` are Specs with an A/A control, `pythons` interpreters by environment, in order, `asked` the gate's words.
    """

    session: str
    specs: tuple[Spec, ...]
    policy: Policy
    controls: tuple[Spec, ...] = ()
    pythons: dict[str, str] = {}
    asked: tuple[str, ...] = ()
    schema: NotNegative = SCHEMA
