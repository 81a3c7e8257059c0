"""Plugins that train with another loss or another optimizer than was asked for.

Some export parameters and compute gradients. The blind ones do neither, and have an architecture of their own.
"""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np

from dlbench.plugin import Adam, Batch
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal

LOSS, OPTIMIZER = "the_loss_is_the_stated_one", "the_optimizer_is_the_stated_adam"


class Descending(LinearPlugin):
    """Follows the gradient, as no Adam does."""

    def _train(self, batch):
        loss, gradients = self._differentiate(batch)
        for name, gradient in gradients.items():
            self._parameters[name] = self._parameters[name] - np.float32(self._adam.learning_rate) * gradient
        return loss


class Rolling(LinearPlugin):
    """Follows the gradient with momentum."""

    def _train(self, batch):
        loss, gradients = self._differentiate(batch)
        self._speed = {name: 0.9 * getattr(self, "_speed", gradients)[name] + one for name, one in gradients.items()}
        for name, speed in self._speed.items():
            self._parameters[name] = self._parameters[name] - np.float32(self._adam.learning_rate) * speed
        return loss


class Decaying(LinearPlugin):
    """AdamW as PyTorch has it: a hundredth of the learning rate off each value."""

    def _train(self, batch):
        keep = np.float32(1 - 0.01 * self._adam.learning_rate)
        self._parameters = {name: value * keep for name, value in self._parameters.items()}
        return super()._train(batch)


class Displaced(LinearPlugin):
    """Keras's place of epsilon: beside the uncorrected root."""

    def _train(self, batch):
        stated = self._adam
        root = (1 - stated.beta2 ** (self._step + 1)) ** 0.5
        self._adam = msgspec.structs.replace(stated, epsilon=stated.epsilon / root)
        loss = super()._train(batch)
        self._adam = stated
        return loss


class Rooted(LinearPlugin):
    """Epsilon under the root."""

    def _train(self, batch):
        adam, before = self._adam, self._parameters
        loss = super()._train(batch)
        mean, square = self._moments
        for name, value in before.items():
            spread = np.sqrt(square[name] / (1 - adam.beta2**self._step) + adam.epsilon)
            change = adam.learning_rate * mean[name] / (1 - adam.beta1**self._step) / spread
            self._parameters[name] = (value - change).astype(np.float32)
        return loss


class Uncorrected(LinearPlugin):
    """Moments as they are in the first steps, near zero."""

    def _train(self, batch):
        adam, before = self._adam, self._parameters
        loss = super()._train(batch)
        mean, square = self._moments
        for name, value in before.items():
            change = adam.learning_rate * mean[name] / (np.sqrt(square[name]) + adam.epsilon)
            self._parameters[name] = (value - change).astype(np.float32)
        return loss


class Customary(LinearPlugin):
    """A plugin whose optimizer has the numbers of the library, not of the request."""

    def build(self, request):
        return super().build(dataclasses.replace(request, optimizer=Adam()))


class Hasty(LinearPlugin):
    """Twice the learning rate."""

    def build(self, request):
        faster = msgspec.structs.replace(request.optimizer, learning_rate=2 * request.optimizer.learning_rate)
        return super().build(dataclasses.replace(request, optimizer=faster))


class Forgetful(LinearPlugin):
    """A beta2 of the library's."""

    def build(self, request):
        usual = msgspec.structs.replace(request.optimizer, beta2=0.999)
        return super().build(dataclasses.replace(request, optimizer=usual))


class Shrinking(LinearPlugin):
    """Weight decay in the gradient, as the option of PyTorch's Adam has it."""

    def _train(self, batch):
        self._decaying = True
        loss = super()._train(batch)
        self._decaying = False
        return loss

    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        share = np.float32(0.01 * getattr(self, "_decaying", False))
        return loss, {name: one + share * self._parameters[name] for name, one in gradients.items()}


class Summing(LinearPlugin):
    """The sum over the batch."""

    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        return loss * len(batch.inputs), gradients


class Smoothing(LinearPlugin):
    """Targets nearer to the middle than the task has them."""

    def _differentiate(self, batch):
        return super()._differentiate(Batch(batch.inputs, 0.9 * batch.targets))


class Late(LinearPlugin):
    """The loss after the update."""

    def _train(self, batch):
        super()._train(batch)
        return self._differentiate(batch)[0]


class Lagging(LinearPlugin):
    """The loss of the batch before."""

    def _train(self, batch):
        before = getattr(self, "_before", batch)
        loss = self._differentiate(before)[0]
        self._before = batch
        super()._train(batch)
        return loss


