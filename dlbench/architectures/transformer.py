"""A post-norm transformer block (Vaswani et al., 2017), stacked, between an embedding and a dense layer.

It takes sequences of tokens or of features, and gives outputs for every step or, of the mean over time, for the whole.

Canonical parameters, all float32, kernels as (inputs, outputs):

    embedding/tokens      (vocabulary, width); of features embedding/kernel (features, width) and /bias
    embedding/positions   (time, width)
    block{i}/query/kernel (width, heads * key_dim) and /bias; likewise key, value
    block{i}/projection/kernel (heads * key_dim, width) and /bias
    block{i}/norm1/scale, /offset (width)          block{i}/norm2/scale, /offset (width)
    block{i}/expand/kernel (width, feed_forward), /bias; block{i}/contract/kernel (feed_forward, width), /bias
    output/kernel         (width, outputs), /bias

Columns of query, key and value are heads one after the other. Forward, with dropout after projection and contract:

    h = tokens[x] + positions                                  of features: x kernel + bias + positions
    h = norm1(h + dropout(projection(softmax(q k^T / sqrt(key_dim), causal mask) v)))
    h = norm2(h + dropout(contract(relu(expand(h)))))          for every block
    h = mean of h over time                                    where the outputs are one row a sequence
    outputs = h output/kernel + output/bias
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlbench.architectures.initializers import Floats, Initial, dense, draw
from dlbench.architectures.layers import Doubles, affine, doubles, relu
from dlbench.architectures.sequences import embed_inputs, embedding, pools_over_time
from dlbench.plugin import Signature

DEFAULT_TASK = "text"


class Transformer(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks and their widths, and this size's number of tokens; the task may have sequences of its own."""

    blocks: int
    width: int
    heads: int
    key_dim: int
    feed_forward: int
    sequence: int
    batch_size: int
    dropout: float = 0.1
    norm_epsilon: float = 1e-6

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Tokens of one sample."""
        return (self.sequence,)

    def initials(self, signature: Signature) -> dict[str, Initial]:
        """Shape and rule of every parameter."""
        width, inner = self.width, self.heads * self.key_dim
        initials = embedding(signature, width, project=True)
        initials["embedding/positions"] = Initial((signature.inputs.shape[1], width), "embedding")
        for block in range(self.blocks):
            for name in ("query", "key", "value"):
                initials |= dense(f"block{block}/{name}", width, inner)
            initials |= dense(f"block{block}/projection", inner, width) | _norm(f"block{block}/norm1", width)
            initials |= dense(f"block{block}/expand", width, self.feed_forward)
            initials |= dense(f"block{block}/contract", self.feed_forward, width) | _norm(f"block{block}/norm2", width)
        return initials | dense("output", width, signature.outputs.shape[-1])

    def initial_parameters(self, signature: Signature, seed: int) -> dict[str, Floats]:
        """Initial values by canonical name; same seed, same values."""
        return draw(self.initials(signature), seed)

    def flops_per_step(self, signature: Signature) -> float:
        """Two per multiply-add of every matrix product, three times for forward and backward; the rest is left out.

        Attention is counted whole, as the masked half is computed by most implementations.
        """
        (batch, steps), inner = signature.inputs.shape[:2], self.heads * self.key_dim
        kernels = self.blocks * (4 * self.width * inner + 2 * self.width * self.feed_forward)
        if signature.vocabulary is None:
            kernels += signature.inputs.shape[-1] * self.width
        attention = self.blocks * 2 * steps * inner
        rows = batch if pools_over_time(signature) else batch * steps
        outputs = rows * self.width * signature.outputs.shape[-1]
        return 3.0 * 2.0 * (batch * steps * (kernels + attention) + outputs)

    def forward(self, parameters: Mapping[str, Any], inputs: Any, signature: Signature) -> Floats:
        """Outputs (batch, time, outputs) or (batch, outputs) without dropout, computed in float64."""
        p = doubles(parameters)
        h = embed_inputs(p, inputs) + p["embedding/positions"]
        for block in range(self.blocks):
            prefix = f"block{block}"
            h = self._normalise(p, f"{prefix}/norm1", h + self._attend(p, prefix, h, signature.causal))
            hidden = relu(affine(p, f"{prefix}/expand", h))
            h = self._normalise(p, f"{prefix}/norm2", h + affine(p, f"{prefix}/contract", hidden))
        h = h.mean(axis=1) if pools_over_time(signature) else h
        return affine(p, "output", h).astype(np.float32)

    def _attend(self, p: Mapping[str, Doubles], prefix: str, h: Doubles, causal: bool) -> Doubles:
        def heads(name: str) -> Doubles:
            flat = affine(p, f"{prefix}/{name}", h)
            return flat.reshape(*flat.shape[:2], self.heads, self.key_dim).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(self.key_dim)
        if causal:
            scores = np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = weights / weights.sum(axis=-1, keepdims=True) @ heads("value")
        joined = mixed.transpose(0, 2, 1, 3).reshape(*h.shape[:2], -1)
        return affine(p, f"{prefix}/projection", joined)

    def _normalise(self, p: Mapping[str, Doubles], name: str, h: Doubles) -> Doubles:
        centred = h - h.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.norm_epsilon)
        return np.asarray(centred / deviation * p[f"{name}/scale"] + p[f"{name}/offset"])


SIZES = {
    "small": Transformer(blocks=1, width=32, heads=2, key_dim=32, feed_forward=32, sequence=64, batch_size=32),
    "base": Transformer(blocks=4, width=256, heads=4, key_dim=64, feed_forward=1024, sequence=128, batch_size=16),
    "large": Transformer(blocks=12, width=1024, heads=16, key_dim=64, feed_forward=4096, sequence=256, batch_size=32),
}


def _norm(name: str, width: int) -> dict[str, Initial]:
    return {f"{name}/scale": Initial((width,), "ones"), f"{name}/offset": Initial((width,), "zeros")}
