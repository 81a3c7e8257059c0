"""The records of a workload in a Report: its arms with their figures, failures and errors, and their comparisons."""

from __future__ import annotations

import msgspec

from dlbench.analysis.compare import Comparison
from dlbench.analysis.cost import Cost
from dlbench.analysis.leaders import Across, Leading
from dlbench.analysis.likeness import Unlike
from dlbench.plugin import Compilation
from dlbench.record.fidelity import Fidelity
from dlbench.record.flags import StatusName
from dlbench.record.schema import Record, TaskInfo
from dlbench.report.break_even import Payback
from dlbench.spec import Workload
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
    """Failure of Runs of an arm; `output_tail` is the end of the last one's output."""

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

    `compiled` compares arms on the path jit with eager ones that are not their baseline.
    `cost` is the effort of its verdicts, failed processes included; None if nothing is compared. `leaders` are the arm
    that is ahead of all others and those that take as long, of three arms or more; `leading` is the first of them
    beside the others, and `across` compares frameworks. `next_best` are paybacks against the fastest arm of the plugin
    that compiles nothing, if that is not the eager one.
    """

    workload: Workload
    seeds: tuple[int, ...]
    task: TaskInfo | None
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    paybacks: tuple[Payback, ...] = ()
    stopped: str = ""
    cost: Cost | None = None
    compiled: tuple[Comparison, ...] = ()
    leaders: tuple[str, ...] = ()
    leading: Leading | None = None
    across: tuple[Across, ...] = ()
    next_best: tuple[Payback, ...] = ()


class FidelityRow(Record, frozen=True):
    """An arm's speed beside its errors; `ratio` is None for the baseline, and for an arm that is not compared.

    `unlike` is that of the comparison that the ratio is from.
    `bits` is `yes` if processes of the arm agree bit for bit, `no` if not, or the reason why that is not known.
    """

    arm: str
    subject: str
    found: Fidelity
    ratio: Estimate | None
    baseline: bool
    bits: str
    unlike: Unlike | msgspec.UnsetType = msgspec.UNSET
