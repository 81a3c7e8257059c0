"""The Frechet distance of generated images from real ones, on the features of a small classifier.

The distance between the normal distributions of features of both sets (Dowson and Landau, 1982; used so by Heusel et
al., 2017). The features are the 64 hidden units of a perceptron that is trained here in NumPy, on the same images and
from the same seed for every framework.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Batch
from dlbench.tasks.targets import random_stream

Doubles = npt.NDArray[np.float64]
Parameters = list[Doubles]

FEATURES, EPOCHS, BATCH, RATE, MOMENTUM = 64, 15, 50, 0.1, 0.9
SEED = 2**32 + 3


@dataclass(frozen=True)
class Judge:
    """A classifier whose hidden units are the features, and the statistics of the real images."""

    parameters: Parameters
    mean: Doubles
    covariance: Doubles

    def distance(self, images: npt.NDArray[np.float32]) -> float:
        """Frechet distance of images (n, ...) scaled to [-1, 1] from the real ones."""
        mean, covariance = _moments(_features(self.parameters, _flat(images)))
        # The trace of the root of a product of covariances is the sum of the roots of its eigenvalues.
        eigenvalues = np.linalg.eigvals(covariance @ self.covariance).real
        root = float(np.sqrt(np.maximum(eigenvalues, 0.0)).sum())
        gap = float(((mean - self.mean) ** 2).sum())
        return gap + float(np.trace(covariance) + np.trace(self.covariance)) - 2.0 * root

    def classes(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """The class of each image."""
        _, _, kernel, bias = self.parameters
        return np.asarray((_features(self.parameters, _flat(images)) @ kernel + bias).argmax(axis=-1))


def trained_on(real: Batch) -> Judge:
    """Train the classifier on images (n, ...) scaled to [-1, 1] and their classes (n)."""
    images, labels = _flat(real.inputs), np.eye(int(real.targets.max()) + 1)[real.targets]
    generator = random_stream(SEED)
    shapes = [(images.shape[1], FEATURES), (FEATURES, labels.shape[1])]
    parameters: Parameters = []
    for shape in shapes:
        parameters += [generator.normal(size=shape) / np.sqrt(shape[0]), np.zeros(shape[1])]
    velocity = [np.zeros_like(parameter) for parameter in parameters]
    for _ in range(EPOCHS):
        for chosen in np.split(generator.permutation(len(images)), len(images) // BATCH):
            _step(parameters, velocity, images[chosen], labels[chosen])
    mean, covariance = _moments(_features(parameters, images))
    return Judge(parameters, mean, covariance)


def _step(parameters: Parameters, velocity: Parameters, images: Doubles, labels: Doubles) -> None:
    """Gradient descent with momentum on the cross-entropy."""
    hidden = _features(parameters, images)
    logits = hidden @ parameters[2] + parameters[3]
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    error = (odds / odds.sum(axis=-1, keepdims=True) - labels) / len(images)
    back = (error @ parameters[2].T) * (hidden > 0)
    gradients = [images.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]
    for place, gradient in enumerate(gradients):
        velocity[place] = MOMENTUM * velocity[place] - RATE * gradient
        parameters[place] = parameters[place] + velocity[place]


def _features(parameters: Parameters, images: Doubles) -> Doubles:
    return np.maximum(images @ parameters[0] + parameters[1], 0.0)


def _flat(images: npt.NDArray[np.float32]) -> Doubles:
    """Pixels from [-1, 1] to [0, 1], so that the background is 0 and the classifier learns the strokes."""
    return (np.asarray(images, np.float64).reshape(len(images), -1) + 1.0) / 2.0


def _moments(features: Doubles) -> tuple[Doubles, Doubles]:
    return features.mean(axis=0), np.cov(features, rowvar=False)
