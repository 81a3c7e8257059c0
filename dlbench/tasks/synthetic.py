"""Synthetic classification of samples of any shape: made from a seed, with nothing to install and nothing real in it.

Each of 10 classes has a pattern, constant over blocks along every axis but the last: 7 blocks an axis, or as many as it
is long. A sample is the pattern of its class plus normal noise of deviation 1. The noise of a sample is a window of one
fixed stream, so that 5000 samples of any shape take 4 MiB. The first 1000 are held out. Made by drawing, copying,
multiplying and adding alone: the same bits on every machine.

Quality is accuracy on the held-out samples. For orientation, of the shape (28, 28, 1): always the same class 0.1, the
nearest mean of the training samples 1.0.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Batch
from dlbench.tasks.classification import Source, Split, classification
from dlbench.tasks.data_files import checksum
from dlbench.tasks.targets import Target, random_stream, target_for
from dlbench.tasks.task import Task, TaskRequest

CLASSES, SAMPLES, HELD_OUT = 10, 5000, 1000
BLOCKS, DRAWN, STRIDE = 7, 2**20, 7919
NORM, FAINTEST = 6.0, 0.15
"""Length of a pattern, in deviations of the noise, and its least size in one value: a recurrent model sees few at once.
"""
PATTERN_STREAM, NOISE_STREAM = 2**32 + 6, 2**32 + 7
DATA = "made from a seed, not real data"
DEFAULT_SHAPE = (28, 28, 1)
TARGETS = {
    "small": Target(target=0.95, learning_rate=2e-3, budget_steps=400, evaluate_every=25),
    "base": Target(target=0.90, learning_rate=5e-4, budget_steps=400, evaluate_every=25),
}
Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


def open_task(request: TaskRequest) -> Task:
    """Samples of 28 x 28 x 1 unless the architecture is stated for others."""
    shape = request.input_shape or DEFAULT_SHAPE
    numbers = np.arange(SAMPLES)
    train, held_out = (Batch(part, classes(part)) for part in (numbers[HELD_OUT:], numbers[:HELD_OUT]))
    split = Split(train, held_out, checksum((patterns(shape), _stream_of_noise())))
    source = Source("synthetic", DATA, CLASSES, prepare=functools.partial(samples, shape))
    return classification(source, split, target_for(TARGETS, request.size), request.batch_size)


def classes(numbers: Numbers) -> npt.NDArray[np.int32]:
    """The class of each sample."""
    return (numbers % CLASSES).astype(np.int32)


def samples(shape: tuple[int, ...], numbers: Numbers) -> Floats:
    """The samples (n, *shape) that have these numbers."""
    strength = np.float32(max(NORM / np.sqrt(np.prod(shape)), FAINTEST))
    return patterns(shape)[classes(numbers)] * strength + noise(shape, numbers)


@functools.cache
def patterns(shape: tuple[int, ...]) -> Floats:
    """The patterns (classes, *shape), of deviation 1."""
    return spread(random_stream(PATTERN_STREAM).standard_normal((CLASSES, *blocks(shape)), np.float32), shape)


def blocks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The number of blocks along each axis."""
    return (*(min(length, BLOCKS) for length in shape[:-1]), shape[-1])


def spread(values: Floats, shape: tuple[int, ...]) -> Floats:
    """A value for each block (n, *blocks) over the whole of it (n, *shape)."""
    for axis, (length, count) in enumerate(zip(shape, blocks(shape), strict=True), start=1):
        values = values.take(np.arange(length) * count // length, axis=axis)
    return values


def noise(shape: tuple[int, ...], numbers: Numbers) -> Floats:
    """The noise (n, *shape) of the samples that have these numbers, of deviation 1."""
    windows = np.lib.stride_tricks.sliding_window_view(_stream_of_noise(), int(np.prod(shape)))
    return windows[numbers * STRIDE % len(windows)].reshape(-1, *shape)


@functools.cache
def _stream_of_noise() -> Floats:
    return random_stream(NOISE_STREAM).standard_normal(DRAWN, np.float32)
