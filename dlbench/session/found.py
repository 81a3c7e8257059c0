"""Measurements of an arm so far, and the seconds that went into anything else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dlbench.record import honesty
from dlbench.record.flags import HELPED, FlagName
from dlbench.record.schema import Evaluation, PhaseMemory, PhaseTime, Sample


@dataclass
class Findings:
    """Measurements of an arm so far; `beside` are its seconds beside samples, by the phase of a PhaseTime."""

    samples: list[Sample] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    times: list[PhaseTime] = field(default_factory=list)
    memory: list[PhaseMemory] = field(default_factory=list)
    flags: list[FlagName] = field(default_factory=list)
    digest: str = ""
    beside: dict[str, float] = field(default_factory=dict)

    def flag(self, name: FlagName) -> None:
        """Set a flag of the Run that readers must know."""
        if name not in self.flags:
            self.flags.append(name)

    def helped(self, worked: float) -> float | None:
        """CPU seconds that helpers surely worked for a second of all samples but warm-up, flagged if they are many."""
        timed = sum(one.seconds for one in self.samples if one.stage != "warm-up")
        share = honesty.surely_worked(worked) / timed if timed else None
        if share is not None and share > HELPED:
            self.flag("helped")
        return share

    @contextmanager
    def spending(self, phase: str) -> Iterator[None]:
        """Count these seconds under the phase, but for those of samples and times that are found meanwhile."""
        begin, known = time.monotonic(), self._known()
        try:
            yield
        finally:
            took = time.monotonic() - begin - (self._known() - known)
            self.beside[phase] = self.beside.get(phase, 0.0) + max(0.0, took)

    def all_times(self) -> tuple[PhaseTime, ...]:
        """The times of work that is done once, and those beside samples."""
        return (*self.times, *(PhaseTime(phase=phase, seconds=seconds) for phase, seconds in self.beside.items()))

    def _known(self) -> float:
        return sum(one.seconds for one in self.samples) + sum(one.seconds for one in self.times)
