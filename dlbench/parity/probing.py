"""Probes of models, each in a process of its own: the arrays that `dlbench.parity.probe` writes there, read here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlbench.parity.probe import probe_to_file
from dlbench.spec import Spec
from dlbench.workers.beside import Work, results
from dlbench.workers.calls import begin
from dlbench.workers.child import ChildError, ChildHandle, fresh_child

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """A model to look at, and what to look for, as `dlbench.parity.probe.probe_to_file` takes it.

    `baseline` holds the arrays of another model whose state it converts to its own.
    """

    spec: Spec
    gradients: bool = True
    moved: bool = False
    baseline: Arrays | None = None


@dataclass(frozen=True)
class Probing:
    """Seeds to look at, seconds for each model, and interpreters by the name of their environment."""

    seeds: Sequence[int]
    timeout: float
    pythons: Mapping[str, str]

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
            return fresh_child(spec.threads, self.timeout, self.pythons[spec.python], place=place)

        def order(child: ChildHandle) -> Callable[[], dict[str, Any]]:
            gradients, moved, seeds = side.gradients, side.moved, list(self.seeds)
            written = begin(
                child, probe_to_file, spec, seeds, str(path), gradients=gradients, moved=moved, baseline=given
            )
            return lambda: _read(path, written)

        return Work(spec, start, order)


def _read(path: Path, written: Callable[[], None]) -> dict[str, Any]:
    written()
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
