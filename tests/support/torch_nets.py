"""A module of PyTorch that the core does not describe, built as a plugin, with its batches and a loop by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from dlbench.plugin import SGD, Adam, AdamW, ArraySpec, Batch, BuildRequest, Signature
from dlbench.spec import Spec
from dlbench_torch import plugin

FEATURES, CLASSES, BATCH = 6, 3, 8
RULES = {
    "adam": (Adam(), lambda values: torch.optim.Adam(values, lr=1e-3)),
    "adamw": (AdamW(weight_decay=0.1), lambda values: torch.optim.AdamW(values, lr=1e-3, weight_decay=0.1)),
    "sgd": (SGD(), lambda values: torch.optim.SGD(values, lr=1e-2)),
    "sgd with momentum": (SGD(momentum=0.9), lambda values: torch.optim.SGD(values, lr=1e-2, momentum=0.9)),
}


@dataclasses.dataclass
class Found:
    hidden: torch.Tensor
    logits: torch.Tensor


class Net(nn.Module):
    """Batch norm, dropout in both of its forms, and outputs of several kinds."""

    def __init__(self, kind="one", width=5, dropout=0.5):
        super().__init__()
        self.enter, self.norm, self.leave = nn.Linear(FEATURES, width), nn.BatchNorm1d(width), nn.Linear(width, CLASSES)
        self.layer, self.attention_dropout, self.kind = nn.Dropout(dropout), dropout, kind

    def forward(self, rows, more=None):
        hidden = self.layer(functional.relu(self.norm(self.enter(rows))))
        logits = self.leave(functional.dropout(hidden, self.attention_dropout, self.training))
        logits = logits if more is None else logits + more
        kinds = {"one": logits, "dict": {"hidden": hidden, "logits": logits}, "tuple": (logits, hidden)}
        return {**kinds, "dataclass": Found(hidden, logits)}[self.kind]


def built(
    make=Net, *, path="eager", rule=None, dropout=False, loss="cross_entropy", stated=None, data="device", **signature
):
    plugged = plugin(make, **(stated or {}))()
    options = signature.pop("options", {})
    spec = Spec(
        plugin="torch.net",
        phase=signature.pop("phase", "train"),
        path=path,
        size="small",
        task="synthetic",
        batch_size=BATCH,
        threads=1,
        options=tuple(sorted(options.items())),
        data=data,
        allow_breaks=signature.pop("allow_breaks", False),
    )
    arrays = {
        "inputs": ArraySpec((BATCH, FEATURES), "float32"),
        "targets": ArraySpec((BATCH,), "int64"),
        "outputs": ArraySpec((BATCH, CLASSES), "float32"),
    }
    request = BuildRequest(spec, Signature(**{**arrays, **signature}, loss=loss), rule or SGD(), dropout=dropout)
    return plugged, plugged.build(request)


def batches(number=5, several=False):
    generator = np.random.default_rng(0)
    for _ in range(number):
        rows = generator.normal(size=(BATCH, FEATURES)).astype(np.float32)
        more = generator.normal(size=(BATCH, CLASSES)).astype(np.float32)
        yield Batch((rows, more) if several else rows, generator.integers(0, CLASSES, BATCH))


def by_hand(rule, kind="one"):
    """The same module, trained as PyTorch's own pages do it."""
    torch.manual_seed(0)
    module = Net(kind, dropout=0.0)
    optimizer, losses = rule(module.parameters()), []
    for inputs, targets in batches():
        optimizer.zero_grad()
        loss = functional.cross_entropy(module(torch.tensor(inputs)), torch.tensor(targets))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return module.eval(), losses
