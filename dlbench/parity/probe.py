"""The parity probe, in the child: parameters, outputs, gradients and the losses of the first steps of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from dlbench.errors import ContractViolation, Unsupported, words
from dlbench.measure import reported
from dlbench.measure.build import Prepared, batch_of_call, build_checked, prepare, stage
from dlbench.measure.divergence import to_numbers
from dlbench.plugin import BuildRequest, ComputesGradients, ExchangesParameters, ModelPlugin
from dlbench.registry import adaptors
from dlbench.spec import Spec

PERTURBATION = np.float32(2.0**-20)
"""What share of itself each parameter moves by, to see what rounding does to training: some units in the last place.

About as much as the sums of a convolution differ that two kernels take in another order. One unit is too little to push
a ReLU over its edge as those do: the base cnn's losses then move by 2e-5 and less in 20 steps in three seeds of four,
and by 1e-4 to 1.6e-3 with eight, where two compilers differ by up to 7e-4. Chosen of 1, 8 and 64 units on these seeds
of the base cnn, after one unit had refused it: what it says of that model is no independent proof.
"""

CAPABILITIES = {
    ExchangesParameters: "export_parameters() and import_parameters()",
    ComputesGradients: "gradients()",
}


def probe_to_file(
    spec: Spec, seeds: Sequence[int], steps: int, path: str, *, gradients: bool, moved: bool = False
) -> None:
    """Build without dropout for every seed, and write the arrays that parity compares to an .npz file.

    Their names are `SEED/parameter/NAME`, `SEED/output`, `SEED/gradient/NAME`, `SEED/losses` and `SEED/FLOPs`; with
    `moved` they are `SEED/moved` alone, the losses from parameters that are changed in their last bits. Raises
    Unsupported naming the capability that the plugin lacks.
    """
    found: dict[str, Any] = {}
    for seed in seeds:
        prepared = prepare(msgspec.structs.replace(spec, seed=seed), adaptors.load_plugin(spec))
        of_seed = {"moved": perturbed_losses(prepared, steps)} if moved else probe(prepared, steps, gradients=gradients)
        found |= {f"{seed}/{name}": array for name, array in of_seed.items()}
    np.savez(path, **found)


def probe(prepared: Prepared, steps: int, *, gradients: bool) -> dict[str, Any]:
    """Build without dropout and look at the model; the parameters are those that it exports before the first step."""
    plugin, request = prepared.plugin, without_dropout(prepared.request)
    require_capabilities(plugin, request.spec.plugin)
    if request.configuration is None:
        name = request.spec.architecture
        raise Unsupported(f"{request.spec.plugin}: parity needs an architecture that dlbench describes; {name} is none")
    build_checked(plugin, request)
    assert isinstance(plugin, ExchangesParameters)
    assert isinstance(plugin, ComputesGradients)
    spec, task = request.spec, prepared.task
    first = stage(plugin, spec, task.batch(spec.seed, 0))
    found = _named(spec.plugin, "parameter", plugin.export_parameters())
    found["output"] = np.array(
        reported.array(spec.plugin, "predict must return an array", plugin.predict(first.inputs))
    )
    found |= _named(spec.plugin, "gradient", plugin.gradients(first)) if gradients else {}
    found["losses"] = _losses(prepared, steps)
    found["FLOPs"] = np.array(request.configuration.flops_per_step(request.signature))
    _check_finite(found, request.spec.plugin)
    return found


def perturbed_losses(prepared: Prepared, steps: int) -> Any:
    """The losses from parameters each moved up or down by MOVE, by a coin of the arm's own."""
    request = without_dropout(prepared.request)
    coin = np.random.default_rng(list(request.spec.label.encode()))
    given = request.parameters or {}
    signs = np.array([-1, 1], np.float32)
    moved = {name: array * (1 + PERTURBATION * coin.choice(signs, np.shape(array))) for name, array in given.items()}
    build_checked(prepared.plugin, replace(request, parameters=moved))
    return _losses(prepared, steps)


def _losses(prepared: Prepared, steps: int) -> Any:
    """Of the first steps of the plugin as it stands, float64."""
    plugin, spec = prepared.plugin, prepared.request.spec
    calls = range(-(-steps // spec.steps_per_call))
    batches = [stage(plugin, spec, batch_of_call(prepared.task, spec, call)) for call in calls]
    losses = np.array([to_numbers(plugin.train_step(batch)) for batch in batches], np.float64)
    return (losses if spec.steps_per_call == 1 else np.concatenate(losses))[:steps]


def without_dropout(request: BuildRequest) -> BuildRequest:
    """The same request without dropout, which of an architecture that the core describes is set to 0."""
    if not hasattr(request.configuration, "dropout"):
        return replace(request, dropout=False)
    return replace(request, configuration=msgspec.structs.replace(request.configuration, dropout=0.0), dropout=False)


def require_capabilities(plugin: ModelPlugin, name: str) -> None:
    """Raise Unsupported that names the capability which is missing, and how to add it."""
    for capability, methods in CAPABILITIES.items():
        if not isinstance(plugin, capability):
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
