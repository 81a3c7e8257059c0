"""Every architecture on every backend and path against the contract, and all of them against each other."""

from __future__ import annotations

import importlib.util

import pytest

from dlbench import conformance
from dlbench.parity import check
from dlbench_keras import backends

pytestmark = pytest.mark.untimed

ARCHITECTURES = ("cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer")
ARMS = [(word, path) for word in ("torch", "tf", "jax") for path in backends.BACKENDS[word].paths]
WHOLE = [arm for arm in ARMS if arm != ("torch", "jit")]
"""Those that compile whole: torch.compile breaks Keras's step (test_keras_backends)."""

TRACED_ANEW = ("rnn", "lstm", "gru", "transformer")
"""Of Keras on JAX, op by op: each step traces its loops and heads anew, and JAX keeps the traces.

5 MiB a step of a recurrent layer, 60 KiB of a transformer; a Run reports it as memory that grows.
"""


def _case(word: str, path: str, architecture: str):
    slow = (word, path, architecture) != ("torch", "eager", "mlp")
    return pytest.param(word, path, architecture, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(
    ("word", "path", "architecture"), [_case(*arm, architecture) for arm in WHOLE for architecture in ARCHITECTURES]
)
def test_conforms(word, path, architecture):
    """In a process of its own: Keras has one backend in each."""
    if importlib.util.find_spec(backends.BACKENDS[word].module) is None:
        pytest.skip(f"{word} is not installed")
    grows = (word, path) == ("jax", "eager") and architecture in TRACED_ANEW
    conformance.assert_conforms(f"keras-{word}.{architecture}", path, skips=["nothing_leaks"] if grows else [])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_five_seeds_are_the_same_model_everywhere(architecture):
    specs = [conformance.specs(f"keras-{word}.{architecture}", path)[0] for word, path in WHOLE]
    found = check.check(specs, (0, 1, 2, 3, 4), 600.0)
    assert [(one.candidate.label, one.reason) for one in found if not one.same] == []
