"""Generating images: noise in, images like the real ones out; shared by the tasks of adversarial networks.

Quality is the Frechet distance of 1000 images from fixed noise to the real ones (`dlbench.tasks.frechet`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.record.schema import TaskInfo
from dlbench.tasks import TaskRequest
from dlbench.tasks.frechet import Judge
from dlbench.tasks.targets import Target, random_stream

IMAGES, NOISE_STREAM, LATENT = 1000, 2**32 + 4, 100


@dataclass(frozen=True)
class Real:
    """Task and data by name, a checksum of the data, its images (n, ...) in [-1, 1] with classes (n), and a judge."""

    task: str
    data: str
    sha256: str
    images: Batch
    judge: Callable[[], Judge]


@dataclass(frozen=True)
class Generation:
    """Inputs are noise (batch, latent), targets real images (batch, ...) in [-1, 1], outputs the like."""

    real: Real
    goal: Target
    batch_size: int
    latent: int

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target."""
        return TaskInfo(
            name=self.real.task,
            data=self.real.data,
            sha256=self.real.sha256,
            metric="Frechet distance",
            unit="",
            higher_is_better=False,
            target=self.goal.target,
            budget_steps=self.goal.budget_steps,
        )

    @property
    def signature(self) -> Signature:
        """Noise to images."""
        images = ArraySpec((self.batch_size, *self.real.images.inputs.shape[1:]), "float32")
        noise = ArraySpec((self.batch_size, self.latent), "float32")
        return Signature(inputs=noise, targets=images, outputs=images, loss="adversarial")

    @property
    def optimizer(self) -> Adam:
        """Adam with a short memory of the mean, for both networks alike."""
        return Adam(learning_rate=self.goal.learning_rate, beta1=0.5)

    @property
    def evaluate_every(self) -> int:
        """Steps between two evaluations."""
        return self.goal.evaluate_every

    def batch(self, seed: int, step: int) -> Batch:
        """Fresh noise and random real images."""
        generator, real = random_stream(seed, step), self.real.images.inputs
        chosen = generator.integers(0, len(real), self.batch_size)
        noise = generator.normal(size=(self.batch_size, self.latent)).astype(np.float32)
        return Batch(noise, real[chosen])

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Frechet distance; the last batch is filled up and the filling not counted."""
        noise = random_stream(NOISE_STREAM).normal(size=(IMAGES, self.latent)).astype(np.float32)
        batches = [
            np.resize(noise[at : at + self.batch_size], (self.batch_size, self.latent))
            for at in range(0, IMAGES, self.batch_size)
        ]
        return self.real.judge().distance(np.concatenate([np.asarray(predict(batch)) for batch in batches])[:IMAGES])


def latent_of(request: TaskRequest) -> int:
    """The length of the noise: 100 unless the architecture is stated for another."""
    (latent,) = request.input_shape or (LATENT,)
    return latent
