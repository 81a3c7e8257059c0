"""Synthetic samples of any signature, made from a seed, for the user's own models.

Every batch is fresh. A sample hides the origin of its targets: a class for integer targets, four numbers for others.
`float32` inputs are normal noise of deviation 1 plus the pattern of the class, or the sum of four patterns
(`dlbench.tasks.synthetic` defines a pattern); those of `uint8` are 128 plus 32 times the same. Of other integers a
quarter, at random places, are numbers that stand for the class; the others are drawn so that number k comes about as
1/k, as words do. If targets have axes beside the batch, and an input has the same in front or at its end, each place
has a class of its own: tokens are labelled by the next number, patterns stand at their place. Targets of floating point
are `v / sqrt(1 + v^2)` of mixtures v of the four numbers. All is made by drawing, copying, adding, multiplying,
dividing and roots: the same bits on every machine.

Quality is accuracy or the mean squared error, on 512 or more samples that training never sees. For orientation: an
output of 0 has an error of about 0.34.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import structs

from dlbench.errors import SpecError
from dlbench.plugin import Batch, Signature
from dlbench.spec import InputSpec
from dlbench.spec.source import text, with_batch_size
from dlbench.tasks.evaluation import mean_score, score_of
from dlbench.tasks.signatures import INTEGERS, require_range, signature_of, targets_of
from dlbench.tasks.synthetic import DATA, FAINTEST, NORM, blocks, spread
from dlbench.tasks.targets import ACCURACY, ERROR, Target, metric_of, random_stream, stated_target
from dlbench.tasks.task import Predict, Task, TaskRequest

NAME = "synthetic_inputs"
HIDDEN, HELD_OUT, MARKED, WORDS = 4, 512, 4, 256
"""Hidden numbers; held-out samples; one place in MARKED is marked; from a range of WORDS on integers are drawn like
words.
"""
PATTERN_STREAM, MIXING_STREAM, HELD_OUT_STREAM = 2**32 + 8, 2**32 + 9, 2**32 + 10
GOALS = {
    ACCURACY: Target(target=0.9, learning_rate=1e-3, budget_steps=400, evaluate_every=25),
    ERROR: Target(target=0.1, learning_rate=1e-3, budget_steps=400, evaluate_every=25),
}
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


class Hidden(NamedTuple):
    """A class for each sample (n) or place (n, ...), and numbers (n, 4) for targets of values."""

    classes: Integers
    numbers: Floats | None = None


@dataclass(frozen=True)
class Samples:
    """Samples of these inputs and targets; `placed` is the number of the input that has a class for each place."""

    inputs: tuple[InputSpec, ...]
    targets: InputSpec
    placed: int | None

    def draw(self, *keys: int) -> Batch:
        """The batch of these keys."""
        generator = random_stream(*keys)
        hidden = self._hidden(generator)
        inputs = [self._input(number, generator, hidden) for number in range(len(self.inputs))]
        targets = self._targets(hidden, inputs)
        return Batch(inputs[0] if len(inputs) == 1 else tuple(inputs), targets)

    @property
    def count(self) -> int:
        """Number of classes; values have as many as they have combinations of signs."""
        return self.targets.below or 2**HIDDEN

    def _hidden(self, generator: np.random.Generator) -> Hidden:
        size = self.targets.shape[:1] if self.placed is None else self.targets.shape
        if self.targets.dtype in INTEGERS:
            return Hidden(generator.integers(0, self.count, size))
        numbers = generator.standard_normal((size[0], HIDDEN), np.float32)
        return Hidden((numbers > 0) @ (1 << np.arange(HIDDEN)), numbers)

    def _input(self, number: int, generator: np.random.Generator, hidden: Hidden) -> Array:
        spec = self.inputs[number]
        tells = self.placed in (None, number)
        if spec.dtype == "bool":
            return generator.integers(0, 2, spec.shape).astype(np.bool_)
        if spec.dtype in ("int32", "int64"):
            drawn = words(generator, spec)
            if tells and self.placed is None:
                drawn = marked(generator, drawn, spec.below or 1, hidden.classes, self.count)
            return drawn.astype(spec.dtype)
        values = generator.standard_normal(spec.shape, np.float32)
        if tells:
            values += signal(spec.shape, self.count, hidden)
        if spec.dtype == "float32":
            return values
        return np.clip(np.rint(128 + 32 * values), 0, (spec.below or 256) - 1).astype(np.uint8)

    def _targets(self, hidden: Hidden, inputs: list[Array]) -> Array:
        shape, dtype = self.targets.shape, self.targets.dtype
        if hidden.numbers is not None:
            values = smooth(hidden.numbers, shape)
            return values > 0 if dtype == "bool" else values
        if self.placed is not None and self.inputs[self.placed].dtype in ("int32", "int64"):
            return ((inputs[self.placed].astype(np.int64) + 1) % self.count).astype(dtype)
        if self.placed is not None:
            return hidden.classes.astype(dtype)
        places = np.arange(int(np.prod(shape[1:]))).reshape(shape[1:])
        return ((hidden.classes.reshape(-1, *(1,) * places.ndim) + places) % self.count).astype(dtype)


def open_task(request: TaskRequest) -> Task:
    """Fresh samples at each step. Raises SpecError if inputs, targets, outputs and loss do not say enough."""
    inputs = tuple(with_batch_size(require_range(one), request.batch_size) for one in request.inputs)
    if not inputs:
        advice = "give --input SHAPE[:DTYPE][<BELOW], or, for a plugin that states none, --task NAME"
        raise SpecError(f"task {NAME}: the model's inputs are not known; {advice}")
    targets = targets_of(request)
    signature = signature_of(request, targets)
    samples = Samples(inputs, targets, placed_in(inputs, targets))
    metric = metric_of(signature)
    goal = stated_target(request.target, metric, GOALS[metric])
    return Task(
        goal.info(NAME, f"{DATA}: {_said(inputs, targets)}", _sha256(inputs, targets), metric),
        signature,
        goal.optimizer,
        goal.evaluate_every,
        samples.draw,
        functools.partial(_quality, samples, signature),
    )


def placed_in(inputs: tuple[InputSpec, ...], targets: InputSpec) -> int | None:
    """The input that has the axes of the targets in front or at its end; None if there is none."""
    places = targets.shape[1:]
    if not places or targets.dtype not in INTEGERS:
        return None
    for number, spec in enumerate(inputs):
        whole = spec.dtype in ("int32", "int64") and (spec.below or 0) > 1
        ends = spec.shape[1:] == places if whole else _axis(spec.shape, places) is not None
        if spec.dtype != "bool" and ends:
            return number
    return None


def signal(shape: tuple[int, ...], count: int, hidden: Hidden) -> Floats:
    """The pattern (n, ...) of the class of each sample or place, or the sum of four, with its strength."""
    places = hidden.classes.shape[1:]
    axis = _axis(shape, places) or 0
    rest = shape[1 + len(places) :] if axis == 0 else shape[1:axis]
    strength = np.float32(max(NORM / np.sqrt(np.prod(rest)), FAINTEST))
    pattern = rest or (1,)
    if hidden.numbers is not None:
        return spread(mixed(hidden.numbers, patterns(HIDDEN, pattern)), pattern).reshape(shape) * strength
    found = spread(patterns(count, pattern)[hidden.classes.ravel()], pattern).reshape(*hidden.classes.shape, *rest)
    if axis:
        found = np.moveaxis(found, range(1, 1 + len(places)), range(axis, axis + len(places)))
    return found * strength


@functools.cache
def patterns(count: int, shape: tuple[int, ...]) -> Floats:
    """A value for each block of each pattern, of deviation 1."""
    return random_stream(PATTERN_STREAM).standard_normal((count, *blocks(shape)), np.float32)


def words(generator: np.random.Generator, spec: InputSpec) -> Integers:
    """Integers below the range; those of a long one come about as often as words do, 0 the most frequent."""
    below = spec.below or 1
    if below < WORDS:
        return np.asarray(generator.integers(0, below, spec.shape))
    highest = np.minimum(1 << generator.integers(0, (below - 1).bit_length() + 1, spec.shape), below)
    return np.asarray(generator.integers(0, highest))


def marked(generator: np.random.Generator, drawn: Integers, below: int, classes: Integers, count: int) -> Integers:
    """The integers (n, ...) with a digit of the class, in base `below`, counted from the rarest, at random places."""
    if below < 2:
        return drawn
    digits = 1
    while below**digits < count:
        digits += 1
    digit = generator.integers(0, digits, drawn.shape)
    of_sample = classes.reshape(-1, *(1,) * (drawn.ndim - 1))
    marks = below - 1 - of_sample // below**digit % below
    return np.asarray(np.where(generator.integers(0, MARKED, drawn.shape) == 0, marks, drawn))


def smooth(numbers: Floats, shape: tuple[int, ...]) -> Floats:
    """Values (n, ...) of mixtures of the hidden numbers (n, 4)."""
    values = mixed(numbers, random_stream(MIXING_STREAM).standard_normal((HIDDEN, *shape[1:]), np.float32))
    return np.asarray(values / np.sqrt(1 + values * values))


def mixed(numbers: Floats, directions: Floats) -> Floats:
    """Sums (n, ...) of the directions (4, ...), each times a number (n, 4); of deviation 1 if these are."""
    sums = np.zeros((len(numbers), *directions.shape[1:]), np.float32)
    for number, direction in zip(numbers.T, directions, strict=True):
        sums += np.multiply.outer(number, direction)
    return np.asarray(sums / np.float32(2.0), np.float32)


def _axis(shape: tuple[int, ...], places: tuple[int, ...]) -> int | None:
    """0 if the places are the first axes of a sample, their first axis if they are its last, else None."""
    if shape[1 : 1 + len(places)] == places:
        return 0
    return len(shape) - len(places) if places and shape[-len(places) :] == places else None


def _quality(samples: Samples, signature: Signature, predict: Predict) -> float:
    size = samples.targets.shape[0]
    rounds = -(-HELD_OUT // size)
    batches = (samples.draw(HELD_OUT_STREAM, number) for number in range(rounds))
    return mean_score(predict, batches, rounds * size, score_of(signature))


def _said(inputs: tuple[InputSpec, ...], targets: InputSpec) -> str:
    """Inputs and targets as the command line says them, each of one sample."""
    alone = [text(structs.replace(spec, shape=spec.shape[1:] or (1,))) for spec in (*inputs, targets)]
    return f"{', '.join(alone[:-1])} to {alone[-1]}"


def _sha256(inputs: tuple[InputSpec, ...], targets: InputSpec) -> str:
    """Checksum of the statements and of the first samples, independent of the batch size."""
    few = [with_batch_size(spec, 4) for spec in (*inputs, targets)]
    batch = Samples(tuple(few[:-1]), few[-1], placed_in(tuple(few[:-1]), few[-1])).draw(HELD_OUT_STREAM, 0)
    arrays = batch.inputs if isinstance(batch.inputs, tuple) else (batch.inputs,)
    parts = (_said(inputs, targets).encode(), *(array.tobytes() for array in (*arrays, batch.targets)))
    return hashlib.sha256(b"".join(parts)).hexdigest()
