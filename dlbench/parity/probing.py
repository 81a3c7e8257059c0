"""Probes of models, each in a process of its own: the arrays that `dlbench.parity.probe` writes there, read here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlbench.parity.kept import NOTHING, Kept
from dlbench.parity.probe import Look, probe_to_file
from dlbench.spec import Spec
from dlbench.workers.beside import Work, results
from dlbench.workers.calls import begin
from dlbench.workers.child import ChildError, ChildHandle, fresh_child

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """A model to look at, and what to look for, as `dlbench.parity.probe.probe_to_file` takes it.

    `baseline` holds the arrays of another model whose state it converts to its own. With `apart` first gradients that a
    look leaves out are looked at after it, in the same process, and kept: nobody else reads them.
    """

    spec: Spec
    look: Look = "all"
    apart: bool = False
    baseline: Arrays | None = None


@dataclass(frozen=True)
class Probing:
    """Seeds to look at, seconds for each model, interpreters by the name of their environment, and what is kept."""

    seeds: Sequence[int]
    timeout: float
    pythons: Mapping[str, str]
    kept: Kept = NOTHING

    def arrays(self, sides: Sequence[Side]) -> list[dict[str, Any] | ChildError]:
        """The arrays of each, or why there are none."""
        with tempfile.TemporaryDirectory(prefix="dlbench-probe-") as folder:
            return results([self._work(side, Path(folder), number) for number, side in enumerate(sides)])

    def _work(self, side: Side, folder: Path, number: int) -> Work[dict[str, Any]]:
        spec, path, other = side.spec, folder / f"{number}.npz", folder / f"{number}-baseline.npz"
        if side.baseline is not None:
            np.savez(other, **side.baseline)
        given = str(other) if side.baseline is not None else ""

        def start(place: int) -> ChildHandle:
            more = ", first gradients" if self._apart(side) else ""
            self.kept.looking(f"{spec.label}: {_WORDS[side.look]}{more}")
            return fresh_child(spec.threads, self.timeout, self.pythons[spec.python], place=place)

        def order(child: ChildHandle) -> Callable[[], dict[str, Any]]:
            seeds = list(self.seeds)
            written = begin(child, probe_to_file, spec, seeds, str(path), look=side.look, baseline=given)
            more = folder / f"{number}-gradients.npz"
            if not self._apart(side):
                return lambda: self._read(side, path, written)
            later = begin(child, probe_to_file, spec, seeds[:1], str(more), look="gradients")
            return lambda: self._with_gradients(spec, self._read(side, path, written), more, later)

        return Work(spec, start, order)

    def _read(self, side: Side, path: Path, written: Callable[[], None]) -> dict[str, Any]:
        """The arrays; those of a model that starts from its own values are kept."""
        written()
        with np.load(path, allow_pickle=False) as file:
            found = dict(file)
        if side.baseline is None and side.look in ("all", "without gradients"):
            self.kept.take(side.spec, side.look, path)
        return found

    def _apart(self, side: Side) -> bool:
        """True if gradients are looked at after the others: the compiler and its headers are warm then."""
        if not (self.kept.keeps and side.apart and side.look == "without gradients" and side.baseline is None):
            return False
        return not any("/gradient/" in name for name in self.kept.of(side.spec) or ())

    def _with_gradients(
        self, spec: Spec, found: dict[str, Any], path: Path, written: Callable[[], None]
    ) -> dict[str, Any]:
        """The arrays as they are; the gradients are kept."""
        try:
            written()
        except ChildError:
            return found  # who needs them asks a child of their own, and hears why
        self.kept.take(spec, "gradients", path)
        return found


_WORDS: Mapping[Look, str] = {
    "all": "outputs, first gradients, 20 steps",
    "without gradients": "outputs, 20 steps",
    "gradients": "first gradients",
    "moved": "20 steps from parameters that differ in their last bits",
}
