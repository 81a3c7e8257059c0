"""Phases, paths and places of data: the words of a Spec, and the properties of a phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

PhaseName = Literal["train", "predict", "converge"]
Path = Literal["eager", "graph", "jit"]
DataPlace = Literal["device", "host"]


class Phase(NamedTuple):
    """Properties of a phase.

    A `timed` phase measures the time of a step once steps are steady; another trains to a target, and every step
    counts. A phase that does not train predicts. Its figures are replicated by processes, or by seeds with one process
    each.
    """

    timed: bool
    trains: bool
    replicated_by: Literal["process", "seed"]


PHASES: Mapping[PhaseName, Phase] = {
    "train": Phase(timed=True, trains=True, replicated_by="process"),
    "predict": Phase(timed=True, trains=False, replicated_by="process"),
    "converge": Phase(timed=False, trains=True, replicated_by="seed"),
}
PATHS: tuple[Path, ...] = get_args(Path)
DATA_PLACES: tuple[DataPlace, ...] = get_args(DataPlace)
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
"""Choices of the command line; `dlbench.plugin` defines each."""
