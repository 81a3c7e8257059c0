"""The parity probe, in the child: parameters, outputs, gradients and the losses of the first steps of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import numpy as np

from dlbench.errors import ContractViolation, Unsupported, words
from dlbench.measure import phases, reported
from dlbench.measure.build import Prepared, batch_of_call, build_checked, prepare, stage
from dlbench.measure.divergence import to_numbers
from dlbench.parity import conversion
from dlbench.plugin import Batch, BuildRequest, ComputesGradients, ExchangesParameters, ModelPlugin
from dlbench.registry import adaptors
from dlbench.spec import Spec

STEPS = 20
PERTURBATION = np.float32(2.0**-20)
"""Relative change of each parameter to show the effect of rounding on training: some units in the last place.

About as much as the sums of a convolution differ that two kernels take in another order. One unit is too little to push
a ReLU over its edge as those do: the base cnn's losses then move by 2e-5 and less in 20 steps in three seeds of four,
and by 1e-4 to 1.6e-3 with eight, while two compilers differ by up to 7e-4. Chosen from 1, 8 and 64 units on these seeds
of the base cnn, after one unit had refused it: for that model it is no independent proof.
"""

Look = Literal["all", "without gradients", "gradients", "moved"]
"""Arrays to look at; `gradients` are those alone, with the parameters that they belong to."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})
CAPABILITIES = {
    ExchangesParameters: "export_parameters() and import_parameters()",
    ComputesGradients: "gradients()",
}


def probe_to_file(spec: Spec, seeds: Sequence[int], path: str, *, look: Look, baseline: str = "") -> None:
    """Build without dropout for every seed, and write the arrays that parity compares to an .npz file.

    Their names are `SEED/parameter/NAME`, `SEED/output`, `SEED/gradient/NAME`, `SEED/state/NAME`, `SEED/losses` and
    `SEED/FLOPs`; of the look `moved` they are `SEED/moved` alone, the losses from parameters that are changed in their
    last bits. `baseline` is the file of another model, whose state the Spec's `convert` turns into this one's: its
    parameters and gradients by the names of this one are `SEED/baseline/parameter/NAME` and so on. Raises Unsupported
    naming the capability that the plugin lacks.
    """
    found: dict[str, Any] = {}
    for seed in seeds:
        plugin = adaptors.load_plugin(spec)
        prepared = prepare(phases.possible(msgspec.structs.replace(spec, seed=seed), plugin), plugin)
        other = _of_baseline(baseline, seed)
        found |= {f"{seed}/{name}": array for name, array in _of_seed(prepared, look, other).items()}
    np.savez(path, **found)


def _of_seed(prepared: Prepared, look: Look, baseline: Mapping[str, Any]) -> dict[str, Any]:
    match look:
        case "moved":
            return {"moved": perturbed_losses(prepared, STEPS, baseline)}
        case "gradients":
            return first_gradients(prepared)
    return probe(prepared, STEPS, baseline, gradients=look == "all")


def _of_baseline(path: str, seed: int) -> dict[str, Any]:
    """The arrays of a seed in the file of another model; none if there is no file."""
    if not path:
        return {}
    with np.load(path, allow_pickle=False) as file:
        return {name.removeprefix(f"{seed}/"): file[name] for name in file.files if name.startswith(f"{seed}/")}


