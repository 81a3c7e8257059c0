"""Any model of Keras on every path: its losses, its state, its inputs and outputs."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dlbench import plugin as contract
from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import ArraySpec, Batch, BuildRequest, Signature
from dlbench.spec import PATHS, Spec
from dlbench_tf import plugin

pytestmark = pytest.mark.untimed

IMAGES, LABELS, LOGITS = ArraySpec((4, 8, 8, 3), "float32"), ArraySpec((4,), "int32"), ArraySpec((4, 5), "float32")
CLASSES = Signature(inputs=IMAGES, targets=LABELS, outputs=LOGITS, loss="cross_entropy")
SGD = contract.SGD(learning_rate=0.05, momentum=0.9)


def convolutions(units=6, dropout=0.5):
    return keras.Sequential(
        [
            layers.Conv2D(units, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )


def request(signature=CLASSES, path="eager", optimizer=SGD, *, dropout=False, parameters=None, **spec):
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    given = {"plugin": "tf.Net", "phase": "train", "path": path, "size": "any", "task": "any", "threads": threads}
    asked = Spec(**given | {"batch_size": signature.inputs.shape[0], "seed": 3} | spec)
    return BuildRequest(asked, signature, optimizer, None, parameters, dropout)


def batches(signature=CLASSES, count=5):
    random = np.random.default_rng(0)

    def drawn(array, below=5):
        if "int" in array.dtype:
            return random.integers(0, below, array.shape).astype(array.dtype)
        return random.normal(size=array.shape).astype(array.dtype)

    inputs = (signature.inputs, *signature.further)
    found = [(tuple(map(drawn, inputs)), drawn(signature.targets)) for _ in range(count)]
    return [Batch(one if signature.further else one[0], target) for one, target in found]


def trained(make, asked, count=5, **stated):
    model = plugin(make, **stated)()
    model.build(asked)
    losses = [float(model.train_step(model.stage(batch))) for batch in batches(asked.signature, count)]
    return model, losses


def outputs(model, signature=CLASSES):
    return np.asarray(model.predict(model.stage(batches(signature)[0]).inputs))


def test_batch_norm_and_dropout_off_train_alike_on_every_path():
    found = {path: trained(convolutions, request(path=path)) for path in PATHS}
    eager, losses = found["eager"]
    assert len(set(losses)) == 5
    for path, (model, other) in found.items():
        np.testing.assert_allclose(other, losses, rtol=2e-5, err_msg=path)
        for name, value in model.export_parameters().items():
            np.testing.assert_allclose(value, eager.export_parameters()[name], rtol=1e-4, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(outputs(model), outputs(eager), rtol=1e-3, atol=1e-4)
    statistics = [name for name in eager.export_parameters() if "moving" in name]
    assert len(statistics) == 2
    assert not np.allclose(eager.export_parameters()[statistics[0]], 0.0), "moving means follow training"


def test_one_step_of_batch_norm_and_momentum_is_that_of_numpy():
    """Rows through one kernel and batch norm without parameters; the loss is the mean square."""

    def make():
        return keras.Sequential([layers.Dense(2, use_bias=False), layers.BatchNormalization(scale=False, center=False)])

    rows = ArraySpec((6, 3), "float32")
    pair = ArraySpec((6, 2), "float32")
    signature = Signature(inputs=rows, targets=pair, outputs=pair, loss="mse")
    model = plugin(make)()
    model.build(request(signature))
    kernel = model.export_parameters()["sequential/dense/kernel"]
    batch = batches(signature)[0]
    x = batch.inputs.astype(np.float64) @ kernel
    expected = (((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) - batch.targets) ** 2).mean()
    assert float(model.train_step(model.stage(batch))) == pytest.approx(expected, rel=1e-5)
    state = model.export_parameters()
    np.testing.assert_allclose(state["sequential/batch_normalization/moving_mean"], 0.01 * x.mean(0), rtol=1e-4)


@pytest.mark.parametrize("path", PATHS)
def test_dropout_drops_unless_it_is_off_and_batch_norm_trains_either_way(path):
    off, on = (trained(convolutions, request(path=path, dropout=dropout)) for dropout in (False, True))
    assert off[1][0] != pytest.approx(on[1][0], rel=1e-3)
    assert trained(convolutions, request(path=path, dropout=True))[1] == on[1]
    means = [model.export_parameters()["sequential/batch_normalization/moving_mean"] for model in (off[0], on[0])]
    assert all(np.abs(mean).max() > 0 for mean in means)


@pytest.mark.parametrize("path", ["eager", "graph"])
def test_a_model_that_drops_where_it_predicts_is_shown_as_it_is_with_dropout_off(path):
    class Always(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dropout = layers.Dropout(0.5)

        def call(self, rows):
            return self.dropout(rows, training=True)

    def make():
        return keras.Sequential([layers.Flatten(), Always(), layers.Dense(5)])

    model, losses = trained(make, request(path=path), 1)
    assert not np.array_equal(outputs(model), outputs(model))
    assert trained(make, request(path=path), 1)[1] == losses
    assert losses[0] != pytest.approx(trained(make, request(path=path, dropout=True), 1)[1][0], rel=1e-3)


@pytest.mark.parametrize("path", PATHS)
def test_gradients_and_predictions_change_nothing(path):
    model, _ = trained(convolutions, request(path=path, dropout=True), 1)
    before, batch = model.export_parameters(), model.stage(batches()[0])
    twice = [model.gradients(batch) for _ in range(2)]
    model.predict(batch.inputs)
    after = model.export_parameters()
    assert twice[0].keys() < before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)
    for name, value in twice[0].items():
        np.testing.assert_array_equal(twice[1][name], value, err_msg=name)


def test_several_steps_a_call_are_the_same_steps():
    single = trained(convolutions, request(path="graph"), 4)
    model = plugin(convolutions)()
    model.build(request(path="graph", steps_per_call=2))
    four = batches(count=4)
    pairs = [Batch(*(np.stack(parts) for parts in zip(*four[at : at + 2], strict=True))) for at in (0, 2)]
    found = [loss for pair in pairs for loss in np.asarray(model.train_step(model.stage(pair))).tolist()]
    np.testing.assert_allclose(found, single[1], rtol=1e-5)


class Subclassed(keras.Model):
    """Two inputs by place or name; outputs in a dict."""

    def __init__(self):
        super().__init__()
        self.table, self.mix = layers.Embedding(7, 4), layers.Dense(5)

    def call(self, tokens, weights):
        rows = self.mix(tf.reduce_mean(self.table(tokens) * weights[..., None], axis=1))
        return {"doubled": rows * 2, "logits": rows}


def functional():
    tokens, weights = keras.Input((3,), dtype="int32", name="tokens"), keras.Input((3,), name="weights")
    mixed = layers.Multiply()([layers.Embedding(7, 4)(tokens), layers.Reshape((3, 1))(weights)])
    return keras.Model([tokens, weights], layers.Dense(5)(layers.Flatten()(mixed)))


TWO = Signature(
    inputs=ArraySpec((4, 3), "int32"),
    further=(ArraySpec((4, 3), "float32"),),
    targets=LABELS,
    outputs=LOGITS,
    loss="cross_entropy",
)


@pytest.mark.parametrize("make", [Subclassed, functional])
@pytest.mark.parametrize("names", [(), ("tokens", "weights")])
def test_several_inputs_by_place_and_by_name(make, names):
    signature = Signature(**{name: getattr(TWO, name) for name in TWO.__struct_fields__} | {"names": names})
    found = [trained(make, request(signature, path), 2)[1] for path in ("eager", "graph")]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_an_output_is_chosen_by_name():
    plain, doubled = (trained(Subclassed, request(TWO), 1, output=name)[0] for name in ("", "doubled"))
    assert not np.allclose(outputs(plain, TWO), outputs(doubled, TWO))
    with pytest.raises(SpecError, match="output logit: the model returns doubled, logits"):
        trained(Subclassed, request(TWO), 1, output="logit")


def test_a_function_calls_the_model_and_dropout_within_it_follows_the_mode():
    model, (loss,) = trained(convolutions, request(dropout=True), 1, call=lambda net, images: net(images * 0.5))
    _, (other,) = trained(convolutions, request(), 1, call=lambda net, images: net(images * 0.5))
    assert loss != pytest.approx(other, rel=1e-3)
    assert np.isfinite(outputs(model)).all()


def test_regularizers_count_in_the_loss():
    def make(penalty):
        return keras.Sequential([layers.Flatten(), layers.Dense(5, kernel_regularizer=keras.regularizers.L2(penalty))])

    def loss(penalty):
        sized = {"any": {"penalty": penalty}}
        return trained(make, request(), 1, sizes=sized)

    _, (plain,) = loss(0.0)
    untrained = plugin(make, sizes={"any": {"penalty": 0.5}})()
    untrained.build(request())
    squares = float((untrained.export_parameters()["sequential/dense/kernel"] ** 2).sum())
    assert loss(0.5)[1][0] == pytest.approx(plain + 0.5 * squares, rel=1e-4)


def test_a_softmax_at_the_end_is_left_out_of_the_loss_and_kept_in_predictions():
    def make(end):
        return keras.Sequential([layers.Flatten(), layers.Dense(5, activation=end)])

    (soft, one), (_, other) = (trained(make, request(), 2, sizes={"any": {"end": end}}) for end in ("softmax", None))
    np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_allclose(outputs(soft).sum(1), 1.0, rtol=1e-5)


def test_given_parameters_replace_the_models_own():
    model = plugin(convolutions)()
    model.build(request())
    own = model.export_parameters()
    changed = {name: value + 0.25 for name, value in own.items()}
    model.build(request(parameters=changed))
    for name, value in model.export_parameters().items():
        np.testing.assert_allclose(value, changed[name], err_msg=name)
    with pytest.raises(ValueError, match="do not fit this model in name or shape: sequential/dense/bia"):
        model.build(request(parameters={**own, "sequential/dense/bia": own["sequential/dense/bias"]}))


def test_the_same_seed_gives_the_same_model_and_another_seed_another():
    first, second, third = (plugin(convolutions)() for _ in range(3))
    for model, seed in ((first, 1), (second, 1), (third, 2)):
        model.build(request(seed=seed))
    one, same, other = (model.export_parameters() for model in (first, second, third))
    assert one.keys() == same.keys() == other.keys()
    assert all((one[name] == same[name]).all() for name in one)
    assert not np.allclose(one["sequential/dense/kernel"], other["sequential/dense/kernel"])


def test_in_fp64_all_is_float64_and_starts_with_the_values_of_float32():
    (_, single), (whole, exact) = (trained(convolutions, request(precision=kind)) for kind in ("fp32", "fp64"))
    assert {array.dtype for array in whole.export_parameters().values()} == {np.dtype("float64")}
    assert outputs(whole).dtype == "float64"
    assert 0 < np.abs(np.divide(single, exact) - 1).max() < 1e-5


def test_options_of_the_factory_come_from_the_spec():
    narrow, wide = plugin(convolutions)(), plugin(convolutions)()
    narrow.build(request(options=(("units", 2),)))
    wide.build(request())
    assert narrow.export_parameters()["sequential/conv2d/kernel"].shape == (3, 3, 3, 2)
    assert wide.export_parameters()["sequential/conv2d/kernel"].shape == (3, 3, 3, 6)
    with pytest.raises(UnknownName, match="unknown option of convolutions 'unit'; did you mean units"):
        narrow.build(request(options=(("unit", 2),)))


@pytest.mark.parametrize(
    ("make", "changed", "text"),
    [
        (lambda: 3, {}, "gives an object of int, which is no model; return a keras.Model or a keras.layers.Layer"),
        (lambda: Subclassed, {}, "gives the class Subclassed, which is no model"),
        (
            lambda: keras.Sequential([keras.Input((7,)), layers.Dense(5)]),
            {},
            r"inputs float32 \(4, 8, 8, 3\) do not fit: .*expected shape=\(None, 7\), found shape=\(4, 8, 8, 3\)",
        ),
        (convolutions, {"outputs": LOGITS, "targets": ArraySpec((4, 2), "int32")}, r"want targets \(4,\) for loss"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_a_line(make, changed, text):
    signature = Signature(**{name: getattr(CLASSES, name) for name in CLASSES.__struct_fields__} | changed)
    with pytest.raises(SpecError, match=text) as raised:
        plugin(make)().build(request(signature))
    assert "\n" not in str(raised.value)


def test_a_loss_that_is_no_scalar_is_refused():
    with pytest.raises(SpecError, match=r"returned shape \(4,\), and a loss is one number: take its mean"):
        trained(convolutions, request(), 1, loss=lambda out, targets: tf.cast(targets, tf.float32))
