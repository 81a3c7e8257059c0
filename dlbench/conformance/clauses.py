"""The clauses of the contract, each a function that raises Broken where a model does not keep it.

Every clause is shown to catch a plugin that misbehaves in just that way: `tests/test_conformance.py`.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import psutil

from dlbench import architectures, parity
from dlbench.conformance.barrier import no_work_outlives_the_barrier, the_barrier_holds
from dlbench.conformance.capabilities import capabilities_work
from dlbench.conformance.model import Broken, Model, Session, require
from dlbench.conformance.variants import host_data_is_copied_in_every_step, several_steps_are_so_many_single_ones
from dlbench.errors import DlbenchError, Unsupported
from dlbench.plugin import ReportsCompilation

REPEATED = 60
"""Steps on one batch after which the loss must have fallen."""
LEAK_STEPS, LEAK_SECONDS, LEAK_BYTES = 500, 3.0, 4 << 20
"""Memory may grow by so much in a half of so many steps, or in what fits into so many seconds: allocators keep some."""
ROUGHER = 4
"""Times by which an accelerator's outputs may be further off: its libraries approximate tanh (cuDNN: 8e-6 was seen)."""


def build_is_repeatable(session: Session) -> None:
    """Same request, same model, step by step to the last bit; another seed, another model."""
    first, second = session.plain, session.again
    losses = [model.observed["losses"][0] for model in (first, second)]
    require(np.array_equal(*losses), f"two builds of one request have first losses {losses[0]} and {losses[1]}")
    outputs = first.observed["outputs"], second.observed["predictions"][0][0]
    require(np.array_equal(*outputs), "two builds of one request predict differently")
    if first.request.parameters is not None:
        other = np.array(
            session.other.plugin.predict(session.other.stage(first.task.batch(session.spec.seed, 0)).inputs)
        )
        require(not np.array_equal(outputs[0], other), "another seed made the same model: its values are not used")


def what_was_read_back_is_true(session: Session) -> None:
    """The parameters that are there are as many as ModelInfo says, and their values are those of the request."""
    found, model = session.plain.observed["parameters"], session.plain
    if not found:
        return
    count = sum(np.size(value) for value in found.values())
    require(count == model.info.parameter_count, f"exports {count} values, said {model.info.parameter_count}")
    for name, value in (model.request.parameters or {}).items():
        require(np.array_equal(value, found.get(name)), f"parameter {name} is not what the request gave")


def outputs_are_the_architecture(session: Session) -> None:
    """Predictions agree with the core's NumPy version of the architecture, where it has one."""
    if not architectures.known(session.spec.architecture):
        return
    for model in (session.plain, session.other):
        request = model.request
        inputs = model.task.batch(request.spec.seed, 0).inputs
        expected = request.configuration.forward(request.parameters, inputs, request.signature)
        outputs = model.observed.get("outputs")
        outputs = model.outputs() if outputs is None else outputs
        found = np.abs(outputs - expected).max() / max(1.0, np.abs(expected).max())
        allowed = parity.TOLERANCES["output"] * (1 if model.info.device == "cpu" else ROUGHER)
        require(found <= allowed, f"outputs differ from the NumPy version by {found:.1e}, {allowed:.0e} is allowed")


def the_loss_falls(session: Session) -> None:
    """Training on one batch again and again makes its loss smaller."""
    model = session.exact
    batch = model.batch(0)
    losses = [model.train(batch).sum() for _ in range(REPEATED)]
    require(losses[-1] < losses[0], f"the loss on a repeated batch went from {losses[0]:.6g} to {losses[-1]:.6g}")


