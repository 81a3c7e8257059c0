"""Models without a plugin package: a plain init and apply, modules of Flax and of Equinox."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from dlbench import plugin as contract
from dlbench.errors import SpecError, UnknownName, Unsupported
from dlbench.plugin import ArraySpec, Batch, BuildRequest, InputSpec, ModelSource, Signature
from dlbench.spec import Spec
from dlbench_jax.adaptors import adapt

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("test_jax_adaptors")]

NETS = """
import types
import equinox, jax, numpy, optax
from flax import nnx
from jax import numpy as jnp

def example_inputs():
    return numpy.ones((3, 6), numpy.float32)

def init(key):
    return {"layers": [{"w": jax.random.normal(key, (6, 4))}], "b": jnp.zeros(4)}

def apply(params, inputs):
    return inputs @ params["layers"][0]["w"] + params["b"]

def several(params, inputs):
    return {"hidden": inputs, "logits": apply(params, inputs)}

def prints(params, inputs):
    jax.debug.print("seen")
    return apply(params, inputs)

def compiled(params, inputs):
    return jax.jit(apply)(params, inputs)

def decides(params, inputs):
    return apply(params, inputs if inputs.sum() > 0 else -inputs)

def halves(params, inputs):
    half = jax.tree.map(lambda one: one.astype(jnp.bfloat16), params)
    return apply(half, inputs.astype(jnp.bfloat16)).astype("float32")

def looks_up(params, inputs):
    return params["layers"][0]["w"][inputs].mean(1)

class Plain:
    init, apply = staticmethod(init), staticmethod(apply)

class Counts:
    apply = staticmethod(apply)
    def init(self, key):
        return {**init(key), "count": jnp.int32(0)}

class Unseeded:
    apply = staticmethod(apply)
    def init(self, key):
        return {**init(key), "b": numpy.random.default_rng().normal(size=4).astype("float32")}

class Flax(nnx.Module):
    def __init__(self, rngs, hidden=8, rate=0.0):
        self.enter, self.norm = nnx.Linear(6, hidden, rngs=rngs), nnx.BatchNorm(hidden, rngs=rngs)
        self.drop, self.leave = nnx.Dropout(rate, rngs=rngs), nnx.Linear(hidden, 4, rngs=rngs)
    def __call__(self, inputs):
        return self.leave(self.drop(self.norm(self.enter(inputs))))

class Equinox(equinox.Module):
    enter: equinox.nn.Linear
    drop: equinox.nn.Dropout
    def __init__(self, key, rate=0.0):
        self.enter, self.drop = equinox.nn.Linear(6, 4, key=key), equinox.nn.Dropout(rate)
    def __call__(self, sample, key=None):
        return self.drop(self.enter(sample), key=key)

def descent(parameters):
    return optax.sgd(0.1)

def nothing(parameters):
    return 3

