"""The reference of a family of arms, in the child: the same model in its most exact form, and its answer to rounding.

The most exact is float64 (the word `fp64`), on the path eager; a plugin that has none raises Unsupported, and the next
precision is tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from dlbench.errors import DlbenchError
from dlbench.measure.build import Prepared, prepare
from dlbench.parity.probe import STEPS, probe
from dlbench.registry import adaptors
from dlbench.spec import Spec

ORACLE = "oracle/output"
"""The outputs by the core's NumPy version in float64, if the core describes the architecture."""
MORE = 4
"""Draws of a rounding after the first, where the first does not explain the losses.

Six draws moved the losses of the base gan in PyTorch by 2.8e-3 to 1.2e-2; its float32 is off by 1.4e-2.
"""


def reference_to_file(spec: Spec, path: str, precisions: Sequence[str], roundings: Sequence[float]) -> str:
    """Probe the first of these precisions that the plugin can build, and return it; the arrays go to an .npz file.

    Their names are `output`, `gradient/NAME`, `parameter/NAME` and `losses`; with each of the roundings before them
    (`0.0078125/output`) they are of the same model whose parameters were each moved up or down by that share. Raises
    the plugin's exception for the last precision.
    """
    for precision in precisions:
        asked = msgspec.structs.replace(spec, precision=precision)
        try:
            prepared = _prepared(asked)
            found = probe(prepared, STEPS, gradients=True)
        except Exception:
            if precision == precisions[-1]:
                raise
            continue
        found |= _by_oracle(prepared)
        for rounding in roundings:
            moved = probe(_prepared(asked), STEPS, gradients=True, nudge=partial(nudged, rounding))
            found |= {f"{rounding}/{name}": array for name, array in moved.items()}
        np.savez(path, **found)
        return precision
    raise DlbenchError("no precision was named")


def moved_losses_to_file(spec: Spec, path: str, roundings: Sequence[float]) -> str:
    """Write the losses of MORE draws of each rounding to an .npz file, as `ROUNDING/losses/DRAW`.

    Returns the precision.
    """
    found = {
        f"{rounding}/losses/{draw}": probe(
            _prepared(spec), STEPS, gradients=False, nudge=partial(nudged, rounding, draw=draw)
        )["losses"]
        for rounding in roundings
        for draw in range(1, MORE + 1)
    }
    np.savez(path, **found)
    return spec.precision


def nudged(share: float, parameters: Mapping[str, Any], draw: int = 0) -> dict[str, Any]:
    """The parameters, each moved up or down by this share of itself, by a coin of its own in each draw."""
    coin = np.random.default_rng(draw)
    return {
        name: np.asarray(array * (1 + share * coin.choice([-1.0, 1.0], np.shape(array))), np.float32)
        for name, array in parameters.items()
    }


def _prepared(spec: Spec) -> Prepared:
    return prepare(spec, adaptors.load_plugin(spec))


def _by_oracle(prepared: Prepared) -> dict[str, Any]:
    request = prepared.request
    if request.configuration is None or request.parameters is None:
        return {}
    inputs = prepared.task.batch(request.spec.seed, 0).inputs
    outputs = request.configuration.forward(request.parameters, inputs, request.signature)
    return {ORACLE: np.asarray(outputs)}
