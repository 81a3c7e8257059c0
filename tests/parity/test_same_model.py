"""All architectures of both frameworks are proven to be the same model."""

from __future__ import annotations

import pytest
from sides import ARCHITECTURES, in_this_process, judged, spec

from dlbench import architectures
from dlbench.parity import check
from dlbench.report.parity import sentence

pytestmark = pytest.mark.untimed

EVERYTHING = {"FLOPs", "output", "losses", "parameter", "gradient"}


OTHER_ENDS = [
    ("lstm", "demand"),
    pytest.param("gru", "sentiment", marks=pytest.mark.slow),
    ("transformer", "sentiment"),
    pytest.param("transformer", "vowels", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(
    ("architecture", "task"), [*((name, architectures.default_task(name)) for name in ARCHITECTURES), *OTHER_ENDS]
)
def test_tensorflow_and_pytorch_are_the_same_model(architecture, task, monkeypatch):
    """Five seeds at size small, three of another task; a graph over its 64 tokens takes long to trace."""
    in_this_process(monkeypatch)
    path, seeds = ("graph", 5) if task == architectures.default_task(architecture) else ("eager", 3)
    asked = [spec(f"tf.{architecture}", path=path, task=task), spec(f"torch.{architecture}", task=task)]
    assert judged(asked, range(seeds)) == EVERYTHING


def test_so_they_are_in_processes_of_their_own():
    assert judged([spec("tf.gan"), spec("torch.gan")], range(3)) == EVERYTHING


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(one, marks=pytest.mark.slow if one in ("gru", "lstm", "rnn") else ()) for one in ARCHITECTURES],
)
def test_they_are_the_same_model_at_size_base(architecture, monkeypatch):
    """Outputs and first gradients, on few samples: with all, two million ReLUs leave hardly a seed without an edge."""
    in_this_process(monkeypatch)
    monkeypatch.setattr(check, "STEPS", 1)
    asked = [spec(f"{framework}.{architecture}", "base", batch_size=2) for framework in ("tf", "torch")]
    assert judged(asked, range(3)) == EVERYTHING


@pytest.mark.slow
def test_losses_that_rounding_alone_moves_are_held_to_what_it_does(monkeypatch):
    """The base gan: within twenty steps a change in the last bits of its parameters is a tenth of its losses."""
    in_this_process(monkeypatch)
    asked = [spec("tf.gan", "base", path="graph"), spec("torch.gan", "base")]
    (found,) = check.check(asked, range(3), 600.0, quick=True)
    (losses,) = [one for one in found.differences if one.what == "losses"]
    assert found.same
    assert losses.tolerance == check.ROUNDING * losses.rounding > 1e-4
    assert "rounding alone moves them by" in sentence(found)
