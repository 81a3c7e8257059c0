"""Models of the user's own: inferred facts, loaders of named ones, and refusals."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import SGD, ArraySpec, Batch, BuildRequest, InputSpec, ModelSource, Signature
from dlbench.plugin_kit import Recipe as Stated
from dlbench.spec import Spec
from dlbench_torch import loaders, mlp, plugin
from dlbench_torch.adaptors import LOADERS
from dlbench_torch.adaptors import torch as adapt
from dlbench_torch.trial import drawn
from studies.zoo import MODELS

pytestmark = pytest.mark.untimed

BATCH = 4
USERS = """
import numpy, torch
from torch import nn

class Net(nn.Module):
    def __init__(self, hidden=8, classes=3):
        super().__init__()
        self.enter, self.leave = nn.Linear(6, hidden), nn.Linear(hidden, classes)
    def forward(self, rows):
        hidden = self.enter(rows).relu()
        return {"hidden": hidden, "logits": self.leave(hidden)}

class WithExample(Net):
    def example_inputs(self):
        return torch.zeros(7, 6)

class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.leave = nn.Embedding(11, 4), nn.Linear(4, 11)
    def forward(self, tokens):
        return self.leave(self.tokens(tokens))

class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)
    def forward(self, images):
        return self.layer(images)

class Transposed(Net):
    def forward(self, rows):
        return self.enter(rows).T

class Counting(Net):
    def forward(self, rows):
        return self.enter(rows).argmax(1)

def seedless():
    net = Net()
    nn.init.constant_(net.enter.bias, numpy.random.default_rng().normal())
    return net

def by_numpy():
    net = Net()
    nn.init.constant_(net.enter.bias, numpy.random.normal())
    return net

def broken(size=3):
    raise ValueError("no such size")

def rows(outputs, targets):
    return (outputs - outputs).sum(1)

instance = Net(hidden=5)
number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(USERS)
    monkeypatch.setenv("DLBENCH_MODEL_FOLDER", str(tmp_path))


def spec(**changes):
    fixed = {"plugin": "torch.net", "phase": "train", "path": "eager", "size": "small", "task": "synthetic"}
    return Spec(**{**fixed, "batch_size": BATCH, "threads": 1, **changes})


def described(reference, *inputs, options=(), **source):
    model = adapt(ModelSource(reference=reference, inputs=inputs, **source))
    return model, model.describe(spec(options=tuple(options)))


def trained(reference, *inputs, **source):
    """Losses of three steps on the random batch that fits the description, and the outputs."""
    model, found = described(reference, *inputs, **source)
    first, *further = (ArraySpec(one.shape, one.dtype) for one in found.inputs)
    names = tuple(one.name for one in found.inputs if one.name)
    targets = ArraySpec(found.targets.shape, found.targets.dtype)
    arrays = {"inputs": first, "further": tuple(further), "targets": targets, "outputs": found.outputs}
    model.build(BuildRequest(spec(), Signature(**arrays, names=names, loss=found.loss), SGD(learning_rate=1e-4)))
    given = tuple(drawn(one, BATCH).numpy() for one in found.inputs)
    batch = model.stage(Batch(given if further else given[0], drawn(found.targets, BATCH).numpy()))
    losses = [float(model.train_step(batch)) for _ in range(3)]
    return losses, model.predict(batch.inputs), found


ROWS = InputSpec((2, 6))


def test_all_that_a_call_shows_is_described_and_said():
    _, found = described("net.py:Net", ROWS)
    assert (found.framework, found.architecture) == ("torch", "Net")
    assert found.inputs == (InputSpec((BATCH, 6)),), "the batch is that of the Spec"
    assert (found.outputs, found.targets) == (ArraySpec((BATCH, 3), "float32"), InputSpec((BATCH,), "int64", 3))
    assert found.loss == "cross_entropy"
    assert set(found.options) == {"hidden", "classes"}
    said = " ".join(found.inferred)
    assert "output logits, of" in said
    assert "targets int64 (4,), from" in said
    assert "loss cross_entropy, from" in said


@pytest.mark.parametrize(
    ("reference", "given", "outputs", "targets", "loss"),
    [
        ("net.py:Language", InputSpec((2, 5), "int64", 11), (BATCH, 5, 11), (BATCH, 5), "cross_entropy"),
        ("net.py:Images", InputSpec((2, 3, 6, 6)), (BATCH, 3, 6, 6), (BATCH, 3, 6, 6), "mse"),
        ("net.py:instance", ROWS, (BATCH, 3), (BATCH,), "cross_entropy"),
    ],
)
def test_targets_and_loss_follow_from_the_outputs(reference, given, outputs, targets, loss):
    losses, predicted, found = trained(reference, given)
    assert (predicted.shape, found.targets.shape, found.loss) == (outputs, targets, loss)
    assert losses[-1] < losses[0]


