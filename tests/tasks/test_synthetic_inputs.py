"""Synthetic samples of any signature: as stated, the same from the same seed, and with something to be learnt."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from dlbench.errors import SpecError, UnknownName, Unsupported
from dlbench.plugin import ArraySpec
from dlbench.spec import InputSpec
from dlbench.spec.source import input_spec
from dlbench.tasks import TaskRequest, open_task

pytestmark = pytest.mark.untimed

NAME = "synthetic_inputs"


def opened(*inputs, targets="", outputs="", batch_size=32, **more):
    specs = {name: input_spec(text) for name, text in (("targets", targets), ("outputs", outputs)) if text}
    return open_task(NAME, TaskRequest("small", batch_size, inputs=tuple(map(input_spec, inputs)), **specs, **more))


def flat(batch):
    arrays = batch.inputs if isinstance(batch.inputs, tuple) else (batch.inputs,)
    return [*arrays, batch.targets]


CASES = {
    "vectors": (["2x64"], "2<10"),
    "images, channels first": (["2x3x32x32"], "2<10"),
    "images, channels last": (["2x32x32x3"], "2<10"),
    "grey values": (["2x28x28:uint8<256"], "2<10"),
    "a series": (["2x48x5"], "2<4"),
    "words": (["2x16:int64<30522"], "2<3"),
    "few words": (["2x32:int32<5"], "2<20"),
    "words, each labelled": (["2x16:int64<1000"], "2x16:int64<50"),
    "segments, channels first": (["2x3x8x8"], "2x8x8<4"),
    "segments, channels last": (["2x8x8x3"], "2x8x8<4"),
    "frames, each labelled": (["2x12x16"], "2x12<6"),
    "a whole sample, many labels": (["2x16"], "2x3<6"),
    "words and a picture": (["ids=2x16<100", "pixels=2x3x16x16"], "2<10"),
    "a value": (["2x32"], "2x1"),
    "values of words": (["2x16<100"], "2x2"),
    "a picture of a picture": (["2x1x8x8"], "2x1x8x8"),
}
every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_batches_are_what_the_signature_says_and_the_batch_size_is_the_first_axis(case):
    inputs, targets = CASES[case]
    task = opened(*inputs, targets=targets, batch_size=5)
    signature, batch = task.signature, task.batch(0, 0)
    said = [signature.inputs, *signature.further, signature.targets]
    assert [ArraySpec(array.shape, array.dtype.name) for array in flat(batch)] == said
    assert {array.shape[0] for array in said} == {5}
    for array, stated in zip(flat(batch), [*map(input_spec, inputs), input_spec(targets)], strict=True):
        assert array.flags.c_contiguous
        if stated.below is not None:
            assert 0 <= array.min() <= array.max() < stated.below


@every_case
def test_a_batch_depends_on_seed_and_step_alone(case):
    inputs, targets = CASES[case]
    task = opened(*inputs, targets=targets, batch_size=8)
    digests = [hashlib.sha256(b"".join(map(np.ndarray.tobytes, flat(task.batch(*key))))) for key in KEYS]
    assert len({digest.hexdigest() for digest in digests}) == len(set(KEYS))
    again = opened(*inputs, targets=targets, batch_size=8)
    assert (
        hashlib.sha256(b"".join(map(np.ndarray.tobytes, flat(again.batch(*KEYS[0]))))).digest() == digests[0].digest()
    )
    assert again.info == task.info


KEYS = [(0, 0), (0, 1), (1, 0), (2**31 - 1, 10**6), (0, 0)]


def features(inputs, below):
    """Features of a linear model: values, and counts of each number, or the number at each place."""
    found = []
    for array, most in zip(inputs if isinstance(inputs, tuple) else (inputs,), below, strict=True):
        values = np.asarray(array, np.float64).reshape(len(array), -1) / (64.0 if array.dtype == np.uint8 else 1.0)
        words = most is not None and array.dtype != np.uint8
        found.append(np.stack([np.bincount(row, minlength=most) for row in array]) / 2.0 if words else values)
    return np.concatenate([*found, np.ones((len(found[0]), 1))], axis=1)


def least_squares(task, see, answers, steps):
    batches = [task.batch(0, step) for step in range(steps)]
    seen = np.concatenate([see(batch.inputs) for batch in batches])
    wanted = np.concatenate([answers(batch.targets) for batch in batches])
    ridge = seen.T @ seen + 1e-1 * len(seen) ** 0.5 * np.eye(seen.shape[1])
    fitted = np.linalg.solve(ridge, seen.T @ wanted)
    return lambda inputs: see(inputs) @ fitted


LEARNT = {
    "vectors": 0.9,
    "images, channels first": 0.9,
    "grey values": 0.9,
    "a series": 0.9,
    "few words": 0.2,
    "words and a picture": 0.9,
}


@pytest.mark.parametrize("case", LEARNT)
def test_a_linear_model_learns_the_class_of_a_sample_and_guesses_without_it(case):
    inputs, targets = CASES[case]
    below, classes = [input_spec(one).below for one in inputs], input_spec(targets).below
    task = opened(*inputs, targets=targets)
    model = least_squares(task, lambda seen: features(seen, below), lambda labels: np.eye(classes)[labels], 160)
    assert task.evaluate(model) > LEARNT[case]
    assert task.evaluate(lambda seen: np.eye(classes)[np.zeros(32, int)]) < 2.0 / classes


def test_the_class_of_a_row_of_tokens_can_be_learnt_by_counting_them():
    """As `--tokens 32x16 --vocabulary 100 --classes 5` draws them."""
    task = opened("32x16:int32<100", targets="32:int64<5")
    model = least_squares(task, lambda seen: features(seen, [100]), lambda labels: np.eye(5)[labels], 60)
    assert task.evaluate(model) > 0.8


def test_every_word_is_labelled_by_the_next_number():
    inputs, targets = CASES["words, each labelled"]
    batch = opened(*inputs, targets=targets).batch(0, 0)
    np.testing.assert_array_equal(batch.targets, (batch.inputs + 1) % 50)
    assert np.bincount(batch.inputs.ravel()).max() > 0.05 * batch.inputs.size


@pytest.mark.parametrize("case", ["segments, channels first", "segments, channels last", "frames, each labelled"])
def test_a_linear_model_of_each_place_learns_its_label(case):
    (text,), targets = CASES[case]
    classes, channels_first = input_spec(targets).below, "first" in case
    task = opened(text, targets=targets)

    def see(inputs):
        places = np.moveaxis(inputs, 1, -1) if channels_first else inputs
        return np.concatenate([places, np.ones((*places.shape[:-1], 1))], axis=-1).reshape(-1, places.shape[-1] + 1)

    fitted = least_squares(task, see, lambda labels: np.eye(classes)[labels.ravel()], 30)
    shape = task.signature.outputs.shape
    assert task.evaluate(lambda inputs: fitted(inputs).reshape(shape)) > 0.7


def test_labels_of_a_whole_sample_differ_by_place_alone():
    (text,), targets = CASES["a whole sample, many labels"]
    labels = opened(text, targets=targets).batch(0, 0).targets
    np.testing.assert_array_equal((labels - labels[:, :1]) % 6, np.tile([0, 1, 2], (32, 1)))


@pytest.mark.parametrize("case", ["a value", "values of words", "a picture of a picture"])
def test_a_linear_model_explains_most_of_a_value(case):
    inputs, targets = CASES[case]
    below = [input_spec(one).below for one in inputs]
    task = opened(*inputs, targets=targets)
    shape = task.signature.outputs.shape
    model = least_squares(task, lambda seen: features(seen, below), lambda values: values.reshape(len(values), -1), 100)
    nothing = task.evaluate(lambda seen: np.zeros(shape))
    assert 0.2 < nothing < 0.5
    assert task.evaluate(lambda seen: model(seen).reshape(shape)) < 0.6 * nothing


def descend(task, classes, steps):
    """Losses of a softmax regression that takes one step on every fresh batch."""
    weights, losses = np.zeros((64 + 1, classes)), []
    for step in range(steps):
        inputs, labels = task.batch(0, step)
        seen = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
        odds = np.exp(seen @ weights)
        odds /= odds.sum(axis=1, keepdims=True)
        losses.append(-np.log(odds[np.arange(len(labels)), labels]).mean())
        weights -= 0.1 * seen.T @ (odds - np.eye(classes)[labels]) / len(labels)
    return losses


def test_the_loss_falls_from_that_of_guessing_to_a_fraction():
    losses = descend(opened("32x64", targets="32<10"), 10, 300)
    assert losses[0] == pytest.approx(np.log(10))
    assert np.mean(losses[-20:]) < 0.3 * np.log(10)


def test_the_record_says_that_the_data_is_synthetic_and_of_what_kind():
    info = opened("ids=8x16:int64<100", "kind=8x3", targets="8<4", batch_size=2).info
    assert info.data == "made from a seed, not real data: ids=16:int64<100, kind=3:float32 to 1:int32<4"


def test_the_same_bits_in_another_process():
    code = (
        "from dlbench.tasks import *; from dlbench.spec.source import input_spec\n"
        f"task = open_task({NAME!r}, TaskRequest('small', 4, inputs=(input_spec('4x8'),), "
        "targets=input_spec('4x3')))\n"
        "print(task.info.sha256, *task.batch(5, 7).targets.ravel().tolist())"
    )
    task = opened("4x8", targets="4x3", batch_size=4)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said == [task.info.sha256, *map(str, task.batch(5, 7).targets.ravel().tolist())]


@pytest.mark.parametrize(
    ("stated", "loss", "outputs"),
    [
        ({"targets": "8<10"}, "cross_entropy", (4, 10)),
        ({"targets": "8x3"}, "mse", (4, 3)),
        ({"outputs": "8x7"}, "cross_entropy", (4, 7)),
        ({"outputs": "8x5x7"}, "cross_entropy", (4, 5, 7)),
        ({"outputs": "8x7", "loss": "mse"}, "mse", (4, 7)),
        ({"outputs": "8x7", "targets": "8:int64"}, "cross_entropy", (4, 7)),
        ({"outputs": "8x1"}, "mse", (4, 1)),  # one value is no class
        ({"outputs": "8x2", "targets": "8x2", "loss": "train.py:fn"}, "train.py:fn", (4, 2)),
    ],
)
def test_what_was_not_stated_follows_from_what_was(stated, loss, outputs):
    signature = opened("8x16", batch_size=4, **stated).signature
    assert (signature.loss, signature.outputs.shape) == (loss, outputs)


@pytest.mark.parametrize(
    ("inputs", "stated", "message"),
    [
        ([], {"targets": "8<10"}, "the model's inputs are not known; give --input"),
        (["8x16"], {}, "neither targets nor outputs are known; give --classes N, or --targets"),
        (["8x16:int64"], {"targets": "8<10"}, "input 8x16:int64: its range is not known; give it, such as 8x16:int64<"),
        (["8x16"], {"targets": "8:int64"}, "targets 8:int64: their range is not known; give it, such as --classes 10"),
        (["8x16"], {"targets": "8x3", "loss": "cross_entropy"}, "targets are 4x3:float32; they must be integers"),
        (
            ["8x16"],
            {"targets": "8<10", "outputs": "8x7"},
            "are classes up to 9, and the outputs 4x7:float32 have 7 classes; give fewer",
        ),
        (["8x16"], {"targets": "8<10", "outputs": "8x7x10"}, "need outputs 4x10:float32, not 4x7x10:float32"),
        (["8x16"], {"targets": "8x3", "outputs": "8x4"}, "targets 4x3:float32 and outputs 4x4:float32 differ in shape"),
        (["8x16"], {"outputs": "8x1", "loss": "cross_entropy"}, "4x1:float32 have one class, and it is then 0"),
        (["8x16"], {"targets": "8<1"}, "more classes, or as float32 for mse; a model of your own takes --loss mse too"),
        (["8x16"], {"outputs": "8x3", "loss": "a.py:f"}, "the loss a.py:f does not determine its targets"),
        (["a=8x16", "8x4"], {"targets": "8<10"}, "give every one a name of its own, or none"),
        (["8x16"], {"targets": "8<10", "target": "mse:0.1"}, "'mse:0.1' is not accuracy:VALUE"),
        (["8x16"], {"targets": "8<10", "target": "accuracy:high"}, "'accuracy:high' is not accuracy:VALUE"),
    ],
)
def test_what_says_too_little_or_contradicts_itself_is_refused(inputs, stated, message):
    with pytest.raises(SpecError, match=message):
        opened(*inputs, batch_size=4, **stated)


def test_a_loss_that_is_neither_a_name_nor_a_function_is_unknown():
    with pytest.raises(UnknownName, match="unknown loss 'crossentropy'; did you mean cross_entropy"):
        opened("8x16", batch_size=4, outputs="8x3", loss="crossentropy")


def test_a_target_may_be_stated_with_a_budget():
    info = opened("8x16", targets="8<10", target="accuracy:0.75:90").info
    assert (info.target, info.budget_steps) == (0.75, 100)


def test_outputs_that_cannot_be_held_against_targets_have_no_quality():
    task = opened("8x16", targets="8x2", outputs="8x3x4", loss="train.py:fn")
    with pytest.raises(Unsupported, match=r"the quality of outputs \(32, 3, 4\) .* loss train.py:fn is not known"):
        task.evaluate(lambda inputs: np.zeros((32, 3, 4)))


def test_a_mask_is_either_and_tells_nothing():
    batch = opened("ids=8x16<50", "mask=8x16:bool", targets="8<3").batch(0, 0)
    assert set(np.unique(batch.inputs[1])) == {False, True}
    assert InputSpec((8, 16), "bool", None, "mask").name == opened("mask=8x16:bool", targets="8<3").signature.names[0]


def test_targets_that_are_true_or_false_are_about_half_of_each():
    labels = opened("64x16", targets="64x8:bool", loss="train.py:fn", batch_size=64).batch(0, 0).targets
    assert labels.dtype == np.bool_
    assert 0.3 < labels.mean() < 0.7
