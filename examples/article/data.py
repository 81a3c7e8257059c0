"""Data in the shapes of the article, made from a seed: the programs need no download."""

from __future__ import annotations

import numpy as np

RANDOM = np.random.default_rng(0)
CLASSES, TOKENS = 10, 94


def images(count: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 28, 28, 1), each a pattern of its class under noise, and the classes."""
    patterns = RANDOM.normal(size=(CLASSES, 28, 28, 1))
    labels = RANDOM.integers(0, CLASSES, count)
    return (patterns[labels] + RANDOM.normal(size=(count, 28, 28, 1))).astype(np.float32), labels


def series(count: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """Ten values of a sine (count, 10, 1), and the next."""
    begin = RANDOM.uniform(0, 2 * np.pi, (count, 1))
    values = np.sin(begin + 0.5 * np.arange(11)).astype(np.float32)
    return values[:, :10, None], values[:, 10:]


def text(count: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """Characters (count, 64), each the one before plus a step of its row, and the following ones."""
    steps, begin = RANDOM.integers(1, 5, (count, 1)), RANDOM.integers(0, TOKENS, (count, 1))
    rows = (begin + steps * np.arange(65)) % TOKENS
    return rows[:, :-1], rows[:, 1:]
