"""Half-hourly electricity demand in England and Wales, June to August 2000 (Taylor, 2003), that pmdarima ships (MIT).

4032 values; the first 2763 train, the rest are held out. With one feature it is a window of values to the next value;
with five, load and the phases of day and week, to the next 12 values; with any other number, that many last values at
each step, to the next 12. Quality is the mean squared error over the variance of the targets. For orientation: from 10
values to the next, the last value gives 0.028 and a linear model 0.0056; from 48 to the next 12, 0.83 and 0.058.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.record.schema import TaskInfo
from dlbench.tasks import TaskRequest
from dlbench.tasks.data_files import DEMAND, checksum, find, verify
from dlbench.tasks.targets import Target, random_stream, target_for

SHA256 = "195674163485d14566706ef7049e3031a61462ec85291ce1401fa9295ebc9a5e"
TRAIN, A_DAY, A_WEEK = 2763, 48, 336
CALENDAR, HORIZON = 5, 12
DEFAULT_SHAPE = (48, CALENDAR)
TARGETS = {
    "small": Target(target=0.008, learning_rate=1e-2, budget_steps=400, evaluate_every=25),
    "base": Target(target=0.06, learning_rate=1e-3, budget_steps=400, evaluate_every=25),
}
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@functools.cache
def demand() -> tuple[Doubles, str]:
    """The series, standardised by its training part, and its checksum; read as the list that the file states."""
    (source,) = find(DEMAND, "demand")
    nodes = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
    lists = [ast.literal_eval(node) for node in nodes if isinstance(node, ast.List)]
    values = np.array(max(lists, key=len), np.int64)
    found = verify(checksum((values,)), SHA256, "demand", DEMAND)
    train = values[:TRAIN]
    return (values - train.mean()) / train.std(), found


@dataclass(frozen=True)
class DemandTask:
    """Windows (batch, steps, features) to what follows (batch, horizon)."""

    goal: Target
    batch_size: int
    steps: int
    features: int

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target."""
        return TaskInfo(
            name="demand",
            data="taylor of pmdarima",
            sha256=demand()[1],
            metric="normalised mean squared error",
            unit="",
            higher_is_better=False,
            target=self.goal.target,
            budget_steps=self.goal.budget_steps,
        )

    @property
    def signature(self) -> Signature:
        """Windows to values."""
        outputs = ArraySpec((self.batch_size, self._horizon), "float32")
        inputs = ArraySpec((self.batch_size, self.steps, self.features), "float32")
        return Signature(inputs=inputs, targets=outputs, outputs=outputs, loss="mse")

    @property
    def optimizer(self) -> Adam:
        """Adam at the learning rate that reached the target."""
        return Adam(learning_rate=self.goal.learning_rate)

    @property
    def evaluate_every(self) -> int:
        """Steps between two evaluations."""
        return self.goal.evaluate_every

    def batch(self, seed: int, step: int) -> Batch:
        """Windows from random places of the training part."""
        first, last = self._reach, TRAIN - self._horizon
        return self._at(random_stream(seed, step).integers(first, last + 1, self.batch_size))

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Error over all held-out places; the last batch is filled up and the filling not counted."""
        places = np.arange(TRAIN, len(demand()[0]) - self._horizon + 1)
        batches = [
            self._at(np.resize(places[at : at + self.batch_size], self.batch_size))
            for at in range(0, len(places), self.batch_size)
        ]
        outputs = np.concatenate([np.asarray(predict(batch.inputs)) for batch in batches])[: len(places)]
        targets = np.concatenate([batch.targets for batch in batches])[: len(places)]
        return float(((outputs - targets) ** 2).mean() / targets.var())

    @property
    def _horizon(self) -> int:
        return 1 if self.features == 1 else HORIZON

    @property
    def _reach(self) -> int:
        """How many values before the first predicted one a window looks at."""
        return self.steps + (0 if self.features == CALENDAR else self.features - 1)

    def _at(self, ends: Places) -> Batch:
        """Windows that end just before these places."""
        series = demand()[0]
        times = ends[:, None] - self.steps + np.arange(self.steps)
        targets = series[ends[:, None] + np.arange(self._horizon)]
        return Batch(self._frames(series, times).astype(np.float32), targets.astype(np.float32))

    def _frames(self, series: Doubles, times: Places) -> Doubles:
        if self.features != CALENDAR:
            return np.stack([series[times - lag] for lag in range(self.features)], axis=-1)
        turns = [2 * np.pi * times / period for period in (A_DAY, A_WEEK)]
        return np.stack([series[times], *(wave(turn) for turn in turns for wave in (np.sin, np.cos))], axis=-1)


def open_task(request: TaskRequest) -> DemandTask:
    """A window of 48 steps with calendar unless the architecture is stated for another."""
    demand()  # read and checked now
    steps, features = request.input_shape or DEFAULT_SHAPE
    return DemandTask(target_for(TARGETS, request.size), request.batch_size, steps, features)
