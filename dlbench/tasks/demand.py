"""Half-hourly electricity demand in England and Wales, June to August 2000 (Taylor, 2003), that pmdarima ships (MIT).

4032 values; the first 2763 train, the rest are held out. With one feature it is a window of values to the next value;
with five, load and the phases of day and week, to the next 12 values; with any other number, that many last values at
each step, to the next 12. Quality is the mean squared error over the variance of the targets. For orientation: from 10
values to the next, the last value gives 0.028 and a linear model 0.0056; from 48 to the next 12, 0.83 and 0.058.
"""

from __future__ import annotations

import ast
import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dlbench.plugin import ArraySpec, Batch, Signature
from dlbench.tasks.data_files import DEMAND, checksum, find_files, verify
from dlbench.tasks.evaluation import Places, normalised_error, outputs_of
from dlbench.tasks.targets import NORMALISED_ERROR, Target, random_stream, target_for
from dlbench.tasks.task import Predict, Task, TaskRequest

SHA256 = "195674163485d14566706ef7049e3031a61462ec85291ce1401fa9295ebc9a5e"
TRAIN, A_DAY, A_WEEK = 2763, 48, 336
CALENDAR, HORIZON = 5, 12
DEFAULT_SHAPE = (48, CALENDAR)
TARGETS = {
    "small": Target(target=0.008, learning_rate=1e-2, budget_steps=400, evaluate_every=25),
    "base": Target(target=0.06, learning_rate=1e-3, budget_steps=400, evaluate_every=25),
}
Doubles = npt.NDArray[np.float64]


@functools.cache
def demand() -> tuple[Doubles, str]:
    """The series, standardised by its training part, and its checksum; read as the list that the file states."""
    (source,) = find_files(DEMAND, "demand")
    nodes = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
    lists = [ast.literal_eval(node) for node in nodes if isinstance(node, ast.List)]
    values = np.array(max(lists, key=len), np.int64)
    found = verify(checksum((values,)), SHA256, "demand", DEMAND)
    train = values[:TRAIN]
    return (values - train.mean()) / train.std(), found


class Windows(NamedTuple):
    """Windows (n, steps, features) of the series, and the values after each, (n, horizon)."""

    steps: int
    features: int

    @property
    def horizon(self) -> int:
        """The number of values that are predicted."""
        return 1 if self.features == 1 else HORIZON

    @property
    def reach(self) -> int:
        """Number of values before the first predicted one that a window looks at."""
        return self.steps + (0 if self.features == CALENDAR else self.features - 1)

    def at(self, ends: Places) -> Batch:
        """Windows that end just before these places."""
        series = demand()[0]
        times = ends[:, None] - self.steps + np.arange(self.steps)
        targets = series[ends[:, None] + np.arange(self.horizon)]
        return Batch(self._frames(series, times).astype(np.float32), targets.astype(np.float32))

    def draw(self, seed: int, step: int, count: int) -> Batch:
        """Windows from random places of the training part."""
        return self.at(random_stream(seed, step).integers(self.reach, TRAIN - self.horizon + 1, count))

    def quality(self, predict: Predict, batch_size: int) -> float:
        """Error over all held-out places."""
        held_out = self.at(np.arange(TRAIN, len(demand()[0]) - self.horizon + 1))
        outputs = outputs_of(predict, lambda places: held_out.inputs[places], len(held_out.inputs), batch_size)
        return normalised_error(outputs, held_out.targets)

    def _frames(self, series: Doubles, times: Places) -> Doubles:
        if self.features != CALENDAR:
            return np.stack([series[times - lag] for lag in range(self.features)], axis=-1)
        turns = [2 * np.pi * times / period for period in (A_DAY, A_WEEK)]
        return np.stack([series[times], *(wave(turn) for turn in turns for wave in (np.sin, np.cos))], axis=-1)


def open_task(request: TaskRequest) -> Task:
    """A window of 48 steps with calendar unless the architecture is stated for another."""
    goal, size = target_for(TARGETS, request.size), request.batch_size
    windows = Windows(*(request.input_shape or DEFAULT_SHAPE))
    outputs = ArraySpec((size, windows.horizon), "float32")
    inputs = ArraySpec((size, *windows), "float32")
    return Task(
        goal.info("demand", "taylor of pmdarima", demand()[1], NORMALISED_ERROR),
        Signature(inputs=inputs, targets=outputs, outputs=outputs, loss="mse"),
        goal.optimizer,
        goal.evaluate_every,
        lambda seed, step: windows.draw(seed, step, size),
        lambda predict: windows.quality(predict, size),
    )
