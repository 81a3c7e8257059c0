"""Plugins whose several steps of a call are not so many single ones."""

import numpy as np

from dlbench.plugin import Batch
from dlbench_fake.linear import LinearPlugin


class Single(LinearPlugin):
    """Returns the last loss alone."""

    def train_step(self, batch):
        return np.asarray(super().train_step(batch)).ravel()[-1]


class Accumulating(LinearPlugin):
    """Looks at all batches first and updates afterwards."""

    def train_step(self, batch):
        if not self._several:
            return super().train_step(batch)
        batches = [Batch(*parts) for parts in zip(*batch, strict=True)]
        losses = [self._differentiate(one)[0] for one in batches]
        for one in batches:
            self._train(one)
        return np.array(losses)
