"""The clause on results that nobody reads: the work of a call is done all the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from dlbench.conformance.honesty import (
    Feed,
    Seen,
    clocks_and_collector_are_left_alone,
    every_sample_of_a_batch_counts,
    inputs_are_left_alone,
    nothing_is_kept_from_a_batch_that_was_seen,
    outputs_are_computed_anew,
    ways,
)
from dlbench.conformance.model import Broken, Model, ModelsUnderTest, require
from dlbench.measure.divergence import to_numbers
from dlbench.plugin import Batch, ExchangesParameters

LATE, REST, READINGS = 0.5, 0.02, 20
"""Share of a call's time that reading its result may take, seconds of rest before it, and readings at most.

One quick reading of at least LEAST is enough; the first call may trace.

What a device computes by itself is done after the rest; what nobody has computed is not.
"""
COPIES, LEAST = 4, 3
CALLS = 6
"""Steps of which the last loss alone is read."""


def nothing_is_left_until_it_is_read(session: ModelsUnderTest) -> None:
    """Reading a result waits for the work and does none: after a rest it takes a fraction of a call's time."""
    model = session.exact
    feed = Feed(model)
    for way in ways(model):
        _read_late(way, feed.fresh, on_host=model.info.device == "cpu")
    _takes_steps_that_nobody_reads(model)


def _read_late(way: Seen, fresh: Callable[[], Batch], *, on_host: bool) -> None:
    """Raise Broken where reading a result that had its time takes LATE of the whole, copying aside.

    On the host copying is what NumPy takes for it, COPIES times; from a device what reading it a second time takes.
    """
    whole, late = [], []
    for _ in range(READINGS):
        batch = fresh()
        whole.append(_seconds(partial(_whole, way, batch)))
        result = way.call(fresh())
        time.sleep(max(REST, 2 * whole[-1]))
        read = _seconds(partial(way.read, result))
        copied = (
            COPIES * _seconds(partial(np.array, way.read(result))) if on_host else _seconds(partial(way.read, result))
        )
        late.append(max(0.0, read - copied))
        if len(late) >= LEAST and min(late) <= LATE * min(whole):
            return
    raise Broken(
        f"{way.name}: reading a result took {min(late):.3g} s of a call's {min(whole):.3g} s, though it had time "
        "before: the work was left until it was read; do it in the call",
    )


def _whole(way: Seen, batch: Batch) -> None:
    way.read(way.call(batch))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _takes_steps_that_nobody_reads(model: Model) -> None:
    """The last of some steps has the same loss, whether or not the others were read."""
    plugin = model.plugin
    if not isinstance(plugin, ExchangesParameters):
        return
    batches = [model.batch(step) for step in range(CALLS)]
    start = plugin.export_parameters()
    moved = []
    for read in (True, False):
        plugin.import_parameters(start)
        for batch in batches:
            result = plugin.train_step(batch)
            if read:
                to_numbers(result)
        to_numbers(result)
        after = plugin.export_parameters()
        moved.append(sum(float(np.sum(np.square(after[name] - value))) for name, value in start.items()) ** 0.5)
    plugin.import_parameters(start)
    require(
        moved[1] >= moved[0] / 2,
        f"{CALLS} steps move the model by {moved[0]:.3g} when each loss is read, by {moved[1]:.3g} when the last is: "
        "a step must train whether or not its loss is read",
    )


HONEST_WORK = (
    every_sample_of_a_batch_counts,
    outputs_are_computed_anew,
    nothing_is_kept_from_a_batch_that_was_seen,
    nothing_is_left_until_it_is_read,
    inputs_are_left_alone,
    clocks_and_collector_are_left_alone,
)
"""The clauses on honest work, by weight."""
