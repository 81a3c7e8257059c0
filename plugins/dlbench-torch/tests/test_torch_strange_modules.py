"""Modules that are unlike the others: each is measured as it is, or refused with a remedy."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import SGD, Adam, ArraySpec, Batch, BuildRequest, InputSpec, ModelSource, Signature
from dlbench.spec import Spec
from dlbench_torch.adaptors import torch as adapt
from dlbench_torch.trial import drawn

pytestmark = pytest.mark.untimed

BATCH = 8
ROWS = (InputSpec((BATCH, 6)),)
MODULES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 5), nn.Linear(5, 3)
    def forward(self, rows):
        return self.b(self.a(rows).relu())

class Lazy(Net):
    def __init__(self):
        nn.Module.__init__(self)
        self.a, self.norm, self.b = nn.LazyLinear(5), nn.LazyBatchNorm1d(), nn.LazyLinear(3)
    def forward(self, rows):
        return self.b(self.norm(self.a(rows)).relu())

class Idle(nn.Module):
    def forward(self, rows):
        return rows.relu()

class Frozen(Net):
    def __init__(self):
        super().__init__()
        self.a.requires_grad_(False)

class AllFrozen(Net):
    def __init__(self):
        super().__init__()
        self.requires_grad_(False)

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.leave = nn.Embedding(11, 4), nn.Linear(4, 11, bias=False)
        self.leave.weight = self.tokens.weight
    def forward(self, tokens):
        return self.leave(self.tokens(tokens))

class Half(Net):
    def __init__(self):
        super().__init__()
        self.b.bfloat16()

class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(6, 3, dtype=torch.complex64))
    def forward(self, rows):
        return (rows + 0j) @ self.w

class Counting(Net):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
    def forward(self, rows):
        self.calls += 1
        return super().forward(rows) * self.calls

class Cut(Net):
    def forward(self, rows):
        return super().forward(rows).detach()

class InPart(Net):
    def __init__(self):
        super().__init__()
        self.part = torch.compile(self.a, backend="eager")
    def forward(self, rows):
        return self.b(self.part(rows))

def whole():
    return torch.compile(Net(), backend="eager")

class Fixed(Net):
    def forward(self, rows):
        return super().forward(rows.view(8, 6))

class Nothing(Net):
    def forward(self, rows):
        super().forward(rows)

class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.leave = nn.Embedding(11, 4, sparse=True), nn.Linear(4, 3)
    def forward(self, tokens):
        return self.leave(self.tokens(tokens).mean(1))

class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.leave = nn.LSTM(6, 4, batch_first=True), nn.Linear(4, 3)
    def forward(self, rows):
        return self.leave(self.layer(rows)[0][:, -1])

def loss(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets)

def nothing(parameters):
    return None

def of_model(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)

def closing(parameters):
    return torch.optim.LBFGS(parameters)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "odd.py").write_text(MODULES)
    monkeypatch.setenv("DLBENCH_MODEL_FOLDER", str(tmp_path))


def described(name, inputs=ROWS, **stated):
    source = ModelSource(reference=f"odd.py:{name}", inputs=inputs, **stated)
    spec = Spec(
        plugin="torch.odd",
        phase="train",
        path="eager",
        size="small",
        task="synthetic_inputs",
        batch_size=inputs[0].shape[0],
        threads=1,
        model=source,
    )
    plugin = adapt(source)
    return plugin, plugin.describe(spec), spec


def built(name, inputs=ROWS, rule=None, **changes):
    plugin, found, spec = described(name, inputs)
    array = ArraySpec(found.inputs[0].shape, found.inputs[0].dtype)
    targets = ArraySpec(found.targets.shape, found.targets.dtype)
    signature = Signature(inputs=array, targets=targets, outputs=found.outputs, loss=found.loss)
    spec = msgspec.structs.replace(spec, **changes)
    info = plugin.build(BuildRequest(spec, signature, rule or SGD(learning_rate=1e-2)))
    torch.manual_seed(1)
    batch = Batch(drawn(found.inputs[0], BATCH).numpy(), drawn(found.targets, BATCH).numpy())
    return plugin, info, plugin.stage(batch)


def test_lazy_layers_get_their_sizes_and_the_same_values_from_the_same_seed():
    states = []
    for _ in range(2):
        model, info, batch = built("Lazy")
        assert info.parameter_count == 6 * 5 + 5 + 2 * 5 + 5 * 3 + 3
        states.append(model.export_parameters())
        assert float(model.train_step(batch)) > 0
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name])
    assert not states[0]["norm.running_mean"].any(), "the call that gave them their sizes trained nothing"


@pytest.mark.parametrize("name", ["Idle", "AllFrozen"])
def test_without_parameters_there_are_predictions_and_no_training(name):
    with pytest.raises(Unsupported, match=r"torch\.odd has no parameter to train.*choose --phase predict"):
        built(name)
    model, info, batch = built(name, phase="predict")
    assert info.parameter_count == 0
    assert model.predict(batch.inputs).shape[0] == BATCH


def test_frozen_parameters_stay_as_they_are():
    model, info, batch = built("Frozen")
    before = model.export_parameters()
    assert info.parameter_count == 5 * 3 + 3
    model.train_step(batch)
    after = model.export_parameters()
    np.testing.assert_array_equal(after["a.weight"], before["a.weight"])
    assert (after["b.weight"] != before["b.weight"]).any()


def test_tied_weights_are_one_parameter():
    model, info, batch = built("Tied", (InputSpec((BATCH, 5), "int64", 11),))
    assert info.parameter_count == 11 * 4
    losses = [float(model.train_step(batch)) for _ in range(3)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "Half",
            r"Half: parameter b\.weight is bfloat16, and dlbench measures parameters in float32; .*--precision bf16",
        ),
        ("Complex", r"parameter w is complex64, .*hold real and imaginary parts as two parameters"),
        ("Nothing", "the model returns nothing; end its call with `return` and the outputs"),
    ],
)
def test_what_cannot_be_measured_says_what_to_do(name, said):
    with pytest.raises(SpecError, match=said):
        described(name)


def test_buffers_that_predictions_change_are_told():
    _, found, _ = described("Counting")
    assert any("buffers calls change in prediction" in line for line in found.inferred)
    _, found, _ = described("Net")
    assert not any("buffers" in line for line in found.inferred)


def test_a_loss_that_no_parameter_moves_is_no_training_step():
    model, _, batch = built("Cut")
    with pytest.raises(SpecError, match=r"torch\.odd: the loss depends on no parameter.*--phase predict"):
        model.train_step(batch)


@pytest.mark.parametrize("name", ["Cut", "Net"])
def test_a_compiled_step_is_looked_at_for_gradients_before_it_is_compiled(name):
    model, _, batch = built(name, path="jit")
    steps = model._steps
    if name == "Net":
        steps._look(batch)
        return
    with pytest.raises(SpecError, match="the loss depends on no parameter"):
        model.train_step(batch)
    assert model.compilation().graphs == 0


def test_a_module_that_compiles_a_part_of_itself_is_not_called_eager():
    model, _, batch = built("InPart")
    with pytest.raises(Unsupported, match=r"torch\.odd compiles a part of itself .*choose --path jit"):
        model.train_step(batch)
    for name in ("Net", "whole"):
        model, _, batch = built(name)
        model.train_step(batch)
    assert set(model.export_parameters()) == {"a.weight", "a.bias", "b.weight", "b.bias"}, "the module in torch.compile"


def test_a_module_of_one_batch_size_is_called_with_it_and_takes_no_memory():
    _, found, _ = described("Fixed")
    assert found.outputs.shape == (BATCH, 3)
    with pytest.raises(SpecError, match=r"float32 \(1048576, 1024\) do not fit: layer a, Linear"):
        described("Net", (InputSpec((1 << 20, 1 << 10)),))  # four gigabytes, were they drawn
    with pytest.raises(SpecError, match=r"int64 \(2, 6\) do not fit: .*same dtype"):
        described("Net", (InputSpec((BATCH, 6), "int64", 4),))


def test_targets_of_ones_own_loss_are_asked_for():
    _, found, _ = described("Net", loss="odd.py:loss")
    assert (found.targets, found.loss) == (None, "odd.py:loss")
    _, found, _ = described("Net", loss="odd.py:loss", targets=InputSpec((BATCH,), "int64", 3))
    assert found.targets.below == 3


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("nothing", "optimizer odd.py:nothing returned NoneType, not a torch.optim.Optimizer"),
        ("of_model", r"called with a list of the parameters: odd\.py, line \d+, .*'list' object has no attribute"),
        ("closing", "LBFGS computes the loss several times in a step"),
    ],
)
def test_an_optimizer_that_is_none_is_refused_when_the_model_is_described(function, said):
    with pytest.raises(SpecError, match=said):
        described("Net", optimizer=f"odd.py:{function}")


def test_sparse_gradients_name_an_optimizer_that_takes_them():
    model, _, batch = built("Sparse", (InputSpec((BATCH, 5), "int64", 11),), rule=Adam())
    with pytest.raises(SpecError, match=r"sparse gradients.*leave sparse=True out, or give --optimizer"):
        model.train_step(batch)


@pytest.mark.slow
def test_a_module_that_writes_buffers_in_predictions_has_gradients_that_write_none():
    model, _, batch = built("Counting", path="jit")
    before = model.export_parameters()
    assert model.gradients(batch).keys() == {"a.weight", "a.bias", "b.weight", "b.bias"}
    np.testing.assert_array_equal(model.export_parameters()["calls"], before["calls"])


@pytest.mark.parametrize("allow_breaks", [False, True])
def test_recurrent_layers_are_not_said_to_be_compiled_in_parts(allow_breaks):
    model, _, batch = built("Recurrent", (InputSpec((BATCH, 5, 6)),), path="jit", allow_breaks=allow_breaks)
    with pytest.raises(Unsupported, match=r"torch\.odd on the path jit: PyTorch .*; choose --path eager"):
        model.train_step(batch)