def test_what_is_stated_goes_before_what_is_found():
    _, found = described("net.py:Net", ROWS, output="hidden", options=[("hidden", 5)])
    assert found.outputs.shape == (BATCH, 5)
    _, found = described("net.py:Net", ROWS, targets=InputSpec((2, 3)))
    assert found.loss == "mse"
    _, found = described("net.py:Net", ROWS, loss="mse")
    assert found.targets == InputSpec((BATCH, 3))


def test_inputs_come_from_an_example_and_else_are_left_open():
    _, found = described("net.py:WithExample")
    assert found.inputs == (InputSpec((7, 6)),)
    assert "from example_inputs()" in found.inferred[0]
    _, found = described("net.py:Net")
    assert (found.inputs, found.outputs) == ((), None)


def test_an_instance_is_copied_for_every_model():
    (first, *_), (second, *_) = (trained("net.py:instance", ROWS)[0] for _ in range(2))
    assert first == pytest.approx(second, rel=0.5), "the second was not trained by the first"
    a, b = (described("net.py:instance", ROWS)[0]._recipe.module(spec()) for _ in range(2))
    assert a is not b


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("net.py:number", SpecError, r"net.py:number is an object of int, no torch\.nn\.Module"),
        ("net.py:seedless", SpecError, "seedless ignores the seed: two modules made with seed 0 differ"),
        ("net.py:broken", SpecError, r"net\.py, line \d+, .*no such size"),
        ("net.py:Transposed", SpecError, r"outputs \(8, 2\) for 2"),
        ("net.py:Counting", SpecError, "Counting gives torch.int64; a loss reads floating-point numbers"),
        ("net.py:Missing", UnknownName, "Missing"),
        ("torchvision:resnet19", UnknownName, "did you mean resnet18"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(reference, error, text):
    if reference.startswith("torchvision"):
        _needed("torchvision")
    with pytest.raises(error, match=text):
        described(reference, ROWS)


def test_inputs_and_losses_that_do_not_fit_are_refused_when_described():
    with pytest.raises(SpecError, match=r"do not fit: layer enter, Linear\(in_features=6"):
        described("net.py:Net", InputSpec((2, 5)))
    with pytest.raises(SpecError, match=r"loss net\.py:rows returned a tensor of shape"):
        described("net.py:Net", ROWS, loss="net.py:rows", targets=InputSpec((2, 3)))
    with pytest.raises(SpecError, match=r"loss mse: outputs \(2, 3\) and targets \(2, 1\) differ in shape"):
        described("net.py:Net", ROWS, targets=InputSpec((2, 1)))  # PyTorch would stretch the targets
    with pytest.raises(UnknownName, match="did you mean hidden"):
        described("net.py:Net", ROWS, options=[("hiden", 4)])


def test_random_numbers_of_numpy_are_seeded_too():
    described("net.py:by_numpy", ROWS)


def test_a_published_plugin_is_one_call():
    def make(hidden=8):
        return nn.Sequential(nn.Linear(6, hidden), nn.Linear(hidden, 2))

    net = plugin(make, task="sentiment", sizes={"small": {}, "base": {"hidden": 16}}, batch_sizes={"small": 5})
    found = net().describe(spec(size="base"))
    assert (found.task, found.sizes["base"], found.batch_sizes) == ("sentiment", {"hidden": 16}, {"small": 5})
    assert net()._recipe.module(spec(size="base"))[0].out_features == 16
    with pytest.raises(UnknownName, match="size of make"):
        net().describe(spec(size="bsae"))


def test_the_seven_are_made_by_the_same_code():
    model = mlp()
    assert isinstance(model._recipe, Stated)
    assert model.describe(spec()).options == {}


def test_a_missing_package_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(loaders.importlib, "import_module", missing)
    with pytest.raises(SpecError, match=r"timm is not installed here; pip install 'dlbench-torch\[zoo\]'"):
        described("timm:resnet18")


def _needed(package):
    try:
        loaders._package(package)
    except SpecError as error:
        pytest.skip(str(error))


REPRESENTATIVE = ("torchvision:resnet18", "timm:vit_tiny_patch16_224", "hf-tiny:BertForSequenceClassification")


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param(reference, marks=[] if reference in REPRESENTATIVE else pytest.mark.slow)
        for reference in MODELS
        if reference.partition(":")[0] in LOADERS
    ],
)
def test_named_models_train_and_predict(reference):
    loader = reference.partition(":")[0]
    _needed({"hf-tiny": "transformers"}.get(loader, loader))
    losses, predicted, found = trained(reference, *MODELS[reference])
    assert np.isfinite(losses).all()
    assert predicted.shape == found.outputs.shape
    assert found.inputs[0].shape[0] == BATCH


def test_a_named_model_takes_the_batch_size_of_the_spec(monkeypatch):
    def get_model(name, weights):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5))

    models = SimpleNamespace(list_models=lambda: ["resnet18"], get_model=get_model)
    monkeypatch.setattr(loaders, "_package", lambda name: SimpleNamespace(models=models))
    _, found = described("torchvision:resnet18")
    assert found.inputs == (InputSpec((BATCH, 3, 224, 224)),)
    assert found.outputs.shape == (BATCH, 5)
