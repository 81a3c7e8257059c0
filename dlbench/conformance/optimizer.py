"""The clause on the optimizer: updates are as the Adam of the request makes them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlbench.conformance.model import Broken, Model, ModelsUnderTest, require
from dlbench.conformance.training import same_function
from dlbench.parity import check
from dlbench.plugin import Adam, Batch, ComputesGradients, ExchangesParameters

OFF = 5e-4
"""Share by which an update may differ from the stated one, in the norm of a parameter's elements."""
ROUNDING = 2.0**-23
"""Share by which float32 rounds a parameter before and after an update."""

RATES = (1e-3, 1e-4, 1e-5)
"""With an epsilon far above the gradients Adam is a descent along them at `learning_rate / epsilon`: one of these, the
first at which the loss is not too curved. Learning rates stay as they are, so that decay shows."""
SLOW = Adam(learning_rate=10.0, beta1=0.3, epsilon=10.0)
FAST = Adam(learning_rate=40.0, beta1=0.3, epsilon=20.0)
"""Two such optimizers at the rate 1, the second twice as fast."""
SHARP = Adam(learning_rate=1e-3, epsilon=1e-12)
"""The first step moves each parameter that has a gradient by the learning rate."""
CURVED = 0.1
"""Share by which two small movements may differ from proportion."""
APART = 0.3
"""Share by which two batches must move a model differently, so that the memory of the first can be seen."""
STEPS = 4
"""Steps on the first batch, before two on the second."""
SHIFT = 0.25
"""Distance from the first parameters at which the last update starts: a hundredth of it is seen beside an update."""
ADVICE = (
    "the update is learning_rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon), with the numbers of "
    "request.optimizer"
)


def the_optimizer_is_the_stated_adam(session: ModelsUnderTest) -> str:
    """The first updates are computed again in NumPy from the gradients; without them, seen in its movement."""
    plugin = session.exact.plugin
    with same_function(session):
        if isinstance(plugin, ExchangesParameters) and isinstance(plugin, ComputesGradients):
            _updates(session.exact, plugin, plugin)
            return ""
        _movements(session)
        if isinstance(plugin, ExchangesParameters):
            _first_step(session)
            return "up to beta2; gradients() would show that too"
    return "up to a factor on the learning rate, and beta2; export_parameters() and gradients() would show both"


def _updates(model: Model, exchanges: ExchangesParameters, computes: ComputesGradients) -> None:
    """Each update of the first steps is the stated one, and so is one from parameters further away from zero.

    In float64, from the plugin's own gradients. Decay is in proportion to the parameters: near zero it is not seen.
    """
    seen, adam = model.observed, model.request.adam
    stated = _Stated(adam)
    for step, (before, after) in enumerate(itertools.pairwise([seen["parameters"], *seen["course"]])):
        exchanges.import_parameters(before)
        stated.follow(step, before, after, computes.gradients(model.batch(step)))
    step, far = len(seen["course"]), _shifted(seen["parameters"])
    exchanges.import_parameters(far)
    gradients = computes.gradients(model.batch(step))
    model.train(model.batch(step))
    after = model.parameters()
    exchanges.import_parameters(seen["course"][-1])
    try:
        stated.follow(step, far, after, gradients)
    except Broken:  # an import that starts the optimizer again is no fault: the contract says nothing of it
        _Stated(adam).follow(0, far, after, gradients)


class _Stated:
    """The stated Adam with its moments, float64."""

    def __init__(self, adam: Adam) -> None:
        self._adam = adam
        self._mean: dict[str, Any] = {}
        self._square: dict[str, Any] = {}

    def follow(self, step: int, before: Mapping[str, Any], after: Mapping[str, Any], gradients: Any) -> None:
        """Take the update from these gradients; raise Broken if a parameter's differs."""
        adam = self._adam
        quiet = check.NEGLIGIBLE_GRADIENT * max(float(np.abs(gradient).max()) for gradient in gradients.values())
        for name, gradient in gradients.items():
            slope = np.asarray(gradient, np.float64)
            self._mean[name] = adam.beta1 * self._mean.get(name, 0.0) + (1 - adam.beta1) * slope
            self._square[name] = adam.beta2 * self._square.get(name, 0.0) + (1 - adam.beta2) * slope**2
            wanted = _change(adam, step + 1, self._mean[name], self._square[name])
            size = max(float(np.abs(slope).max()), quiet)
            noise = check.TOLERANCES["gradient"] * size * adam.learning_rate / adam.epsilon
            noise += ROUNDING * float(np.abs(before[name]).max())
            _compare(f"update {step + 1} of {name}", before[name].astype(np.float64) - after[name], wanted, noise)


