"""Modules that the core does not describe: built, trained, read back and refused by the class of the seven."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch_nets import BATCH, CLASSES, FEATURES, RULES, Net, batches, built, by_hand

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import AdamW, ArraySpec, Batch, OwnOptimizer
from dlbench_torch import optimizers

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("name", RULES)
def test_training_is_what_a_loop_by_hand_computes_running_statistics_included(name):
    settings, rule = RULES[name]
    model, info = built(rule=settings)
    module, losses = by_hand(rule)
    assert info.parameter_count == sum(parameter.numel() for parameter in module.parameters())
    found = [float(model.train_step(model.stage(batch))) for batch in batches()]
    np.testing.assert_allclose(found, losses, rtol=1e-6)
    exported = model.export_parameters()
    assert set(exported) == {name for name in module.state_dict() if "num_batches" not in name}
    for entry in ("norm.running_mean", "norm.running_var", "leave.weight"):
        np.testing.assert_allclose(exported[entry], module.state_dict()[entry].numpy(), rtol=1e-5, atol=1e-7)
    inputs = next(batches()).inputs
    with torch.no_grad():
        np.testing.assert_allclose(model.predict(inputs), module(torch.tensor(inputs)).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_an_optimizer_written_out_is_the_one_of_pytorch(name):
    settings, rule = RULES[name]
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(40, generator=generator)
    mine, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    written, optimizer = optimizers.written(settings, {"w": mine}), rule([theirs])
    scalars = written.scalars
    for _ in range(20):
        gradient = torch.randn(40, generator=generator)
        with torch.no_grad():
            scalars = written.update(written.values, {"w": gradient}, written.moments, scalars)
        theirs.grad = gradient
        optimizer.step()
    torch.testing.assert_close(mine, theirs, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["dict", "tuple", "dataclass"])
def test_outputs_of_any_kind_are_read_by_name_place_or_default(kind):
    plain, _ = built(options={"kind": "one"})
    default, _ = built(options={"kind": kind})
    batch = next(batches())
    np.testing.assert_array_equal(default.predict(batch.inputs), plain.predict(batch.inputs))
    name = "1" if kind == "tuple" else "hidden"
    other, info = built(options={"kind": kind}, stated={"output": name})
    assert other.predict(batch.inputs).shape == (BATCH, 5)
    assert info.details["output"] == name
    wrong, _ = built(options={"kind": kind}, stated={"output": "9"})
    with pytest.raises(SpecError, match="output 9: the model returns"):
        wrong.predict(batch.inputs)


@pytest.mark.parametrize("names", [(), ("rows", "more")])
def test_several_inputs_go_by_place_or_by_name(names):
    more = {"further": (ArraySpec((BATCH, CLASSES), "float32"),), "names": names}
    model, _ = built(**more)
    batch = next(batches(several=True))
    alone = model.predict(batch.inputs[0]) if not names else built()[0].predict(batch.inputs[0])
    np.testing.assert_allclose(model.predict(batch.inputs), alone + batch.inputs[1], rtol=1e-6, atol=1e-6)
    assert np.isfinite(float(model.train_step(model.stage(batch))))


def test_without_dropout_nothing_is_dropped_and_batch_norm_trains():
    first, second = (built(dropout=False)[0] for _ in range(2))
    dropping, _ = built(dropout=True)
    losses = [[float(model.train_step(model.stage(batch))) for batch in batches()] for model in (first, second)]
    assert losses[0] == losses[1]
    assert losses[0] != [float(dropping.train_step(dropping.stage(batch))) for batch in batches()]
    assert first.export_parameters()["norm.running_mean"].any()


def test_predictions_and_gradients_write_no_state_and_drop_nothing():
    model, _ = built(dropout=True)
    batch = model.stage(next(batches()))
    before = model.export_parameters()
    predictions = [model.predict(batch.inputs) for _ in range(2)]
    gradients = [model.gradients(batch) for _ in range(2)]
    np.testing.assert_array_equal(*predictions)
    for name, gradient in gradients[0].items():
        np.testing.assert_array_equal(gradient, gradients[1][name])
    for name, value in model.export_parameters().items():
        np.testing.assert_array_equal(value, before[name])


def test_parameters_and_state_are_set_and_what_does_not_fit_is_refused():
    model, _ = built()
    given = {name: value + 1 for name, value in model.export_parameters().items()}
    model.import_parameters(given)
    for name, value in model.export_parameters().items():
        np.testing.assert_array_equal(value, given[name])
    without_state = {name: value for name, value in given.items() if "running" not in name}
    model.import_parameters(without_state)
    del without_state["leave.bias"]
    with pytest.raises(ValueError, match=r"leave\.bias"):
        model.import_parameters(without_state)


def test_an_unused_parameter_is_decayed_by_adamw_as_by_the_compiled_step():
    class Idle(Net):
        def __init__(self):
            super().__init__()
            self.idle = nn.Parameter(torch.ones(2))

    model, _ = built(Idle, rule=AdamW(weight_decay=0.5))
    model.train_step(model.stage(next(batches())))
    np.testing.assert_allclose(model.export_parameters()["idle"], 1 - 1e-3 * 0.5, rtol=1e-7)


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(
        "import torch\n"
        "def rule(parameters):\n    return torch.optim.RMSprop(parameters, lr=0.01)\n"
        "def no_rule(parameters):\n    return list(parameters)\n"
        "def loss(outputs, targets):\n    return torch.nn.functional.cross_entropy(outputs, targets) * 2\n"
        "def rows(outputs, targets):\n    return outputs.sum(1)\n"
    )
    monkeypatch.setenv("DLBENCH_MODEL_FOLDER", str(tmp_path))


def test_loss_and_optimizer_of_ones_own(own):
    model, info = built(rule=OwnOptimizer(function="own.py:rule"), loss="own.py:loss")
    assert info.details["optimizer"] == "torch.optim.RMSprop"
    _, losses = by_hand(lambda values: torch.optim.RMSprop(values, lr=0.01))
    found = [float(model.train_step(model.stage(batch))) for batch in batches(1)]
    np.testing.assert_allclose(found[0], 2 * losses[0], rtol=1e-6)


def test_what_is_no_loss_no_optimizer_or_no_option_is_refused_in_words(own):
    model, _ = built(loss="own.py:rows")
    with pytest.raises(SpecError, match=r"loss own.py:rows returned a tensor of shape \(8,\); it must return one"):
        model.train_step(model.stage(next(batches())))
    with pytest.raises(SpecError, match=r"optimizer own.py:no_rule returned list"):
        built(rule=OwnOptimizer(function="own.py:no_rule"))
    with pytest.raises(UnknownName, match="unknown loss 'hinge'"):
        built(loss="hinge")
    with pytest.raises(UnknownName, match=r"unknown option of Net 'widht'; did you mean width\?"):
        built(options={"widht": 3})
    with pytest.raises(SpecError, match=r"made int; a factory must return a torch\.nn\.Module"):
        built(lambda: 3)


def test_inputs_that_do_not_fit_name_the_layer():
    model, _ = built()
    wrong = Batch(np.zeros((BATCH, FEATURES + 1), np.float32), np.zeros(BATCH, np.int64))
    with pytest.raises(SpecError, match=r"float32 \(8, 7\) do not fit: layer enter, Linear\(in_features=6.*\(8, 7\)"):
        model.train_step(model.stage(wrong))


@pytest.mark.slow
def test_an_own_optimizer_is_part_of_the_compiled_step(own):
    losses = {}
    for path in ("eager", "jit"):
        model, _ = built(path=path, rule=OwnOptimizer(function="own.py:rule"))
        losses[path] = [float(model.train_step(model.stage(batch))) for batch in batches()]
    assert model.compilation().graphs == 1
    np.testing.assert_allclose(losses["jit"], losses["eager"], rtol=1e-4)


def test_a_module_larger_than_memory_is_said_to_be():
    class Vast(Net):
        def __init__(self):
            super().__init__()
            self.vast = nn.Parameter(torch.empty(1 << 50))

    with pytest.raises(MemoryError, match="Vast does not fit into memory; its parameters alone are too many"):
        built(Vast)

    class Growing(Net):
        def forward(self, rows):
            return super().forward(rows) + torch.empty(1 << 50)[:1]

    model, _ = built(Growing)
    with pytest.raises(MemoryError, match=r"torch\.net does not fit into memory"):
        model.train_step(model.stage(next(batches())))


def test_batches_on_the_host_are_trained_on_counted_and_differentiated():
    made, _ = built(data="host", options={"dropout": 0.0})
    drawn = np.random.default_rng(0)
    batch = Batch(drawn.normal(size=(BATCH, FEATURES)).astype(np.float32), drawn.integers(CLASSES, size=BATCH))
    assert made.flops(batch) == 2 * BATCH * (FEATURES * 5 + 5 * CLASSES)
    assert made.gradients(batch)
    assert float(made.train_step(batch)) > 0


def test_a_model_that_only_predicts_has_no_optimizer_and_one_that_trains_has_it_before_its_first_step(monkeypatch):
    made = []
    of_torch = optimizers.of_torch
    monkeypatch.setattr(optimizers, "of_torch", lambda *given: made.append(given) or of_torch(*given))
    model, info = built(phase="predict")
    model.predict(next(batches()).inputs)
    assert (made, "optimizer" in info.details) == ([], False)
    _, info = built()
    assert len(made) == 1
    assert info.details["optimizer"] == "torch.optim.SGD(fused=True)"
