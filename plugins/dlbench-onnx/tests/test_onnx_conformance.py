"""Both runtimes against the contract, and all seven against PyTorch's own predictions on five seeds."""

from __future__ import annotations

import numpy as np
import pytest

from dlbench import architectures, conformance, registry
from dlbench.conformance.clauses import OF_TRAINING
from dlbench.conformance.examine import examine
from dlbench.measure.build import build_checked, prepare
from dlbench.spec import Spec

pytestmark = pytest.mark.untimed

RUNTIMES = ("ort", "openvino")
ARCHITECTURES = ("cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer")
SEEDS = range(5)
SEVEN = [
    pytest.param(runtime, architecture, marks=[] if (runtime, architecture) == ("ort", "mlp") else pytest.mark.slow)
    for runtime in RUNTIMES
    for architecture in ARCHITECTURES
]


@pytest.fixture(autouse=True)
def fewer_steps(monkeypatch, request):
    """Less time for leaks; `make test-all`, or a process of its own, takes the whole of it."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr("dlbench.conformance.quiet.LEAK_SECONDS", 0.2)


@pytest.mark.parametrize(("runtime", "architecture"), SEVEN)
def test_conforms(runtime, architecture):
    (spec,) = conformance.specs(f"{runtime}.{architecture}", "graph")
    found = {one.clause: one for one in examine(spec)}
    assert [one for one in found.values() if one.verdict == "broken"] == []
    assert found["outputs_are_the_architecture"].verdict == "holds"
    assert {name for name, one in found.items() if "the phase predict alone" in one.why} == OF_TRAINING


def outputs(name, path, seed, size="small"):
    architecture = name.partition(".")[2]
    task = architectures.default_task(architecture)
    spec = Spec(plugin=name, phase="predict", path=path, size=size, task=task, batch_size=4, threads=1, seed=seed)
    prepared = prepare(spec, registry.load(name))
    build_checked(prepared.plugin, prepared.request)
    return np.array(prepared.plugin.predict(prepared.task.batch(seed, 0).inputs))


@pytest.mark.parametrize(
    ("architecture", "size", "seeds"),
    [
        pytest.param("lstm", "small", (0,), id="one"),
        *(pytest.param(one, "small", SEEDS, marks=pytest.mark.slow, id=one) for one in ARCHITECTURES),
        *(pytest.param(one, "base", (0,), marks=pytest.mark.slow, id=f"{one}-base") for one in ARCHITECTURES),
    ],
)
def test_outputs_are_those_of_pytorch(architecture, size, seeds):
    for seed in seeds:
        wanted = outputs(f"torch.{architecture}", "eager", seed, size)
        for runtime in RUNTIMES:
            found = outputs(f"{runtime}.{architecture}", "graph", seed, size)
            off = np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max())
            assert off <= 5e-6, (runtime, seed, off)
