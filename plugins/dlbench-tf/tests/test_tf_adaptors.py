"""Models without a plugin package: the user's own by reference, keras.applications and KerasHub."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest
import tensorflow as tf
from keras_nets import NET

from dlbench import plugin as contract
from dlbench.errors import SpecError, UnknownName, Unsupported
from dlbench.plugin import ArraySpec, Batch, BuildRequest, Describes, InputSpec, ModelSource, Signature
from dlbench.spec import PATHS, Spec
from dlbench_tf.adaptors import adapt

pytestmark = pytest.mark.untimed


@pytest.fixture
def net(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)


def spec(path="eager", batch_size=3, **more):
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    given = {"plugin": "tf.net", "phase": "train", "path": path, "size": "default", "task": "any", "threads": threads}
    return Spec(**given | {"batch_size": batch_size} | more)


def signature(said):
    first, *further = (ArraySpec(one.shape, one.dtype) for one in said.inputs)
    names = tuple(one.name for one in said.inputs if one.name)
    targets = ArraySpec(said.outputs.shape[:-1], "int32")
    more = {"further": tuple(further), "names": names, "loss": "cross_entropy"}
    return Signature(inputs=first, targets=targets, outputs=said.outputs, **more)


def batch(said):
    random = np.random.default_rng(0)

    def drawn(one):
        if "int" in one.dtype:
            return random.integers(0, one.below, one.shape).astype(one.dtype)
        return random.normal(size=one.shape).astype(one.dtype)

    inputs = tuple(map(drawn, said.inputs))
    targets = random.integers(0, said.outputs.shape[-1], said.outputs.shape[:-1]).astype(np.int32)
    return Batch(inputs if len(inputs) > 1 else inputs[0], targets)


SGD = contract.SGD(learning_rate=0.1)


def trained(reference, path="eager", steps=3, options=(), batch_size=3, optimizer=SGD, **source):
    """Description, losses and outputs of a model by its reference."""
    model = adapt(ModelSource(reference=reference, **source))
    asked = spec(path, batch_size, options=options)
    assert isinstance(model, Describes)
    said = model.describe(asked)
    model.build(BuildRequest(asked, signature(said), optimizer))
    one = model.stage(batch(said))
    return said, [float(model.train_step(one)) for _ in range(steps)], np.asarray(model.predict(one.inputs))


@pytest.mark.parametrize("path", PATHS)
def test_a_class_is_described_and_learns(net, path):
    said, losses, outputs = trained("net.py:Net", path)
    assert said.framework == "tf"
    assert said.inputs == (InputSpec(shape=(3, 6)),)
    assert said.outputs == ArraySpec((3, 4), "float32")
    assert said.options == {"hidden": "8"}
    assert said.inferred == ("inputs: those of example_inputs()",)
    assert losses[-1] < losses[0]
    assert outputs.shape == (3, 4)


@pytest.mark.parametrize("reference", ["net.py:make", "net.py:ready"])
def test_a_factory_and_an_instance_state_their_inputs(net, reference):
    said, losses, _ = trained(reference)
    assert said.inputs == (InputSpec(shape=(3, 6)),)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("reference", ["net.py:Bare", "net.py:unbuilt"])
def test_a_layer_and_an_instance_without_values_take_the_inputs_that_are_given(net, reference):
    said, first, _ = trained(reference, inputs=(InputSpec(shape=(1, 6)),))
    assert said.inputs == (InputSpec(shape=(3, 6)),)
    assert trained(reference, inputs=(InputSpec(shape=(1, 6)),))[1] == first


def test_an_instance_starts_each_time_with_the_values_that_it_was_imported_with(net):
    model = adapt(ModelSource(reference="net.py:ready"))
    asked = BuildRequest(spec(), signature(model.describe(spec())), contract.SGD(learning_rate=0.1))
    one = batch(model.describe(spec()))
    found = []
    for _ in range(2):
        model.build(asked)
        found.append([float(model.train_step(model.stage(one))) for _ in range(3)])
    assert found[0] == found[1]


def test_an_instance_drops_again_after_a_build_without_dropout(net):
    model = adapt(ModelSource(reference="net.py:noisy"))
    asked = BuildRequest(spec(), signature(model.describe(spec())), contract.SGD(learning_rate=0.1))
    one, losses = batch(model.describe(spec())), []
    for dropout in (True, False, True):
        model.build(dataclasses.replace(asked, dropout=dropout))
        losses.append(float(model.train_step(model.stage(one))))
    assert losses[0] == losses[2] != losses[1]


def test_several_inputs_with_names_open_axes_and_vocabularies(net):
    said, losses, outputs = trained("net.py:tokens")
    by_name = {one.name: (one.shape, one.below) for one in said.inputs}
    assert by_name == {"words": ((3, 32), 50), "mask": ((3, 32), 2)}
    assert said.outputs == ArraySpec((3, 32, 50), "float32")
    assert "output: logits, one of several" in said.inferred
    assert losses[-1] < losses[0]
    assert outputs.shape == (3, 32, 50)


def test_options_reach_the_factory(net):
    assert len(trained("net.py:make", options=(("depth", 3),))[1]) == 3
    with pytest.raises(UnknownName, match=r"unknown option of net.py:make 'dept'; did you mean depth"):
        trained("net.py:make", options=(("dept", 3),))


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("net.py:number", SpecError, "net.py:number: gives an object of int, which is no model"),
        ("net.py:broken", SpecError, "net.py, line .*: no such thing"),
        ("net.py:Nett", UnknownName, "did you mean Net"),
        ("net.py:unseeded", SpecError, "ignores the seed: .*kernel starts otherwise when the model is made again"),
        ("net.py:unbuilt", SpecError, "its inputs are not known; give --input"),
        ("keras:ResNet", UnknownName, "unknown model of keras.applications 'ResNet'; did you mean ResNet50"),
    ],
)
def test_what_is_no_model_is_refused_in_a_line(net, reference, error, text):
    with pytest.raises(error, match=text) as raised:
        trained(reference)
    assert "\n" not in str(raised.value)


def test_a_layer_that_carries_its_state_to_the_next_batch_is_refused(net):
    with pytest.raises(Unsupported, match=r"net.py:stateful: layer lstm is stateful, .*; build it with stateful=False"):
        trained("net.py:stateful")


def test_an_operation_that_xla_lacks_is_named_with_its_layer(net):
    assert len(set(trained("net.py:turned", "graph")[1])) == 3
    with pytest.raises(Unsupported, match=r"no operation ImageProjectiveTransformV3, .* in .*turn.*--path eager or gr"):
        trained("net.py:turned", "jit")


def test_a_model_that_decides_by_values_has_the_path_eager_alone(net):
    assert len(set(trained("net.py:Branches")[1])) == 3
    with pytest.raises(Unsupported, match=r"the step on the path graph decides by values: .*; choose --path eager"):
        trained("net.py:Branches", "graph")


def test_precision_of_a_models_own_policy_must_be_asked_for(net):
    with pytest.raises(
        Unsupported, match=r"net.py:mixed: asked for fp32, and .* computes in bf16; give --precision bf16"
    ):
        trained("net.py:mixed")


def test_mixed_precision_is_bf16_with_a_last_layer_in_float32(net, monkeypatch):
    monkeypatch.setattr("dlbench.precision.cpu_flags", lambda: {"avx512_bf16"})  # TensorFlow emulates it
    model = adapt(ModelSource(reference="net.py:mixed"))
    asked = spec(precision="bf16")
    info = model.build(BuildRequest(asked, signature(model.describe(asked)), SGD))
    assert info.precision == "bf16"


@pytest.mark.parametrize(
    ("reference", "lines"),
    [
        (
            "net.py:Own",
            [
                "softmax: at the end of the model; cross_entropy reads the logits before it",
                "step: dlbench's own; train_step() of the model left aside",
            ],
        ),
        (
            "net.py:compiled",
            [
                "inputs: those that the model states",
                "step: dlbench's own; the arguments of compile() of the model left aside",
            ],
        ),
        ("net.py:make", ["inputs: those that the model states"]),
    ],
)
def test_what_a_model_says_of_training_itself_is_said_to_be_left_aside(net, reference, lines):
    inputs = () if reference != "net.py:Own" else (InputSpec((1, 6)),)
    assert list(trained(reference, inputs=inputs)[0].inferred) == lines


def test_outputs_of_a_functional_model_have_the_names_of_their_layers(net):
    assert "output: coarse, one of several" in trained("net.py:heads")[0].inferred
    assert trained("net.py:heads", output="fine")[0].outputs == ArraySpec((3, 5), "float32")
    with pytest.raises(SpecError, match="output find: the model returns coarse, fine; choose one of them"):
        trained("net.py:heads", output="find")


def test_flops_of_several_inputs_are_counted(net):
    model = adapt(ModelSource(reference="net.py:pair"))
    said = model.describe(spec())
    model.build(BuildRequest(spec(), signature(said), SGD))
    assert model.flops(model.stage(batch(said))) == 2 * 3 * 9 * 4


def test_an_instance_starts_anew_in_each_plugin_of_a_process(net):
    """As under `--isolation none`: an instance is one object, and one Run's training is no start of another."""
    assert trained("net.py:ready")[1] == trained("net.py:ready")[1]