def _shifted(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with SHIFT added or taken away, by a fixed draw."""
    draw = np.random.default_rng(0)
    return {
        name: (value + SHIFT * draw.choice([-1.0, 1.0], np.shape(value))).astype(np.float32)
        for name, value in parameters.items()
    }


def _compare(what: str, found: Any, wanted: Any, noise: float) -> None:
    """Raise Broken if the movements of a parameter differ by more than OFF and the noise of an element."""
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


def _movements(session: ModelsUnderTest) -> None:
    """Check that with a large epsilon the model moves in proportion to steps, and to learning rate over epsilon.

    A wrong place of epsilon, a missing correction, momentum, decay, and any optimizer that is not Adam move otherwise.
    A beta1 of its own shows in two steps on another batch, which remember the first one.
    """
    faults = []
    for rate in RATES:
        slow, fast = (_moved(session, _at(adam, rate)) for adam in (SLOW, FAST))
        longer, faster = (_ratio(_norm(one), _norm(other)) for one, other in ((slow[3], slow[1]), (fast[3], slow[3])))
        wrong = _forgetting(slow)
        if max(abs(longer - 2), abs(faster - 2)) > 2 * CURVED:
            wrong = (
                f"four steps moved the model {longer:.3g} times as far as two, and twice the learning rate over "
                f"epsilon {faster:.3g} times as far; both should be 2"
            )
        if not wrong:
            return
        faults.append(f"with an epsilon of 1e4, so that Adam follows the gradient, {wrong}")
    raise Broken(f"{faults[0]}; {ADVICE}")


def _forgetting(moved: list[Any]) -> str:
    """Deviation of the steps on a second batch from those of the stated beta1.

    Steps on the first batch move the model by `a`. With gradients that stay as they are, step t on the second one
    differs from `a` by `(1 - beta1^n) / (1 - beta1^t)` times the contribution of the second batch, n being its steps so
    far. The ratio of two such differences depends on beta1 alone.
    """
    steady = moved[STEPS - 1] / STEPS
    turns = [moved[step] - moved[step - 1] - steady for step in (STEPS, STEPS + 1)]
    if _norm(turns[1]) < APART * _norm(steady):
        return ""
    beta1 = SLOW.beta1
    wanted = (1 + beta1) * (1 - beta1 ** (STEPS + 1)) / (1 - beta1 ** (STEPS + 2))
    found = _ratio(float(turns[1] @ turns[0]), float(turns[0] @ turns[0]))
    if abs(found - wanted) <= CURVED * wanted:
        return ""
    return f"two steps on another batch turned it {found:.3g} times as far as one; with the stated beta1 {wanted:.3g}"


def _at(adam: Adam, rate: float) -> Adam:
    return msgspec.structs.replace(adam, epsilon=adam.epsilon / rate)


def _moved(session: ModelsUnderTest, adam: Adam) -> list[Any]:
    """Distances of outputs, or of parameters if they are exported, from the start after each step.

    STEPS on one batch and two on another, the same inputs with each other's targets: its gradients are quite different.
    """
    model = Model.build(session.spec, dropout=False, optimizer=adam)
    raw = model.task.batch(session.spec.seed, 0)
    other = model.stage(Batch(raw.inputs, np.roll(raw.targets, 1, axis=0)))
    start, found = _state(model), []
    for batch in (*(model.stage(raw),) * STEPS, *(other,) * 2):
        model.train(batch)
        found.append(_state(model) - start)
    return found


def _state(model: Model) -> Any:
    exported: Mapping[str, Any] = model.parameters() or {"outputs": model.outputs()}
    return np.concatenate([np.ravel(exported[name]).astype(np.float64) for name in sorted(exported)])


def _ratio(one: float, other: float) -> float:
    return one / other if other else math.inf


def _first_step(session: ModelsUnderTest) -> None:
    """Check that with a small epsilon the first step moves all that has a gradient by the learning rate."""
    model = Model.build(session.spec, dropout=False, optimizer=SHARP)
    start = _state(model)
    model.train(model.batch(0))
    furthest = float(np.abs(_state(model) - start).max())
    require(
        abs(furthest - SHARP.learning_rate) <= 0.01 * SHARP.learning_rate,
        f"the first step at a learning rate of {SHARP.learning_rate:g} moved a parameter by {furthest:.4g}; {ADVICE}",
    )
