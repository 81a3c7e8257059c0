"""Every architecture on every path against the contract, the core's NumPy version and its own compiled self."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy, softplus

from dlbench import conformance
from dlbench.conformance.examine import Examination, examine
from dlbench_torch import __all__ as names

pytestmark = pytest.mark.untimed

ARCHITECTURES = sorted(set(names) - {"TorchModel", "plugin"})
REPRESENTATIVE = ("rnn", "mlp")
"""A loop and none; the others compiled take minutes."""
LIKE_OTHERS = ("rnn", "gru", "gan", "cnn")
"""Built of the same parts as the others; the cnn is examined in TensorFlow, and compared with that."""


@pytest.fixture(autouse=True)
def fewer_steps(monkeypatch, request):
    """Less time for leaks; `make test-all`, or a process of its own, takes the whole of it."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr("dlbench.conformance.quiet.LEAK_SECONDS", 0.2)


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=[] if name in REPRESENTATIVE else pytest.mark.slow) for name in ARCHITECTURES],
)
def test_conforms_compiled(architecture):
    """Clauses in processes of their own: PyTorch limits the recompilations of one piece of code in a process."""
    conformance.assert_conforms(f"torch.{architecture}", "jit")


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=[pytest.mark.slow] if name in LIKE_OTHERS else []) for name in ARCHITECTURES],
)
def test_conforms_eager(architecture):
    """In this process, which has PyTorch already."""
    (spec,) = conformance.specs(f"torch.{architecture}", "eager")
    assert [found for found in examine(spec) if found.verdict == "broken"] == []


def smoothed(inputs, targets, **more):
    return cross_entropy(inputs, targets, label_smoothing=0.1, **more)


def decayed(parameters, **settings):
    return torch.optim.AdamW(parameters, **settings)


@pytest.mark.parametrize(
    ("architecture", "where", "fault", "clause"),
    [
        ("mlp", "torch.nn.functional.cross_entropy", smoothed, "the_loss_is_the_stated_one"),
        ("gan", "torch.nn.functional.softplus", lambda logits: 1.01 * softplus(logits), "the_loss_is_the_stated_one"),
        ("transformer", "torch.optim.Adam", decayed, "the_optimizer_is_the_stated_adam"),
    ],
)
def test_a_fault_in_loss_or_optimizer_is_found(architecture, where, fault, clause, monkeypatch):
    (spec,) = conformance.specs(f"torch.{architecture}", "eager")
    assert Examination(spec).look(clause).verdict == "holds"
    monkeypatch.setattr(where, fault)
    assert Examination(spec).look(clause).verdict == "broken"


def test_a_policy_gradient_is_the_stated_loss():
    (spec,) = conformance.specs("torch.mlp", "eager", task="cartpole")
    assert Examination(spec).look("the_loss_is_the_stated_one").verdict == "holds"


def test_there_is_no_graph_path():
    with pytest.raises(AssertionError, match="unsupported: path graph: PyTorch has none without a compiler"):
        conformance.assert_conforms("torch.mlp", "graph")


@pytest.mark.gpu("torch.mlp")
@pytest.mark.parametrize("path", ["eager", "jit"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms_on_a_gpu(architecture, path):
    conformance.assert_conforms(f"torch.{architecture}", path, device="gpu")