def predict_changes_nothing(session: Session) -> None:
    """Losses are the same to the last bit with and without predictions in between, and predictions repeat.

    On an accelerator they are so within float noise: threads add up gradients in the order in which they come.
    """
    plain, between = session.plain.observed["losses"], session.again.observed["losses"]
    noise = 0.0 if session.plain.info.device == "cpu" else parity.TOLERANCES["losses"]
    for once, again in session.again.observed["predictions"]:
        require(np.array_equal(once, again), "two predictions for the same inputs differ: is dropout on?")
    same = np.allclose(plain, between, rtol=noise, atol=0.0)
    require(same, f"with predictions in between the losses {plain} became {between}")


def nothing_is_printed(session: Session) -> None:
    """Neither a step nor a prediction writes to standard output or standard error."""
    model = session.plain
    batch = model.batch(0)

    def work() -> None:
        for _ in range(3):
            model.train(batch)
            model.outputs()

    printed = _output_of(work)
    require(not printed, f"a step printed {printed[:200]!r}")


def nothing_leaks(session: Session) -> None:
    """Memory stays where it is while training goes on."""
    model = session.plain
    batches = [model.batch(step) for step in range(4)]
    marks, taken = [], 0
    for steps in (50, LEAK_STEPS // 2, LEAK_STEPS // 2):
        taken = _train_for(model, batches, steps)
        gc.collect()
        marks.append(psutil.Process().memory_info().rss)
    grown = min(marks[1] - marks[0], marks[2] - marks[1])
    require(grown <= LEAK_BYTES, f"memory grew by {grown / 2**20:.1f} MiB in {taken} steps, and again in as many")


def what_is_unsupported_is_raised(session: Session) -> None:
    """A device, a precision or a task that cannot be is refused with Unsupported, never replaced."""
    for change in ({"device": "gpu:99"}, {"precision": "fp7"}):
        try:
            Model.build(msgspec.structs.replace(session.spec, **change))
        except Unsupported as error:
            require(bool(str(error)), f"Unsupported for {change} does not say why")
        except DlbenchError as error:
            raise Broken(f"asked for {change}: {error}") from error
        except Exception as error:
            raise Broken(f"asked for {change}: raised {type(error).__name__}, not Unsupported: {error}") from error
        else:
            raise Broken(f"asked for {change}: built something, did not raise Unsupported")


def jit_really_compiled(session: Session) -> None:
    """On the path jit there is a graph for each function that was called, without breaks and never compiled again."""
    model = session.again
    if session.spec.path != "jit":
        return
    if not isinstance(model.plugin, ReportsCompilation):
        raise Broken("the path jit must be proven; add compilation()")
    found = model.plugin.compilation()
    whole = found.graphs >= 2 and not found.breaks and not found.recompilations
    require(whole, f"after training and predicting: {found}; wanted 2 graphs or more, no break, no recompilation")


CLAUSES: dict[str, Callable[[Session], None]] = {
    clause.__name__: clause
    for clause in (
        build_is_repeatable,
        what_was_read_back_is_true,
        outputs_are_the_architecture,
        the_loss_falls,
        predict_changes_nothing,
        the_barrier_holds,
        no_work_outlives_the_barrier,
        nothing_is_printed,
        nothing_leaks,
        what_is_unsupported_is_raised,
        jit_really_compiled,
        several_steps_are_so_many_single_ones,
        host_data_is_copied_in_every_step,
        capabilities_work,
    )
}


def _train_for(model: Model, batches: Sequence[Any], steps: int) -> int:
    """Train for so many steps, or for LEAK_SECONDS; how many there were."""
    end = time.monotonic() + LEAK_SECONDS
    for step in range(steps):
        model.train(batches[step % len(batches)])
        if time.monotonic() > end:
            return step + 1
    return steps


def _output_of(work: Callable[[], object]) -> bytes:
    """Whatever anyone writes to the file descriptors 1 and 2 meanwhile, also from C++."""
    sys.stdout.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with tempfile.TemporaryFile() as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            work()
            sys.stdout.flush()
        finally:
            for descriptor, old in zip((1, 2), kept, strict=True):
                os.dup2(old, descriptor)
                os.close(old)
        file.seek(0)
        return file.read()
