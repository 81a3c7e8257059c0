"""Records of parity checks, a line each in `parity.jsonl`."""

from __future__ import annotations

from msgspec import UNSET

from dlbench.record.schema import Record
from dlbench.spec import Spec
from dlbench.stats.ranges import NotNegative


def rounding_of(*specs: Spec) -> str:
    """The coarsest type to which a variant of these Specs rounds the operands of products; empty without one."""
    kinds = {spec.variant.rounding for spec in specs if spec.variant is not UNSET}
    return next((kind for kind in ("bf16", "fp16", "tf32") if kind in kinds), "")


class Difference(Record, frozen=True):
    """One figure of a parity check beside its tolerance: its median over the seeds, and the worst of them.

    `what` is `parameter NAME`, `gradient NAME`, `state NAME`, `output`, `losses` or `FLOPs`. The difference is infinite
    if only one side has the figure. `rounding` is the change of the losses when the last bits of the parameters change,
    if that was computed.
    """

    what: str
    difference: float
    tolerance: float
    worst: float
    rounding: float | None = None

    @property
    def holds(self) -> bool:
        """True if the figure is within its tolerance; a NaN is not."""
        return self.difference <= self.tolerance


class Parity(Record, frozen=True):
    """Result of a check that two Specs are the same model; `reason` says why it was not checked, if it was not."""

    baseline: Spec
    candidate: Spec
    seeds: tuple[NotNegative, ...]
    steps: NotNegative
    differences: tuple[Difference, ...] = ()
    reason: str = ""

    @property
    def same(self) -> bool | None:
        """True if every figure is within its tolerance; None when nothing was compared."""
        return all(difference.holds for difference in self.differences) if self.differences else None