ready = Flax(nnx.Rngs(5))
number = 3
"""
OF_ALL = ("net.py:apply", "net.py:Plain", "net.py:Flax", "net.py:Equinox", "net.py:ready")


@pytest.fixture(autouse=True)
def net(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)


def asked(path, options=(), **more):
    given = {"plugin": "jax.net", "phase": "train", "size": "default", "task": "any", "device": "cpu"}
    return Spec(**given, path=path, threads=1, batch_size=3, options=options, **more)


SGD = contract.SGD(learning_rate=0.1)


def built(reference, path="eager", options=(), dropout=True, optimizer=SGD, **more):
    """Description and a built model by its reference."""
    model = adapt(ModelSource(reference=reference))
    spec = asked(path, options, **more)
    said = model.describe(spec)
    labels = ArraySpec((3,), "int32")
    inputs = ArraySpec(said.inputs[0].shape, said.inputs[0].dtype)
    signature = Signature(inputs=inputs, targets=labels, outputs=said.outputs, loss="cross_entropy")
    model.build(BuildRequest(spec, signature, optimizer, dropout=dropout))
    return said, model


def batch(model):
    random = np.random.default_rng(0)
    return model.stage(Batch(random.normal(size=(3, 6)).astype(np.float32), np.array([0, 3, 1], np.int32)))


def losses(model, steps=3):
    return [float(model.train_step(batch(model))) for _ in range(steps)]


@pytest.mark.parametrize("path", ["eager", "jit"])
@pytest.mark.parametrize("reference", OF_ALL)
def test_a_model_is_described_learns_and_is_the_same_again(reference, path):
    said, model = built(reference, path)
    assert said.framework == "jax"
    assert said.inputs == (InputSpec(shape=(3, 6)),)
    assert said.outputs == ArraySpec((3, 4), "float32")
    assert said.inferred == ("inputs: those of example_inputs()",)
    first = losses(model)
    assert first[-1] < first[0]
    assert first == losses(built(reference, path)[1])
    assert np.asarray(model.predict(batch(model).inputs)).shape == (3, 4)


@pytest.mark.parametrize("reference", ["net.py:apply", "net.py:Flax", "net.py:Equinox"])
def test_both_paths_and_exchanged_parameters_agree(reference):
    eager, jit = (built(reference, path)[1] for path in ("eager", "jit"))
    np.testing.assert_allclose(losses(eager), losses(jit), rtol=1e-5)
    jit.import_parameters(eager.export_parameters())
    outputs = [np.asarray(one.predict(batch(one).inputs)) for one in (eager, jit)]
    np.testing.assert_allclose(*outputs, rtol=0, atol=5e-6)


def test_names_are_paths_and_statistics_change_with_training():
    _, model = built("net.py:Flax")
    before = model.export_parameters()
    assert {"enter/kernel", "norm/mean"} <= before.keys()
    assert model.gradients(batch(model)).keys() == before.keys() - {"norm/mean", "norm/var"}
    losses(model, 1)
    assert np.abs(model.export_parameters()["norm/mean"] - before["norm/mean"]).max() > 0


@pytest.mark.parametrize("reference", ["net.py:Flax", "net.py:Equinox"])
def test_dropout_drops_in_training_alone_unless_it_is_forbidden(reference):
    _, drops = built(reference, options=(("rate", 0.5),))
    _, never = built(reference, options=(("rate", 0.5),), dropout=False)
    _, without = built(reference)
    assert losses(never) == losses(without) != losses(drops)
    outputs = [np.asarray(drops.predict(batch(drops).inputs)) for _ in range(2)]
    np.testing.assert_array_equal(*outputs)


def test_options_reach_the_class_and_randomness_is_none_of_them():
    said, model = built("net.py:Flax", options=(("hidden", 5),))
    assert model.export_parameters()["enter/kernel"].shape == (6, 5)
    said, _ = built("net.py:Equinox")
    assert said.options == {"rate": "0.0"}
    with pytest.raises(UnknownName, match=r"unknown option of net.py:Equinox 'rat'; did you mean rate"):
        built("net.py:Equinox", options=(("rat", 0.5),))


@pytest.mark.parametrize("path", ["eager", "jit"])
def test_an_optimizer_of_optax_is_taken_and_another_object_refused(path):
    _, model = built("net.py:apply", path, optimizer=contract.OwnOptimizer(function="net.py:descent"))
    np.testing.assert_allclose(losses(model), losses(built("net.py:apply", path)[1]), rtol=1e-6)
    with pytest.raises(SpecError, match=r"net.py:nothing: returned a int; return one with init and update"):
        built("net.py:apply", path, optimizer=contract.OwnOptimizer(function="net.py:nothing"))


def test_one_of_several_outputs_is_named():
    said, model = built("net.py:several")
    assert "output: logits, one of several" in said.inferred
    assert len(losses(model)) == 3


def test_a_program_that_calls_python_is_broken_by_it(capfd):
    _, model = built("net.py:prints", "jit")
    losses(model, 1)
    found = model.compilation()
    assert (found.graphs, found.breaks) == (1, 1)
    assert "calls Python" in found.reasons[0]


def test_products_of_another_type_than_the_spec_are_refused():
    with pytest.raises(Unsupported, match="its own products take bf16; give --precision bf16"):
        built("net.py:halves")


def test_a_model_that_compiles_a_part_of_itself_is_not_eager():
    with pytest.raises(Unsupported, match=r"compiles a part of itself, apply \(jax.jit\).*choose --path jit"):
        built("net.py:compiled")
    assert built("net.py:compiled", "jit")[1].compilation().graphs == 0


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("net.py:number", SpecError, "net.py:number: gives an object of int; give a flax.nnx module, an equinox mod"),
        ("net.py:Flux", UnknownName, "did you mean Flax"),
        ("net.py:Counts", SpecError, "parameter count is int32, and dlbench measures parameters in float32"),
        ("net.py:Unseeded", SpecError, "ignores the seed: b starts otherwise"),
        ("net.py:decides", SpecError, "net.py, line .*inputs.sum.*: .*traced array"),
    ],
)
def test_what_is_no_model_is_refused_in_a_line(reference, error, text):
    with pytest.raises(error, match=text) as raised:
        built(reference)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("below", "fits"), [(6, True), (7, False)])
def test_integers_beyond_an_array_are_refused_where_jax_reads_on_in_silence(below, fits):
    source = ModelSource(reference="net.py:looks_up", inputs=(InputSpec((3, 5), "int32", below),))
    with (
        nullcontext()
        if fits
        else pytest.raises(SpecError, match=r"below 7 do not fit: .*index 6 is out of bounds.*; state fewer: --input")
    ):
        assert adapt(source).describe(asked("eager")).outputs.shape == (3, 4)
