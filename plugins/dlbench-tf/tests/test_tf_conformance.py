"""Every architecture on every path against the contract and the core's NumPy version."""

from __future__ import annotations

import pytest

from dlbench import conformance
from dlbench.conformance.examine import examine
from dlbench.spec import PATHS
from dlbench_tf import __all__ as names

pytestmark = pytest.mark.untimed

ARCHITECTURES = sorted(set(names) - {"TFModel", "plugin"})
REPRESENTATIVE = ("lstm", "mlp")
"""A loop and none; the others compiled take minutes."""
APART = ("mlp", "graph")
"""Examined in a process of its own."""
LIKE_OTHERS = ("rnn", "gru", "gan", "transformer")
"""Built of the same parts as lstm and mlp; the transformer is examined in PyTorch, and compared with that."""


@pytest.fixture(autouse=True)
def fewer_steps(monkeypatch, request):
    """Less time for leaks; `make test-all`, or a process of its own, takes the whole of it."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr("dlbench.conformance.quiet.LEAK_SECONDS", 0.2)


def _case(architecture: str, path: str):
    slow = architecture in LIKE_OTHERS if path == "eager" else architecture not in REPRESENTATIVE
    slow = slow or (architecture, path) == APART
    return pytest.param(architecture, path, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(("architecture", "path"), [_case(name, path) for name in ARCHITECTURES for path in PATHS])
def test_conforms(architecture, path):
    """In this process, which has TensorFlow already: importing it 21 times takes longer than looking."""
    (spec,) = conformance.specs(f"tf.{architecture}", path)
    assert [found for found in examine(spec) if found.verdict == "broken"] == []


def test_conforms_in_a_process_of_its_own():
    conformance.assert_conforms(f"tf.{APART[0]}", APART[1])


@pytest.mark.gpu("tf.mlp")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms_on_a_gpu(architecture, path):
    conformance.assert_conforms(f"tf.{architecture}", path, device="gpu")
