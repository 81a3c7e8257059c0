"""Records of the errors of an arm's arithmetic, a line each in `fidelity.jsonl`."""

from __future__ import annotations

from typing import Literal

from dlbench.record.schema import Record
from dlbench.spec import Spec

FIDELITY_FILE = "fidelity.jsonl"
"""File beside the Runs of a report whose arms were held against a more exact one."""

What = Literal["outputs", "gradients", "losses"]


class Deviation(Record, frozen=True):
    """Relative error of one quantity of an arm; `explained` is the most that its precision accounts for.

    `explained` is None if it is unknown. An error that is not finite is infinite.
    """

    what: What
    error: float
    explained: float | None = None

    @property
    def holds(self) -> bool:
        """True unless the error is more than the precision of the arm explains."""
        return self.explained is None or self.error <= self.explained


class Fidelity(Record, frozen=True):
    """Errors of an arm against `reference`, in words; `reason` says why there are none, or why not all was tried."""

    spec: Spec
    reference: str = ""
    deviations: tuple[Deviation, ...] = ()
    reason: str = ""

    @property
    def same(self) -> bool | None:
        """True if its precision explains every error; None if nothing was compared."""
        return all(one.holds for one in self.deviations) if self.deviations else None

    @property
    def losses_alone(self) -> bool:
        """True if the losses are all that its precision does not explain, which chaotic training may do."""
        return [one.what for one in self.deviations if not one.holds] == ["losses"]

    @property
    def worst(self) -> float | None:
        """The largest of its errors; None if nothing was compared."""
        return max((one.error for one in self.deviations), default=None)
