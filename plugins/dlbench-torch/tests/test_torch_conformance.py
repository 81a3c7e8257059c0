"""Every architecture on every path against the contract, the core's NumPy version and its own compiled self."""

from __future__ import annotations

import pytest

from dlbench import conformance
from dlbench.conformance.examine import examine
from dlbench_torch import __all__ as names

pytestmark = pytest.mark.untimed

ARCHITECTURES = sorted(set(names) - {"TorchModel"})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms_compiled(architecture):
    """In processes of their own: how often PyTorch compiles one piece of code anew is limited for a process."""
    conformance.assert_conforms(f"torch.{architecture}", "jit")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms_eager(architecture):
    """In this process, which has PyTorch already."""
    (spec,) = conformance.specs(f"torch.{architecture}", "eager")
    assert [found for found in examine(spec) if found.verdict == "broken"] == []


def test_there_is_no_graph_path():
    with pytest.raises(AssertionError, match="unsupported: path graph: PyTorch has none without a compiler"):
        conformance.assert_conforms("torch.mlp", "graph")


@pytest.mark.gpu("torch.mlp")
@pytest.mark.parametrize("path", ["eager", "jit"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms_on_a_gpu(architecture, path):
    conformance.assert_conforms(f"torch.{architecture}", path, device="gpu")
