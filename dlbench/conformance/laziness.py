"""The clause on results that nobody reads: the work of a call is done all the same."""

from __future__ import annotations

import numpy as np

from dlbench.conformance.honesty import (
    Feed,
    clocks_and_collector_are_left_alone,
    every_sample_of_a_batch_counts,
    inputs_are_left_alone,
    nothing_is_kept_from_a_batch_that_was_seen,
    outputs_are_computed_anew,
    ways,
)
from dlbench.conformance.model import Model, ModelsUnderTest, require
from dlbench.measure import late
from dlbench.measure.divergence import to_numbers
from dlbench.plugin import ExchangesParameters

CALLS = 6
"""Steps of which the last loss alone is read."""


def nothing_is_left_until_it_is_read(session: ModelsUnderTest) -> None:
    """Reading a result waits for the work and does none: after a rest it takes a fraction of a call's time."""
    model = session.exact
    feed = Feed(model)
    for way in ways(model):
        found = late.left_undone(way.call, way.read, feed.fresh, on_host=model.info.device == "cpu")
        require(not found, f"{way.name}: {found}")
    if model.trains:
        _takes_steps_that_nobody_reads(model)


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
HONEST_TRAINING = (every_sample_of_a_batch_counts,)
"""Those that look at training alone."""
