"""Real benchmarks of every installed plugin: `pytest --benchmark-only` runs these and nothing else.

All paths are asked for; one that a plugin does not have is skipped with the plugin's own reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dlbench import registry
from dlbench.spec import PATHS

LEFT_OUT = {"fake.minimal", "fake.naughty", "naughty.linear", "twin.linear"}
"""Of the distribution dlbench-fake, which exists for the tests, `fake.linear` stands for all."""


def _names() -> list[str]:
    entries = registry.entries()
    return [entry.name for entry in entries if not (entry.distribution == "dlbench-fake" and entry.name in LEFT_OUT)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("phase", ["train", "predict"])
@pytest.mark.parametrize("name", _names())
def test_step(dlbench_benchmark: Callable[..., Any], name: str, phase: str, path: str) -> None:
    measured = dlbench_benchmark(name, phase=phase, path=path)
    assert measured.extra_info["path"] == path