class Regularised(LinearPlugin):
    """The size of the parameters in the loss."""

    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        size = sum(float(np.sum(value**2)) for value in self._parameters.values())
        return loss + 1e-3 * size, {name: one + 2e-3 * self._parameters[name] for name, one in gradients.items()}


class BlindDescending(Minimal):
    def _update(self, gradient):
        self._kernel = self._kernel - self._adam.learning_rate * gradient


class BlindConstant(Minimal):
    """Follows the gradient at a rate of its own."""

    def _update(self, gradient):
        self._kernel = self._kernel - 1e-3 * gradient


class BlindRolling(Minimal):
    def _update(self, gradient):
        self._mean = 0.9 * self._mean + gradient
        self._kernel = self._kernel - self._adam.learning_rate * self._mean


class BlindDecaying(Minimal):
    def _update(self, gradient):
        self._kernel = self._kernel * (1 - 0.01 * self._adam.learning_rate)
        super()._update(gradient)


class BlindDisplaced(Minimal):
    def _update(self, gradient):
        stated = self._adam
        root = (1 - stated.beta2 ** (self._step + 1)) ** 0.5
        self._adam = msgspec.structs.replace(stated, epsilon=stated.epsilon / root)
        super()._update(gradient)
        self._adam = stated


class BlindRooted(Minimal):
    def _update(self, gradient):
        before, adam = self._kernel.copy(), self._adam
        super()._update(gradient)
        mean, square = self._mean / (1 - adam.beta1**self._step), self._square / (1 - adam.beta2**self._step)
        self._kernel = before - adam.learning_rate * mean / np.sqrt(square + adam.epsilon)


class BlindUncorrected(Minimal):
    def _update(self, gradient):
        before, adam = self._kernel.copy(), self._adam
        super()._update(gradient)
        self._kernel = before - adam.learning_rate * self._mean / (np.sqrt(self._square) + adam.epsilon)


class BlindForgetful(Minimal):
    """A beta1 of the library's."""

    def build(self, request):
        usual = msgspec.structs.replace(request.optimizer, beta1=0.9)
        return super().build(dataclasses.replace(request, optimizer=usual))


class BlindCustomary(Minimal):
    def build(self, request):
        return super().build(dataclasses.replace(request, optimizer=Adam()))


class BlindSumming(Minimal):
    def train_step(self, batch):
        return super().train_step(batch) * len(batch.inputs)


class BlindLate(Minimal):
    def train_step(self, batch):
        super().train_step(batch)
        return float(np.mean((self.predict(batch.inputs) - batch.targets) ** 2))


class BlindAveraging(Minimal):
    """A running mean of the losses, as a progress bar shows it."""

    def train_step(self, batch):
        loss = super().train_step(batch)
        self._average = 0.9 * getattr(self, "_average", loss) + 0.1 * loss
        return self._average


class BlindLagging(Minimal):
    def train_step(self, batch):
        before, self._before = getattr(self, "_before", batch), batch
        loss = float(np.mean((self.predict(before.inputs) - before.targets) ** 2))
        super().train_step(batch)
        return loss


class Begun(Minimal):
    """A model of its own whose first outputs are not zero."""

    def build(self, request):
        info = super().build(request)
        self._kernel = self._kernel + np.float32(0.5)
        return info


class Dropping(Begun):
    """Draws dropout, which nobody can switch off."""

    def train_step(self, batch):
        kept = np.random.default_rng(self._step).random(batch.inputs.shape) < 0.9
        return super().train_step(Batch(batch.inputs * kept / 0.9, batch.targets))


class Normalising(Begun):
    """Normalises by the batch in training."""

    def train_step(self, batch):
        return super().train_step(Batch(batch.inputs / batch.inputs.std(axis=0), batch.targets))


OFF_COURSE = [
    *((offender, LOSS) for offender in (Summing, Smoothing, Late, Lagging, Regularised)),
    *((offender, OPTIMIZER) for offender in (Descending, Rolling, Decaying, Displaced, Rooted, Uncorrected)),
    *((offender, OPTIMIZER) for offender in (Customary, Hasty, Forgetful)),
]
BLIND = [
    *((offender, LOSS) for offender in (BlindSumming, BlindLate, BlindLagging, BlindAveraging)),
    *((offender, OPTIMIZER) for offender in (BlindDescending, BlindConstant, BlindRolling, BlindDecaying)),
    *((offender, OPTIMIZER) for offender in (BlindDisplaced, BlindRooted, BlindUncorrected, BlindCustomary)),
    (BlindForgetful, OPTIMIZER),
]
"""Offenders that neither export parameters nor compute gradients, of an architecture of their own."""
