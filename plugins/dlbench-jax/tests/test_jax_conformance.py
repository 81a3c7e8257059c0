"""Every architecture on every path against the contract and the core's NumPy version."""

from __future__ import annotations

import pytest

from dlbench import conformance
from dlbench.conformance.examine import examine
from dlbench_jax import __all__ as names

pytestmark = pytest.mark.untimed

ARCHITECTURES = sorted(set(names) - {"JaxModel", "plugin"})
PATHS = ("eager", "jit")
QUICK = [("mlp", "eager"), ("lstm", "jit")]
"""A step without a loop op by op, and one that unrolls a loop; JAX compiles a hundred operations for others."""


@pytest.fixture(autouse=True)
def fewer_steps(monkeypatch, request):
    """Less time for leaks; `make test-all`, or a process of its own, takes the whole of it."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr("dlbench.conformance.quiet.LEAK_SECONDS", 0.2)


def _case(architecture: str, path: str):
    slow = (architecture, path) not in QUICK
    return pytest.param(architecture, path, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(("architecture", "path"), [_case(name, path) for name in ARCHITECTURES for path in PATHS])
def test_conforms(architecture, path):
    """In this process, which has JAX already."""
    (spec,) = conformance.specs(f"jax.{architecture}", path)
    assert [found for found in examine(spec) if found.verdict == "broken"] == []


@pytest.mark.slow
def test_conforms_in_a_process_of_its_own():
    conformance.assert_conforms("jax.transformer", "jit")


@pytest.mark.gpu("jax.mlp")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms_on_a_gpu(architecture, path):
    conformance.assert_conforms(f"jax.{architecture}", path, device="gpu")