def probe(
    prepared: Prepared,
    steps: int,
    baseline: Mapping[str, Any] = _NOTHING,
    *,
    gradients: bool,
    nudge: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Build without dropout and look at the model; the parameters are those that it exports before the first step.

    Without `gradients` nothing tells state from parameters, and all arrays after the first call count as state. `nudge`
    changes them before anything is looked at. Of a plugin that has no phase which trains it shows parameters, outputs
    and FLOPs.
    """
    plugin, request = prepared.plugin, without_dropout(prepared.request)
    spec, task = request.spec, prepared.task
    require_capabilities(plugin, spec.plugin, trains=spec.trains)
    build_checked(plugin, request)
    assert isinstance(plugin, ExchangesParameters)
    of_other = _take_over(plugin, spec, baseline)
    if nudge is not None:
        plugin.import_parameters(nudge(plugin.export_parameters()))
    first = stage(plugin, spec, task.batch(spec.seed, 0))
    found = _named(spec.plugin, "parameter", plugin.export_parameters())
    found["output"] = np.array(
        reported.array(spec.plugin, "predict must return an array", plugin.predict(first.inputs), "returned")
    )
    if spec.trains:
        of_other |= _trained(prepared, found, steps, baseline, first if gradients else None)
    if (counted := _flops(prepared, first)) is not None:
        found["FLOPs"] = counted
    _check_finite(found, spec.plugin)
    return found | {f"baseline/{name}": array for name, array in of_other.items()}


def first_gradients(prepared: Prepared) -> dict[str, Any]:
    """Build without dropout and look at the gradients of the first batch, for which nothing else is compiled."""
    plugin, request = prepared.plugin, without_dropout(prepared.request)
    spec = request.spec
    require_capabilities(plugin, spec.plugin)
    build_checked(plugin, request)
    assert isinstance(plugin, ExchangesParameters)
    assert isinstance(plugin, ComputesGradients)
    found = _named(spec.plugin, "parameter", plugin.export_parameters())
    first = stage(plugin, spec, prepared.task.batch(spec.seed, 0))
    found |= _named(spec.plugin, "gradient", plugin.gradients(first))
    _check_finite(found, spec.plugin)
    return found


def _trained(
    prepared: Prepared, found: dict[str, Any], steps: int, baseline: Mapping[str, Any], first: Batch | None
) -> dict[str, Any]:
    """Add all that training shows to `found`, gradients of the first batch if it is given; returns the other's."""
    plugin, spec = prepared.plugin, prepared.request.spec
    of_other: dict[str, Any] = {}
    assert isinstance(plugin, ExchangesParameters)
    assert isinstance(plugin, ComputesGradients)
    if first is not None:
        found |= _named(spec.plugin, "gradient", plugin.gradients(first))
        of_other |= _gradients_of(spec, baseline, found)
    begun = _losses_of_call(prepared, 0)
    found |= _named(spec.plugin, "state", _state(plugin, found))
    of_other |= _state_of(spec, baseline, found)
    found["losses"] = _losses(prepared, steps, begun)
    return of_other


def _flops(prepared: Prepared, first: Batch) -> Any:
    """FLOPs of a training step: three times those of a forward pass; None if nobody counts them."""
    request = prepared.request
    if request.configuration is not None:
        return np.array(request.configuration.flops_per_step(request.signature))
    counted = reported.flops(request.spec.plugin, prepared.plugin, first)
    return None if counted is None else np.array(3 * counted)


def perturbed_losses(prepared: Prepared, steps: int, baseline: Mapping[str, Any] = _NOTHING) -> Any:
    """The losses from parameters each moved up or down by PERTURBATION, by a coin of the arm's own."""
    request = without_dropout(prepared.request)
    coin = np.random.default_rng(list(request.spec.label.encode()))
    signs = np.array([-1, 1], np.float32)

    def moved(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: array * (1 + PERTURBATION * coin.choice(signs, np.shape(array))) for name, array in given.items()}

    if request.parameters is not None:
        build_checked(prepared.plugin, replace(request, parameters=moved(request.parameters)))
        return _losses(prepared, steps)
    build_checked(prepared.plugin, request)
    assert isinstance(prepared.plugin, ExchangesParameters)
    _take_over(prepared.plugin, request.spec, baseline)
    prepared.plugin.import_parameters(moved(prepared.plugin.export_parameters()))
    return _losses(prepared, steps)


def _take_over(plugin: ExchangesParameters, spec: Spec, baseline: Mapping[str, Any]) -> dict[str, Any]:
    """Import another model's state, converted; returns it by the names of this model."""
    if not baseline:
        return {}
    state = conversion.converted(_convert(spec), _part(baseline, "parameter"), plugin.export_parameters())
    plugin.import_parameters(state)
    return _named(spec.plugin, "parameter", state)


def _gradients_of(spec: Spec, baseline: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The other model's gradients by the names of those that this model has."""
    if not _part(baseline, "gradient"):
        return {}
    state, own = _part(baseline, "parameter"), _part(found, "gradient")
    gradients = conversion.converted_gradients(
        _convert(spec), _part(baseline, "gradient"), state, _part(found, "parameter")
    )
    return _named(spec.plugin, "gradient", {name: gradients[name] for name in own})


def _state(plugin: ExchangesParameters, found: Mapping[str, Any]) -> dict[str, Any]:
    """The exported arrays that have no gradient, such as the running mean of a batch normalisation, as they are now."""
    return {name: one for name, one in plugin.export_parameters().items() if f"gradient/{name}" not in found}


def _state_of(spec: Spec, baseline: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The other model's state after the first step, by the names of this model's."""
    if not baseline:
        return {}
    state = {**_part(baseline, "parameter"), **_part(baseline, "state")}
    converted = conversion.converted(_convert(spec), state, _part(found, "parameter"))
    return _named(spec.plugin, "state", {name: converted[name] for name in _part(found, "state")})


def _convert(spec: Spec) -> str:
    assert spec.model is not None
    return spec.model.convert


def _part(arrays: Mapping[str, Any], kind: str) -> dict[str, Any]:
    prefix = f"{kind}/"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _losses(prepared: Prepared, steps: int, *begun: Any) -> Any:
    """Losses of the plugin's first steps, float64; those of earlier calls are given."""
    calls = range(len(begun), -(-steps // prepared.request.spec.steps_per_call))
    return np.concatenate([*begun, *(_losses_of_call(prepared, call) for call in calls)])[:steps]


def _losses_of_call(prepared: Prepared, call: int) -> Any:
    """Losses of each step of a call, float64."""
    plugin, spec = prepared.plugin, prepared.request.spec
    batch = stage(plugin, spec, batch_of_call(prepared.task, spec, call))
    losses = np.array(to_numbers(plugin.train_step(batch)), np.float64)
    return losses[None] if spec.steps_per_call == 1 else losses


def without_dropout(request: BuildRequest) -> BuildRequest:
    """The same request without dropout, which of an architecture that the core describes is set to 0."""
    if not hasattr(request.configuration, "dropout"):
        return replace(request, dropout=False)
    return replace(request, configuration=msgspec.structs.replace(request.configuration, dropout=0.0), dropout=False)


def require_capabilities(plugin: ModelPlugin, name: str, *, trains: bool = True) -> None:
    """Raise Unsupported that names the missing capability and the way to add it."""
    for capability, methods in CAPABILITIES.items():
        if not isinstance(plugin, capability) and (trains or capability is not ComputesGradients):
            raise Unsupported(
                f"{name} lacks the capability {capability.__name__}, which parity needs; add {methods} to the plugin "
                f"as dlbench.plugin.{capability.__name__} describes"
            )


def _named(plugin: str, kind: str, arrays: object) -> dict[str, Any]:
    if not isinstance(arrays, Mapping):
        raise ContractViolation(f"{plugin}: {kind}s must come as arrays by name, got {words.shown(arrays)}")
    return {
        f"{kind}/{name}": reported.array(plugin, f"{kind} {words.shown(name)} must be an array", value)
        for name, value in arrays.items()
    }


def _check_finite(found: Mapping[str, Any], plugin: str) -> None:
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise ContractViolation(f"plugin {plugin}: {name} holds values that are not finite; nothing to compare")
