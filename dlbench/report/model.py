"""The records of a Report: all that a rendering shows."""

from __future__ import annotations

from typing import Literal

import msgspec

from dlbench.analysis.compare import Comparison, Undecided
from dlbench.analysis.control import ControlPair
from dlbench.analysis.cost import Cost
from dlbench.analysis.gate import Gate
from dlbench.plugin import Compilation
from dlbench.record.flags import StatusName
from dlbench.record.parity import Parity
from dlbench.record.schema import SCHEMA, Environment, Record, TaskInfo
from dlbench.report.break_even import Payback
from dlbench.report.configuration import Fairness, OwnModel
from dlbench.spec import Policy, Workload
from dlbench.stats.estimates import Estimate


class Spread(Record, frozen=True):
    """Effort to reach a target: median and range over seeds; a seed that never reached it counts as beyond all others.

    `median` or `high` is None beyond the budget; `low` is None when none reached the target.
    """

    reached: int
    of: int
    low: float | None
    median: float | None
    high: float | None


class CurvePoint(Record, frozen=True):
    """Quality after `steps` training steps: median and range over `seeds` seeds."""

    steps: int
    quality: float
    low: float
    high: float
    seeds: int


class Failure(Record, frozen=True):
    """Failure of Runs of an arm; `output_tail` is the end of what the last of them printed."""

    status: StatusName
    reason: str
    output_tail: str
    runs: int


class Arm(Record, frozen=True):
    """One plugin on one path in one workload: `ok` of `planned` processes ended well."""

    label: str
    ok: int
    planned: int
    metrics: dict[str, Estimate]
    to_target: dict[str, Spread]
    curve: tuple[CurvePoint, ...]
    compilation: tuple[Compilation, ...]
    failures: tuple[Failure, ...]


class Section(Record, frozen=True):
    """One workload: its arms in the order of the first group, and each compared with the first that ran.

    `cost` is the effort of its verdicts, failed processes included; None if nothing is compared.
    """

    workload: Workload
    seeds: tuple[int, ...]
    task: TaskInfo | None
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    paybacks: tuple[Payback, ...] = ()
    stopped: str = ""
    cost: Cost | None = None


class Report(Record, frozen=True):
    """All that a rendering shows; `parity` holds the checks that the arms are the same model.

    `gate` is the answer of a requested gate; `controls` compare each A/A control with its arm. `undecided` are
    the pairs that ended without a verdict; pairs of one process each are `indicative` and not among them. `models`
    are the user's own models, unset if there are none.
    """

    title: str
    started: str
    indicative: bool
    sections: tuple[Section, ...]
    warnings: tuple[str, ...]
    fairness: tuple[Fairness, ...]
    environments: tuple[Environment, ...]
    policies: tuple[Policy, ...]
    command: str
    parity: tuple[Parity, ...] = ()
    gate: Gate | None = None
    controls: tuple[ControlPair, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    models: tuple[OwnModel, ...] | msgspec.UnsetType = msgspec.UNSET
    kind: Literal["dlbench report"] = "dlbench report"
    schema: int = SCHEMA
