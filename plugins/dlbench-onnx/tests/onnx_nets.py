"""Modules of PyTorch for the tests of `--model`; found by their path, as a user's own are."""

import torch
from torch import nn


class Net(nn.Module):
    """A perceptron with a batch norm, which keeps running statistics."""

    def __init__(self, hidden: int = 16):
        super().__init__()
        self.inner, self.norm, self.outer = nn.Linear(8, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 3)

    def forward(self, x):
        return self.outer(torch.relu(self.norm(self.inner(x))))


class Inexpressible(nn.Module):
    """Eigenvalues, which ONNX has no operator for."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x):
        rows = self.inner(x)
        return torch.linalg.eigvals(rows[:, :, None] * rows[:, None, :]).real
