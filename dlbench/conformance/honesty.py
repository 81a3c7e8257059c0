"""The clauses on honest work: every step and every prediction is computed from what it is given, when it is asked for.

A benchmark meets programs that keep results, leave work for later or change the clock, most of them by accident. What
a Run asks after its last sample (`dlbench.measure.audit`) is asked here, and more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from dlbench.conformance.model import Model, ModelsUnderTest, NotLookedAt, require
from dlbench.measure import arrays, audit, tamper, whole_batch
from dlbench.measure.divergence import to_numbers
from dlbench.parity import check
from dlbench.plugin import Batch, ExchangesParameters, Synchronizes

REPEATED, REPEATED_SECONDS = 120, 1.0
"""Calls on one batch before it is timed, and seconds of them at most: what keeps results only later does so by then."""
PASS, PASS_SECONDS = 8, 0.05
"""Calls of a pass that is timed, and seconds of it at most unless one call takes longer."""
NEAR = 1e-4
"""Share of the largest output by which two predictions for the same values may differ."""
FIRST = 1000
"""Number of a batch that no other clause uses."""


def outputs_are_computed_anew(session: ModelsUnderTest) -> None:
    """Outputs belong to the values that the inputs have now and to the parameters of now, whatever was seen before."""
    model = session.exact
    first, other = (model.task.batch(session.spec.seed, step) for step in range(2))
    wanted = [_outputs(model, _copy(batch)) for batch in (first, other)]
    buffer = _copy(first)
    _outputs(model, buffer)
    _fill(buffer, other)
    _near(_outputs(model, buffer), wanted[1], "for an array that was filled with other values it predicts the old ones")
    changed = whole_batch.with_samples(first, other, -1)
    _fill(buffer, changed)
    require(
        not np.array_equal(_outputs(model, buffer), wanted[0]) or not whole_batch.differ(first, changed),
        "it predicts the same after the last sample of its inputs was replaced: all of them must count",
    )
    if model.trains:
        _follows_parameters(model, model.stage(_copy(first)))


def _follows_parameters(model: Model, staged: Batch) -> None:
    """Predictions for inputs that were staged before an update are those for the same values staged after it."""
    before = np.array(model.plugin.predict(staged.inputs))
    for step in range(2):
        model.train(model.batch(step))
    after = np.array(model.plugin.predict(staged.inputs))
    require(not np.array_equal(before, after), "it predicts the same after training, for inputs that it had seen")
    _near(
        after,
        _outputs(model, model.task.batch(model.request.spec.seed, 0)),
        "it predicts otherwise for inputs that were staged before the last steps: outputs must not be kept",
    )


def nothing_is_kept_from_a_batch_that_was_seen(session: ModelsUnderTest) -> None:
    """Predictions and steps take as long on a batch that comes again as on a new one, and do as much."""
    model = session.exact
    feed = Feed(model)
    for way in ways(model):
        wait = barrier(model, way)
        seconds = _repeat(way, wait, feed.fresh())
        count = max(1, min(PASS, int(PASS_SECONDS / seconds)))
        rounds = audit.ROUNDS if seconds < PASS_SECONDS else 2
        found = audit.remembers(way.call, wait, partial(_drawn, feed, count), rounds)
        require(not found, f"{way.name}: {found}")
    found = audit.stands_still(model.plugin, model.plugin.train_step, feed) if model.trains else ""
    require(not found, found)


def _drawn(feed: Feed, count: int) -> list[Batch]:
    return [feed.fresh() for _ in range(count)]


def _repeat(way: Seen, wait: Callable[[Any], object], batch: Batch) -> float:
    """Seconds of the fastest of many calls on one batch."""
    fastest, calls = math.inf, 0
    while calls < 2 or calls < min(REPEATED, REPEATED_SECONDS / fastest):
        start = time.perf_counter()
        wait(way.call(batch))
        fastest, calls = min(fastest, time.perf_counter() - start), calls + 1
    return fastest


def inputs_are_left_alone(session: ModelsUnderTest) -> None:
    """Neither a step nor a prediction, nor staging, changes the arrays that it is given."""
    model = session.exact
    raw = model.task.batch(session.spec.seed, 0)
    kept = _copy(raw)
    staged = model.stage(raw)
    for way in ways(model):
        found = audit.changed_inputs(way.call, barrier(model, way), staged)
        require(not found, f"{way.name}: {found}")
    same = all(
        np.array_equal(one, other)
        for side, old in zip(raw, kept, strict=True)
        for one, other in zip(arrays.parts(side), arrays.parts(old), strict=True)
    )
    require(same, "the arrays that stage() was given have changed; work on a copy")


def every_sample_of_a_batch_counts(session: ModelsUnderTest) -> None:
    """The loss of a batch is another one when one of its samples is replaced, and the same when the batch comes again.

    Parameters are put back before each step, so that nothing else can move the loss.
    """
    model = session.exact
    plugin = model.plugin
    if not isinstance(plugin, ExchangesParameters):
        raise NotLookedAt("needs export_parameters() and import_parameters()")
    start = plugin.export_parameters()

    def loss(batch: Batch) -> Any:
        plugin.import_parameters(start)
        return model.train(model.stage(batch))

    first, other = (model.task.batch(session.spec.seed, step) for step in range(2))
    whole, again = loss(_copy(first)), loss(_copy(first))
    if not np.allclose(whole, again, rtol=check.TOLERANCES["losses"], atol=0.0):
        raise NotLookedAt(f"the loss of a batch is random ({whole} and {again} with the same parameters)")
    for place in (0, len(arrays.parts(first.inputs)[0]) // 2, -1):
        changed = whole_batch.with_samples(first, other, place)
        require(
            not np.array_equal(loss(changed), whole) or not whole_batch.differ(first, changed),
            f"the loss of a batch is {whole} with and without its sample {place}: a step must read its whole batch",
        )
    plugin.import_parameters(start)


def clocks_and_collector_are_left_alone(session: ModelsUnderTest) -> None:
    """Nobody replaced a clock of Python, the collector, NumPy's functions or dlbench's own since it was loaded."""
    model = session.exact
    model.step(model.batch(0))
    found = tamper.problem()
    require(not found, found)


class Seen(NamedTuple):
    """One way to call a model: its name, the call with a batch, and how its result is read."""

    name: str
    call: Callable[[Batch], Any]
    read: Callable[[Any], Any]


class Feed:
    """Batches that the model has not seen, staged."""

    def __init__(self, model: Model) -> None:
        self._model, self._call = model, FIRST

    def fresh(self) -> Batch:
        """The next one."""
        self._call += 1
        return self._model.batch(self._call)


def ways(model: Model) -> list[Seen]:
    """Prediction and, if it has any, training, as a Run calls and reads them."""
    plugin = model.plugin
    predict = Seen("predict", lambda batch: plugin.predict(batch.inputs), np.asarray)
    train = Seen("train_step", plugin.train_step, lambda loss: np.asarray(to_numbers(loss)))
    return [predict, train] if model.trains else [predict]


def barrier(model: Model, way: Seen) -> Callable[[Any], object]:
    """The barrier that ends a sample."""
    sync = model.plugin.sync if isinstance(model.plugin, Synchronizes) else lambda: None

    def wait(result: Any) -> None:
        sync()
        way.read(result)

    return wait


def _outputs(model: Model, batch: Batch) -> Any:
    return np.array(model.plugin.predict(model.stage(batch).inputs), copy=True)


def _copy(batch: Batch) -> Batch:
    return Batch(*(arrays.each(lambda array: np.array(array, copy=True), side) for side in batch))


def _fill(batch: Batch, other: Batch) -> None:
    for side, values in zip(batch, other, strict=True):
        arrays.each(np.copyto, side, values)


def _near(found: Any, wanted: Any, otherwise: str) -> None:
    off = float(np.abs(found - wanted).max()) / max(1.0, float(np.abs(wanted).max()))
    require(off <= NEAR, f"{otherwise} (outputs {off:.2g} apart)")
