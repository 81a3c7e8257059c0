"""The compiler openxla: refused in one line if it cannot run, else proven by XLA's own counters."""

from __future__ import annotations

from importlib import metadata

import msgspec
import pytest

from dlbench import architectures
from dlbench.errors import Unsupported
from dlbench.plugin import PARTS, Compilation
from dlbench.spec import Spec
from dlbench.system.environment import usable_cores
from dlbench.workers.child import fresh_child
from dlbench.workers.protocol import Build, Built, Close, Closed, First, Stepped, Take, Taken
from dlbench_torch import __all__ as names
from dlbench_torch import device, openxla

pytestmark = pytest.mark.untimed

SPEC = Spec(
    plugin="torch.mlp",
    phase="train",
    path="jit",
    compiler="openxla",
    size="small",
    task="digits",
    batch_size=32,
    threads=usable_cores(),
)


@pytest.fixture
def beside(monkeypatch):
    """Pretend that this torch_xla is installed beside this torch."""

    def beside(torch, torch_xla):
        monkeypatch.setattr(openxla.torch, "__version__", torch)
        monkeypatch.setattr(metadata, "version", {"torch_xla": torch_xla}.__getitem__)

    return beside


def test_torch_xla_that_is_not_there_is_asked_for(monkeypatch):
    def nothing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", nothing)
    with pytest.raises(Unsupported, match=r"torch_xla is not installed beside torch .*; `make openxla`"):
        device.prepare(SPEC)


@pytest.mark.parametrize("torch", ["2.13.0+cpu", "2.10.0", "2.90.0"])
def test_torch_xla_beside_another_torch_is_refused_before_it_is_imported(torch, beside):
    beside(torch, "2.9.0")
    with pytest.raises(Unsupported, match=r"torch_xla 2\.9\.0 needs torch 2\.9, this is torch .*; `make openxla`"):
        device.prepare(SPEC)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"device": "gpu"}, "openxla on device gpu: torch_xla computes on cpu here"),
        ({"precision": "bf16"}, "openxla in precision bf16: through torch_xla the plugins have fp32"),
        ({"threads": usable_cores() + 1}, f"openxla on {usable_cores() + 1} threads: .* may use, {usable_cores()};"),
    ],
)
def test_what_torch_xla_has_not_here_is_refused(change, text, beside):
    beside("2.9.1", "2.9.0")
    with pytest.raises(Unsupported, match=text):
        device.prepare(msgspec.structs.replace(SPEC, **change))


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        ({}, (1, 0, 0)),
        ({"DynamoExtractCompiledGraph": 0}, (0, 0, 0)),
        ({"aten::_local_scalar_dense": 9}, (1, 0, 0)),
        ({"aten::cumsum": 3}, (1, 3, 0)),
        ({"UncachedCompile": 3}, (1, 0, 2)),
    ],
)
def test_what_dynamo_says_is_held_against_the_counters_of_xla(counted, said, monkeypatch):
    before = {"DynamoExtractCompiledGraph": 1, "UncachedCompile": 1, "aten::nonzero": 1}
    after = {name: number + 1 for name, number in before.items()} | {"aten::nonzero": 1}
    readings = iter([before])
    late = after | {name: number + before.get(name, 0) for name, number in counted.items()}
    monkeypatch.setattr(openxla, "_library", lambda: type("Library", (), {"sync": staticmethod(lambda: None)}))
    monkeypatch.setattr(openxla.Counters, "_now", staticmethod(lambda: next(readings, late)))
    dynamo = Compilation(graphs=1, breaks=0, recompilations=0, parts=PARTS, calls=4, cache="none")
    found = openxla.Counters().bear_out(dynamo)
    assert (found.graphs, found.breaks, found.recompilations) == said
    assert found.reasons == (("XLA lacks aten::cumsum, which runs on the host",) if found.breaks else ())
    assert (found.parts, found.calls, found.cache) == (PARTS, 4, "none")


@pytest.mark.openxla
@pytest.mark.parametrize("phase", ["train", "predict"])
@pytest.mark.parametrize("architecture", sorted(set(names) - {"TorchModel", "plugin"}))
def test_xla_compiles_every_architecture_whole_and_once(architecture, phase):
    task = architectures.default_task(architecture)
    spec = msgspec.structs.replace(SPEC, plugin=f"torch.{architecture}", phase=phase, task=task, threads=1)
    child = fresh_child(1, timeout=280.0)
    info = child.request(Build(spec=spec), Built).info
    child.request(First(), Stepped)
    child.request(Take(stage="steady", steps=3), Taken)
    proof = child.request(Close(), Closed).compilation
    child.close()
    assert (info.device, info.compiler, info.threads) == ("cpu", "openxla", 1)
    assert proof is not None
    assert (proof.graphs, proof.breaks, proof.late) == (1, 0, 0)
    # Each of several losses is read by a small program of its own, compiled when it is first read.
    assert proof.recompilations == (2 if (architecture, phase) == ("gan", "train") else 0)
