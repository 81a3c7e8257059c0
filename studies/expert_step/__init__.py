"""Programs that an expert of each framework would write by hand for the built-in architectures, without the plugins.

Each module has `programs(problem)`: the candidates for a path by name, each a function that takes one training step
and returns the loss. The fastest of them is the expert. `keras_fit` is the code that many people write instead.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dlbench.plugin import Batch, Signature

Program = Callable[[], Any]
MODULES = {framework: f"studies.expert_step.{framework}_programs" for framework in ("tf", "torch", "jax")}


@dataclass(frozen=True)
class Problem:
    """One architecture with its sizes (the core's record), inputs and outputs, NumPy batches and a path."""

    architecture: str
    path: str
    sizes: Any
    signature: Signature
    batches: list[Batch]
    threads: int
    learning_rate: float


def programs(framework: str, problem: Problem) -> dict[str, Program]:
    """Candidates by name; they are compiled when first called."""
    found: dict[str, Program] = importlib.import_module(MODULES[framework]).programs(problem)
    return found
