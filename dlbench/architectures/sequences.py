"""Both ends of a sequence model: the embedding of tokens or features as rows, and the rows that its outputs come from.

The task decides: tokens (batch, time) are looked up in `embedding/tokens` (vocabulary, width); features (batch, time,
features) go through the dense layer `embedding` if a model needs its own width, and straight in otherwise.
Outputs (batch, time, ...) come from every row, outputs (batch, ...) from one for the whole sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlbench.architectures.initializers import Initial, dense
from dlbench.architectures.layers import Doubles, affine
from dlbench.plugin import Signature


def embedding(signature: Signature, width: int, *, project: bool) -> dict[str, Initial]:
    """Parameters of the entrance; features need none unless they are to be projected."""
    if signature.vocabulary is not None:
        return {"embedding/tokens": Initial((signature.vocabulary, width), "embedding")}
    return dense("embedding", signature.inputs.shape[-1], width) if project else {}


def embed_inputs(p: Mapping[str, Doubles], inputs: Any) -> Doubles:
    """Rows (batch, time, width or features)."""
    if "embedding/tokens" in p:
        return np.asarray(p["embedding/tokens"][inputs])
    rows = np.asarray(inputs, np.float64)
    return affine(p, "embedding", rows) if "embedding/kernel" in p else rows


def pools_over_time(signature: Signature) -> bool:
    """True if the outputs are one row a sequence, rather than one a time step."""
    return len(signature.outputs.shape) == 2
