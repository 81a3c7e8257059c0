"""The clause on the optimizer: the updates are those of the Adam that the request states."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlbench.conformance.model import Broken, Model, Session, require
from dlbench.conformance.training import same_function
from dlbench.parity import check
from dlbench.plugin import Adam, ComputesGradients, ExchangesParameters

OFF = 5e-4
"""Share by which an update may differ from the stated one, in the norm of a parameter's elements."""
ROUNDING = 2.0**-23
"""Share by which float32 rounds a parameter before and after an update."""

RATES = (1e-3, 1e-4, 1e-5)
"""With an epsilon far above the gradients Adam is a descent along them at `learning_rate / epsilon`: one of these, the
first at which the loss is not too curved. Learning rates stay as they are, so that decay shows."""
SLOW, FAST = Adam(learning_rate=10.0, epsilon=10.0), Adam(learning_rate=40.0, epsilon=20.0)
"""Two such optimizers at the rate 1, the second twice as fast."""
SHARP = Adam(learning_rate=1e-3, epsilon=1e-12)
"""The first step moves each parameter that has a gradient by the learning rate."""
CURVED = 0.1
"""Share by which two small movements may differ from proportion."""
ADVICE = (
    "the update is learning_rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon), with the numbers of "
    "request.optimizer"
)


def the_optimizer_is_the_stated_adam(session: Session) -> str:
    """The first updates are computed again in NumPy from the gradients; without them, seen in how the model moves."""
    plugin = session.exact.plugin
    with same_function(session):
        if isinstance(plugin, ExchangesParameters) and isinstance(plugin, ComputesGradients):
            _updates(session.exact, plugin, plugin)
            return ""
        _movements(session)
        if isinstance(plugin, ExchangesParameters):
            _first_step(session)
            return ""
    return "up to a factor on the learning rate; export_parameters() and gradients() would show that too"


def _updates(model: Model, exchanges: ExchangesParameters, computes: ComputesGradients) -> None:
    """Each update of the first steps is the stated one, in float64 from the plugin's own gradients."""
    seen = model.observed
    mean: dict[str, Any] = dict.fromkeys(seen["parameters"], 0.0)
    square = dict(mean)
    for step, (before, after) in enumerate(itertools.pairwise([seen["parameters"], *seen["course"]])):
        exchanges.import_parameters(before)
        gradients = computes.gradients(model.batch(step))
        quiet = check.SILENT * max(float(np.abs(gradient).max()) for gradient in gradients.values())
        for name, gradient in gradients.items():
            slope, adam = np.asarray(gradient, np.float64), model.request.optimizer
            mean[name] = adam.beta1 * mean[name] + (1 - adam.beta1) * slope
            square[name] = adam.beta2 * square[name] + (1 - adam.beta2) * slope**2
            wanted = _change(adam, step + 1, mean[name], square[name])
            noise = (
                check.TOLERANCES["gradient"]
                * max(float(np.abs(slope).max()), quiet)
                * adam.learning_rate
                / adam.epsilon
            )
            noise += ROUNDING * float(np.abs(before[name]).max())
            _compare(f"update {step + 1} of {name}", before[name].astype(np.float64) - after[name], wanted, noise)


def _compare(what: str, found: Any, wanted: Any, noise: float) -> None:
    """Raise Broken where the movements of a parameter differ by more than OFF and the noise of an element."""
    off, size = _norm(found - wanted), _norm(wanted)
    require(
        off <= OFF * size + noise * math.sqrt(found.size),
        f"{what}: it moved by {_norm(found):.5g} and not by {size:.5g}, {off:.2g} apart; {ADVICE}",
    )


def _change(adam: Adam, count: int, mean: Any, square: Any) -> Any:
    corrected = mean / (1 - adam.beta1**count), square / (1 - adam.beta2**count)
    return adam.learning_rate * corrected[0] / (np.sqrt(corrected[1]) + adam.epsilon)


def _norm(values: Any) -> float:
    return float(np.linalg.norm(np.ravel(values)))


def _movements(session: Session) -> None:
    """With a large epsilon the model moves in proportion to the number of steps, and to learning rate over epsilon.

    A wrong place of epsilon, a missing correction, momentum, decay, and any optimizer that is not Adam move otherwise.
    """
    faults = []
    for rate in RATES:
        slow, fast = (_moved(session, _at(adam, rate)) for adam in (SLOW, FAST))
        longer, faster = _ratio(slow[4], slow[2]), _ratio(fast[4], slow[4])
        if max(abs(longer - 2), abs(faster - 2)) <= 2 * CURVED:
            return
        faults.append(
            f"with an epsilon of 1e4, where Adam follows the gradient, four steps moved the model {longer:.3g} times "
            f"as far as two, and twice the learning rate over epsilon {faster:.3g} times as far; both should be 2"
        )
    raise Broken(f"{faults[0]}; {ADVICE}")


def _at(adam: Adam, rate: float) -> Adam:
    return msgspec.structs.replace(adam, epsilon=adam.epsilon / rate)


def _moved(session: Session, adam: Adam) -> dict[int, Any]:
    """How far outputs, or parameters where they are exported, are from the start after so many steps on one batch."""
    model = Model.build(session.spec, dropout=False, optimizer=adam)
    start, batch = _state(model), model.batch(0)
    found = {}
    for step in range(1, 5):
        model.train(batch)
        found[step] = _norm(_state(model) - start)
    return found


def _state(model: Model) -> Any:
    exported: Mapping[str, Any] = model.parameters() or {"outputs": model.outputs()}
    return np.concatenate([np.ravel(exported[name]).astype(np.float64) for name in sorted(exported)])


def _ratio(one: float, other: float) -> float:
    return one / other if other else math.inf


def _first_step(session: Session) -> None:
    """With a small epsilon the first step moves what has a gradient by the learning rate, and nothing further."""
    model = Model.build(session.spec, dropout=False, optimizer=SHARP)
    start = _state(model)
    model.train(model.batch(0))
    furthest = float(np.abs(_state(model) - start).max())
    require(
        abs(furthest - SHARP.learning_rate) <= 0.01 * SHARP.learning_rate,
        f"the first step at a learning rate of {SHARP.learning_rate:g} moved a parameter by {furthest:.4g}; {ADVICE}",
    )
