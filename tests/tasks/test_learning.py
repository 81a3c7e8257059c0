"""Training towards the targets of the tasks, from their data, alike in both frameworks."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dlbench import architectures, registry
from dlbench.analysis.learnt import reaches
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.parity.probe import without_dropout
from dlbench.plugin import Batch
from dlbench.spec import Spec
from dlbench.tasks import TASKS, TaskRequest, digits_gan, open_task, synthetic_gan
from dlbench.tasks.digits import digits
from dlbench.tasks.digits_gan import judge, scaled
from dlbench.tasks.targets import random_stream

pytestmark = pytest.mark.untimed

ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
CHEAPEST = {
    "demand": "rnn",
    "digits": "mlp",
    "line": "mlp",
    "sentiment": "gru",
    "synthetic": "mlp",
    "text": "transformer",
    "vowels": "mlp",
}


def shuffle(task):
    """The task with training targets beside inputs that they do not belong to."""

    def batch(seed, step):
        inputs, targets = task.batch(seed, step)
        return Batch(inputs, random_stream(seed, step, 1).permutation(targets))

    return replace(task, batch=batch)


def training(plugin, task="", shuffled=False, every=None):
    """Steps, last loss and quality at each evaluation; size small, eager, seed 0, without dropout."""
    architecture = plugin.partition(".")[2]
    values = {"phase": "converge", "path": "eager", "size": "small", "threads": 1}
    batch = architectures.configuration(architecture, "small").batch_size
    task = task or architectures.default_task(architecture)
    spec = Spec(plugin=plugin, task=task, batch_size=batch, **values)
    prepared = prepare(spec, registry.load(plugin))
    opened = shuffle(prepared.task) if shuffled else prepared.task
    prepared = replace(prepared, task=opened, request=without_dropout(prepared.request))
    build_checked(prepared.plugin, prepared.request)
    subject = MeasuredModel(spec, prepared)
    sampler, every = subject.sampler(), every or opened.evaluate_every
    for steps in range(every, opened.info.budget_steps + 1, every):
        sampler.take(every)
        yield steps, subject.loss, subject.quality()


def test_every_supervised_task_is_examined():
    fixed = {name for name, row in TASKS.items() if row.fits}
    acting = {name for name in fixed if open_task(name, TaskRequest("small", 4)).batches}
    assert set(CHEAPEST) == fixed - acting - {"digits_gan", "synthetic_gan"}


@pytest.mark.parametrize(
    ("task", "architecture"),
    [
        pytest.param(*row, marks=pytest.mark.slow if row[0] in ("sentiment", "text", "line", "vowels") else ())
        for row in CHEAPEST.items()
    ],
)
def test_the_target_is_reached_with_the_labels_and_never_with_shuffled_ones(task, architecture):
    info = open_task(task, TaskRequest("small", 4)).info
    plugin = f"torch.{architecture}"
    assert any(reaches(info, quality) for _, _, quality in training(plugin, task))
    assert not any(reaches(info, quality) for _, _, quality in training(plugin, task, shuffled=True))


@pytest.mark.slow
def test_what_is_no_digit_or_one_digit_alone_does_not_pass_for_generated_digits():
    """Noise, the mean image, pixels each from another image, digits in negative; and the training images of a class."""
    train, held_out = digits()[:2]
    distance, images = judge().distance, scaled(train.inputs[::4])
    strictest, *_, loosest = sorted(goal.target for goal in digits_gan.TARGETS.values())
    assert distance(scaled(held_out.inputs)) < strictest / 5
    noise = random_stream(1).uniform(-1.0, 1.0, images.shape).astype(np.float32)
    mixed = random_stream(2).permuted(images.reshape(len(images), -1), axis=0)
    for fooling in (noise, images.mean(axis=0) + 0.1 * noise, mixed, -images):
        assert distance(fooling) > 2 * loosest
    for label in range(10):
        assert distance(images[train.targets[::4] == label]) > 2 * loosest


@pytest.mark.slow
def test_what_is_not_made_alike_does_not_pass_for_synthetic_images():
    """Noise, the mean image, blocks each from another image, images in negative; half of the classes, and one."""
    train, distance = synthetic_gan.real(), synthetic_gan.judge().distance
    images, classes = train.inputs[:1000], train.targets[:1000]
    targets = [goal.target for goal in synthetic_gan.TARGETS.values()]
    assert distance(synthetic_gan.images(np.arange(4000, 5000))) < min(targets) / 5
    noise = random_stream(1).uniform(-1.0, 1.0, images.shape).astype(np.float32)
    mixed = random_stream(2).permuted(images.reshape(len(images), -1), axis=0)
    for fooling in (
        noise,
        images.mean(axis=0) + 0.1 * noise,
        mixed,
        -images,
        images[classes < 5],
        images[classes == 7],
    ):
        assert distance(fooling) > 1.5 * max(targets)


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=pytest.mark.slow if name == "gan" else ()) for name in (*ARCHITECTURES, "cartpole")],
)
def test_curves_of_tensorflow_and_pytorch_coincide(architecture):
    architecture, task = ("mlp", "cartpole") if architecture == "cartpole" else (architecture, "")
    curves = [
        list(itertools.islice(training(f"{framework}.{architecture}", task, every=20), 2))
        for framework in ("tf", "torch")
    ]
    np.testing.assert_allclose(*curves, rtol=2e-5)
