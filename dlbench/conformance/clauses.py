"""The clauses of the contract, by weight: faults that make figures wrong come first.

A clause is a function that raises Broken if a model does not keep it, and NotLookedAt if that cannot be seen. It
returns nothing, or a remark on the limits of its check. Every clause is shown to catch a plugin that misbehaves in just
that way: `tests/test_conformance.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dlbench.conformance.barrier import no_work_outlives_the_barrier, the_barrier_holds
from dlbench.conformance.capabilities import (
    devices_are_reported,
    gradients_are_the_slope,
    parameters_can_be_exchanged,
    staging_keeps_the_batch,
)
from dlbench.conformance.compiled import jit_really_compiled
from dlbench.conformance.laziness import HONEST_TRAINING, HONEST_WORK
from dlbench.conformance.loss import the_loss_is_the_stated_one
from dlbench.conformance.model import ModelsUnderTest, NotLookedAt, require
from dlbench.conformance.optimizer import the_optimizer_is_the_stated_adam
from dlbench.conformance.outputs import outputs_are_the_architecture
from dlbench.conformance.quiet import nothing_is_printed, nothing_leaks, what_is_unsupported_is_raised
from dlbench.conformance.settings import settings_take_effect
from dlbench.conformance.variants import host_data_is_copied_in_every_step, several_steps_are_so_many_single_ones
from dlbench.parity import check

REPEATED = 60
"""Steps on one batch after which the loss must have fallen."""


def build_is_repeatable(session: ModelsUnderTest) -> None:
    """Same request, same model, step by step to the last bit."""
    first, second = session.plain, session.again
    losses = [model.observed["losses"][:1] for model in (first, second)]
    require(np.array_equal(*losses), f"two builds of one request have first losses {losses[0]} and {losses[1]}")
    outputs = first.observed["outputs"], second.observed["predictions"][0][0]
    require(np.array_equal(*outputs), "two builds of one request predict differently")


def what_was_read_back_is_true(session: ModelsUnderTest) -> None:
    """The parameters that are there are as many as ModelInfo says, with the values of the request.

    A model that the core does not describe may export its state too, such as running statistics.
    """
    found, model = session.plain.observed["parameters"], session.plain
    if not found:
        raise NotLookedAt("needs export_parameters()")
    count, said = sum(np.size(value) for value in found.values()), model.info.parameter_count
    complete = count >= said if model.request.parameters is None else count == said
    require(complete, f"exports {count} values, said {said}")
    for name, value in (model.request.parameters or {}).items():
        require(np.array_equal(value, found.get(name)), f"parameter {name} differs from the request's")


def the_loss_falls(session: ModelsUnderTest) -> None:
    """Training on one batch again and again makes its loss smaller."""
    model = session.exact
    batch = model.batch(0)
    first = model.train(batch)
    if first.ndim:
        raise NotLookedAt("losses of networks that work against each other need not fall")
    losses = [first, *(model.train(batch) for _ in range(REPEATED - 1))]
    require(losses[-1] < losses[0], f"the loss on a repeated batch went from {losses[0]:.6g} to {losses[-1]:.6g}")


def predict_changes_nothing(session: ModelsUnderTest) -> None:
    """Losses are the same to the last bit with and without predictions in between, and predictions repeat.

    On an accelerator they are so within float noise: threads add up gradients in the order in which they come.
    """
    plain, between = session.plain.observed["losses"], session.again.observed["losses"]
    noise = 0.0 if session.plain.info.device == "cpu" else check.TOLERANCES["losses"]
    for once, again in session.again.observed["predictions"]:
        require(np.array_equal(once, again), "two predictions for the same inputs differ: is dropout on?")
    same = np.allclose(plain, between, rtol=noise, atol=0.0)
    require(same, f"with predictions in between the losses {plain} became {between}")


OF_TRAINING = {
    clause.__name__
    for clause in (
        the_loss_is_the_stated_one,
        the_optimizer_is_the_stated_adam,
        gradients_are_the_slope,
        the_loss_falls,
        *HONEST_TRAINING,
        several_steps_are_so_many_single_ones,
    )
}
"""Clauses on training alone: they say nothing of a plugin without a phase that trains."""
IMPORT = "import_does_no_work"
"""The first clause of all, because it loads the plugin."""
CLAUSES: dict[str, Callable[[ModelsUnderTest], str | None]] = {
    clause.__name__: clause
    for clause in (
        build_is_repeatable,
        what_was_read_back_is_true,
        outputs_are_the_architecture,
        the_loss_is_the_stated_one,
        the_optimizer_is_the_stated_adam,
        gradients_are_the_slope,
        the_loss_falls,
        predict_changes_nothing,
        jit_really_compiled,
        *HONEST_WORK,
        the_barrier_holds,
        no_work_outlives_the_barrier,
        several_steps_are_so_many_single_ones,
        host_data_is_copied_in_every_step,
        staging_keeps_the_batch,
        parameters_can_be_exchanged,
        devices_are_reported,
        nothing_leaks,
        nothing_is_printed,
        what_is_unsupported_is_raised,
        settings_take_effect,
    )
}
