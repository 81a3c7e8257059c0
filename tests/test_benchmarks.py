"""Real benchmarks of every installed plugin: `pytest --benchmark-only` runs these and nothing else.

Every plugin on the path eager, and one architecture of each framework on its other paths: compiling all of them would
take most of an hour. `dlbench run` measures any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dlbench import registry
from dlbench.spec import Policy

LEFT_OUT = {"fake.minimal", "fake.naughty", "naughty.linear", "twin.linear"}
"""Of the distribution dlbench-fake, which exists for the tests, `fake.linear` stands for all."""
COMPILED = [("tf.transformer", "graph"), ("tf.transformer", "jit"), ("torch.mlp", "jit")]
SHORT = Policy(samples=20, sample_seconds=0.005, settle_seconds=0.1)


def _cases() -> list[tuple[str, str]]:
    entries = registry.entries()
    names = [entry.name for entry in entries if not (entry.distribution == "dlbench-fake" and entry.name in LEFT_OUT)]
    return [*((name, "eager") for name in names), *COMPILED]


@pytest.mark.parametrize("phase", ["train", "predict"])
@pytest.mark.parametrize(("name", "path"), _cases())
def test_step(dlbench_benchmark: Callable[..., Any], name: str, path: str, phase: str) -> None:
    measured = dlbench_benchmark(name, phase=phase, path=path, policy=SHORT)
    assert measured.extra_info["path"] == path
