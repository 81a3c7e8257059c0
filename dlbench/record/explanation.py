"""Records of a profile and of the explanation of a difference: `explanation.json`."""

from __future__ import annotations

from dlbench.plugin import Category
from dlbench.record.schema import Record
from dlbench.spec import Spec
from dlbench.stats.ranges import NotNegative

EXPLANATION_FILE = "explanation.json"
DEARER = 1.5
"""Ratio of a profiled step to an unprofiled one beyond which no time is read from the profile."""

EQUAL = 0.02
"""Relative difference of two steps below which there is none to explain."""


class Op(Record, frozen=True):
    """An operation in a profile: its calls and seconds a step, all of one name, category, layer, shapes and FLOPs.

    `seconds` is the wall time that is attributed to it, `busy` the time of all threads in it.
    """

    name: str
    category: Category
    count: float
    seconds: float
    busy: float
    shapes: tuple[tuple[int, ...], ...] = ()
    flops: float | None = None
    layer: str = ""


class Profile(Record, frozen=True):
    """Profile of an arm over `steps` steps; `seconds` of a step under the profiler, and `plain` without, beside it.

    `plain` is without waits for a core. `cost` is the time of a profiled step over that of another in the same process,
    the least of both, without such waits where they are known; None where it is not. `reason` says why there is no
    profile. `threads` are those that worked. `bandwidth` is what a large copy reads and writes in bytes a second
    beside the profile; 0.0 where it was not measured.
    """

    spec: Spec
    steps: NotNegative = 0
    seconds: float = 0.0
    plain: float = 0.0
    cost: float | None = None
    threads: NotNegative = 0
    ops: tuple[Op, ...] = ()
    reason: str = ""
    bandwidth: float = 0.0

    @property
    def timed(self) -> bool:
        """True if the profile slowed the step down little enough for times to be read from it."""
        return not self.reason and self.cost is not None and self.cost <= DEARER


class Arm(Record, frozen=True):
    """A side of an explanation: its profile, scaled to the `step` of lockstep; None for one that did not run."""

    label: str
    profile: Profile
    step: float | None = None
    flops: float | None = None
    peak: float | None = None
    trace: str = ""

    @property
    def scaled(self) -> bool:
        """True if there are times to show."""
        return self.step is not None and self.profile.timed and self.profile.seconds > 0.0

    @property
    def scale(self) -> float:
        """Seconds of the unprofiled step for a second of the profiled one."""
        return self.step / self.profile.seconds if self.scaled and self.step is not None else 0.0


class Share(Record, frozen=True):
    """A category, or an operation, on both sides: seconds and calls a step.

    Seconds are None where a side has none of it, and everywhere if the profiles tell no times.
    """

    category: Category
    name: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()
    before: float | None = None
    after: float | None = None
    counts: tuple[float, float] = (0.0, 0.0)
    busy: tuple[float | None, float | None] = (0.0, 0.0)

    @property
    def difference(self) -> float:
        """Seconds that the second side takes longer."""
        return (self.after or 0.0) - (self.before or 0.0)


class Layer(Record, frozen=True):
    """A layer on both sides: seconds a step, forward and backward; None where a side has none of it."""

    name: str
    before: float | None = None
    after: float | None = None

    @property
    def difference(self) -> float:
        """Seconds that the second side takes longer."""
        return (self.after or 0.0) - (self.before or 0.0)

    @property
    def total(self) -> float:
        """Seconds of both sides together."""
        return (self.after or 0.0) + (self.before or 0.0)


class Explanation(Record, frozen=True):
    """Account of the time of a step on two sides, or in one arm; the sentences are the answer.

    `categories` are all that take time, `differences` the single ones that matter most. `layers`
    are those of sides whose profiles know them.
    """

    workload: str
    before: Arm
    after: Arm | None = None
    answer: tuple[str, ...] = ()
    categories: tuple[Share, ...] = ()
    differences: tuple[Share, ...] = ()
    layers: tuple[Layer, ...] = ()
