"""Generating images: noise in, images like the real ones out; shared by the tasks of adversarial networks.

Quality is the Frechet distance of 1000 images from fixed noise to the real ones (`dlbench.tasks.frechet`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.tasks.evaluation import outputs_of
from dlbench.tasks.frechet import Judge
from dlbench.tasks.targets import Metric, Target, random_stream
from dlbench.tasks.task import Predict, Task, TaskRequest

IMAGES, NOISE_STREAM, LATENT = 1000, 2**32 + 4, 100
FRECHET_DISTANCE = Metric("Frechet distance", higher_is_better=False)


@dataclass(frozen=True)
class Real:
    """Task and data by name, a checksum of the data, its images (n, ...) in [-1, 1] with classes (n), and a judge."""

    task: str
    data: str
    sha256: str
    images: Batch
    judge: Callable[[], Judge]


def generation(real: Real, goal: Target, request: TaskRequest) -> Task:
    """The task: noise (batch, latent) to images (batch, ...) in [-1, 1], with real ones as targets.

    Both networks have Adam with a short memory of the mean. The noise has 100 numbers unless the architecture is stated
    for another length.
    """
    size, (latent,) = request.batch_size, request.input_shape or (LATENT,)
    images = ArraySpec((size, *real.images.inputs.shape[1:]), "float32")
    noise = ArraySpec((size, latent), "float32")
    return Task(
        goal.info(real.task, real.data, real.sha256, FRECHET_DISTANCE),
        Signature(inputs=noise, targets=images, outputs=images, loss="adversarial"),
        Adam(learning_rate=goal.learning_rate, beta1=0.5),
        goal.evaluate_every,
        lambda seed, step: _drawn(real, noise.shape, random_stream(seed, step)),
        lambda predict: _quality(real, noise.shape, predict),
    )


def _drawn(real: Real, shape: tuple[int, ...], generator: np.random.Generator) -> Batch:
    """Fresh noise and random real images."""
    chosen = generator.integers(0, len(real.images.inputs), shape[0])
    return Batch(_noise(generator, shape), real.images.inputs[chosen])


def _quality(real: Real, shape: tuple[int, ...], predict: Predict) -> float:
    noise = _noise(random_stream(NOISE_STREAM), (IMAGES, *shape[1:]))
    return real.judge().distance(outputs_of(predict, lambda places: noise[places], IMAGES, shape[0]))


def _noise(generator: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    return generator.normal(size=shape).astype(np.float32)
