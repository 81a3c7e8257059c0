"""Generating synthetic images: noise in, images like those made from a seed out, with nothing real in them.

An image has 28 x 28 pixels in [-1, 1] and one of the 10 patterns of the task `synthetic`, mixed with as much chance:
every block of 4 x 4 pixels has a grey value of its own. For orientation in Frechet distance: other images of the same
kind are at 0.5, five classes alone at 80, one alone at 230 or more, noise 284.
"""

from __future__ import annotations

import functools

import numpy as np

from dlbench.plugin import Batch
from dlbench.tasks.data_files import checksum
from dlbench.tasks.frechet import Judge, trained_on
from dlbench.tasks.generation import Real, generation
from dlbench.tasks.synthetic import DATA, Floats, Numbers, blocks, classes, noise, patterns, spread
from dlbench.tasks.targets import Target, target_for
from dlbench.tasks.task import Task, TaskRequest

IMAGES, SHAPE = 4000, (28, 28, 1)
TARGETS = {
    "small": Target(target=40.0, learning_rate=1e-3, budget_steps=2000, evaluate_every=125),
    "base": Target(target=50.0, learning_rate=1e-3, budget_steps=2000, evaluate_every=250),
}


@functools.cache
def real() -> Batch:
    """The images to be imitated, and their classes."""
    numbers = np.arange(IMAGES)
    return Batch(images(numbers), classes(numbers))


@functools.cache
def judge() -> Judge:
    """A judge of these images, trained once per process."""
    return trained_on(real())


def images(numbers: Numbers) -> Floats:
    """The images (n, 28, 28, 1) that have these numbers."""
    by_chance = spread(noise(blocks(SHAPE), numbers), SHAPE)
    mixed = patterns(SHAPE)[classes(numbers)] + by_chance - np.float32(1.0)
    return np.asarray(np.clip(mixed, np.float32(-1.0), np.float32(1.0)))


def open_task(request: TaskRequest) -> Task:
    """Images of 28 x 28 x 1 from noise."""
    source = Real("synthetic_gan", DATA, checksum((real().inputs,)), real(), judge)
    return generation(source, target_for(TARGETS, request.size), request)
