"""Real benchmarks of installed plugins: `pytest --benchmark-only` runs these and nothing else.

Every plugin of TensorFlow and PyTorch on the path eager, of which one architecture is not `slow`, and one
architecture of each framework on its other paths: compiling all of them would take most of an hour. `dlbench run`
measures any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import pytest

from dlbench import registry
from dlbench.spec import Policy

EAGER = ("fake.linear", "tf.*", "torch.*")
"""Of the distribution dlbench-fake, which exists for the tests, `fake.linear` stands for all."""
ALWAYS = ("linear", "mlp")
"""Architectures that `make test` measures on the path eager; each goes through the same fixture."""
ONE_EACH = [
    ("tf.mlp", "graph"),
    ("tf.mlp", "jit"),
    ("torch.mlp", "jit"),
    ("jax.mlp", "eager"),
    ("jax.mlp", "jit"),
    ("keras-tf.mlp", "graph"),
]
"""Keras has one backend a process: here it is TensorFlow."""
LARGER = [("tf.transformer", "graph"), ("tf.transformer", "jit")]
"""A program of many operations on the same paths, for `make test-all`."""
PREDICT = [("ort.mlp", "graph"), ("openvino.mlp", "graph")]
SHORT = Policy(samples=20, sample_seconds=0.005, settle_seconds=0.1)


def _cases() -> list[Any]:
    names = [entry.name for entry in registry.entries() if any(fnmatch(entry.name, pattern) for pattern in EAGER)]
    both = [*((name, "eager") for name in names), *ONE_EACH, *LARGER]
    cases = [
        *((*one, phase) for one in both for phase in ("train", "predict")),
        *((*one, "predict") for one in PREDICT),
    ]
    return [pytest.param(*case, marks=[pytest.mark.slow] if _is_slow(*case) else []) for case in cases]


def _is_slow(name: str, path: str, _: str) -> bool:
    return (name, path) not in ONE_EACH and (name, path) not in PREDICT and name.partition(".")[2] not in ALWAYS


@pytest.mark.parametrize(("name", "path", "phase"), _cases())
def test_step(dlbench_benchmark: Callable[..., Any], name: str, path: str, phase: str) -> None:
    measured = dlbench_benchmark(name, phase=phase, path=path, policy=SHORT)
    assert measured.extra_info["path"] == path
