"""The core's transformer (`dlbench.architectures.transformer`)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.architectures.sequences import pools_over_time
from dlbench.architectures.transformer import Transformer
from dlbench.plugin import BuildRequest, Signature
from dlbench.plugin_kit import require_task
from dlbench_torch.layers import Embedding


class Block(nn.Module):
    """Attention and a feed-forward network, each added to its input and normalised."""

    def __init__(self, model: Transformer, *, causal: bool) -> None:
        super().__init__()
        inner, width = model.heads * model.key_dim, model.width
        self.query, self.key, self.value = (nn.Linear(width, inner) for _ in range(3))
        self.projection = nn.Linear(inner, width)
        self.expand, self.contract = nn.Linear(width, model.feed_forward), nn.Linear(model.feed_forward, width)
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=model.norm_epsilon) for _ in range(2))
        self._heads, self._dropout, self._causal = model.heads, model.dropout, causal

    def forward(self, rows: Tensor) -> Tensor:
        """(batch, sequence, width) to the same."""
        attended = F.dropout(self._attend(rows), self._dropout, self.training)
        rows = self.norm1(rows + attended)
        fed = F.dropout(self.contract(F.relu(self.expand(rows))), self._dropout, self.training)
        return self.norm2(rows + fed)  # type: ignore[no-any-return]  # modules are untyped callables

    def _attend(self, rows: Tensor) -> Tensor:
        query, key, value = (
            layer(rows).unflatten(-1, (self._heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self._causal)
        return self.projection(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Blocks(nn.Module):
    """Embedding, blocks, and a linear layer for every position or for their mean."""

    def __init__(self, model: Transformer, signature: Signature) -> None:
        super().__init__()
        self.embedding = Embedding(signature, model.width, positions=True)
        self._blocks = [f"block{number}" for number in range(model.blocks)]
        for name in self._blocks:
            self.add_module(name, Block(model, causal=signature.causal))
        self.output = nn.Linear(model.width, signature.outputs.shape[-1])
        self._pooled = pools_over_time(signature)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (batch, time, outputs), or (batch, outputs) if the task wants one row a sequence."""
        rows = self.embedding(inputs)
        for name in self._blocks:
            rows = self.get_submodule(name)(rows)
        return self.output(rows.mean(1) if self._pooled else rows)  # type: ignore[no-any-return]


def make_module(request: BuildRequest) -> nn.Module:
    """A module for sequences of the request's shape. Raises Unsupported for anything else."""
    what = "sequences (batch, time, features) or tokens (batch, time)"
    require_task(request, 3, what, tokens=True, steps=True)
    return Blocks(request.configuration, request.signature)