def test_inputs_of_a_type_that_is_not_drawn_are_named(net):
    with pytest.raises(SpecError, match=r"net.py:words: its input .*: dtype is 'string'"):
        trained("net.py:words")


def test_example_inputs_of_double_precision_are_drawn_as_float32(net):
    assert trained("net.py:Example")[0].inputs == (InputSpec((3, 6)),)


def test_an_example_states_the_batch_too_of_a_model_that_knows_its_inputs_as_well(net):
    with open("net.py", "a") as file:  # noqa: PTH123
        file.write("\ndef example_inputs():\n    return np.zeros((7, 6), np.float32)\n")
    for reference in ("net.py:make", "net.py:Own"):
        said = adapt(ModelSource(reference=reference)).describe(spec(batch_size=32))
        assert said.inputs == (InputSpec((7, 6)),)
        assert said.outputs == ArraySpec((7, 4), "float32")


def test_inputs_that_do_not_fit_name_both_shapes_and_the_layer(net):
    with pytest.raises(SpecError, match=r"net.py:make: inputs float32 \(3, 7\) do not fit: .*expected.*6.*\(3, 7\)"):
        trained("net.py:make", inputs=(InputSpec(shape=(1, 7)),))


APPLICATIONS = ("MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121")
TINY = {"inputs": (InputSpec(shape=(1, 32, 32, 3)),), "targets": InputSpec(shape=(1,), dtype="int32", below=10)}


ADAM = contract.Adam(learning_rate=1e-4)
"""Bounds its steps: gradients of 50 normalisations of two samples each are as large as they like."""


def _application(name, path):
    return pytest.param(name, path, marks=[] if (name, path) == ("MobileNetV2", "eager") else [pytest.mark.slow])


@pytest.mark.parametrize(("name", "path"), [_application(name, path) for name in APPLICATIONS for path in PATHS])
def test_applications_build_train_and_predict(name, path):
    said, losses, outputs = trained(f"keras:{name}", path, steps=2, batch_size=2, optimizer=ADAM, **TINY)
    assert said.outputs == ArraySpec((2, 10), "float32")
    assert np.isfinite(losses).all()
    assert losses[1] != losses[0]
    assert np.isfinite(outputs).all()


def test_weights_of_applications_are_never_downloaded():
    with pytest.raises(UnknownName, match="unknown option of keras:MobileNetV2 'weights'"):
        trained("keras:MobileNetV2", options=(("weights", "imagenet"),), **TINY)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["BertBackbone", "BertTextClassifier", "GPT2CausalLM", "ViTBackbone"])
def test_models_of_kerashub_build_train_and_predict(name):
    pytest.importorskip("keras_hub")
    options = {"ViTBackbone": (("image_shape", (32, 32, 3)), ("patch_size", 8), ("mlp_dim", 64))}.get(name, ())
    said, losses, outputs = trained(f"kerashub:{name}", "graph", options=options, optimizer=ADAM)
    assert np.isfinite(losses).all()
    assert outputs.shape == said.outputs.shape


@pytest.mark.parametrize("reference", ["net.py:make", "net.py:ready"])
def test_a_model_that_was_made_to_see_its_framework_is_described_whatever_threads_are_asked(net, reference):
    tf.constant(0.0) + 1.0  # as making the model does, TensorFlow starts
    others = tf.config.threading.get_intra_op_parallelism_threads() + 3
    model = adapt(ModelSource(reference=reference))
    assert model.describe(spec(threads=others)).outputs == ArraySpec((3, 4), "float32")
    with pytest.raises(Unsupported, match="has already started in this process"):  # a measured model must have them
        model.build(BuildRequest(spec(threads=others), signature(model.describe(spec())), SGD))


def test_a_loss_that_no_parameter_moves_is_no_training(net):
    model = adapt(ModelSource(reference="net.py:make", loss="net.py:one"))
    asked = spec()
    said = model.describe(asked)
    model.build(BuildRequest(asked, msgspec.structs.replace(signature(said), loss="net.py:one"), SGD))
    with pytest.raises(SpecError, match="its loss depends on no parameter"):
        model.train_step(model.stage(batch(said)))
