"""The architectures of dlbench in PyTorch: one factory an architecture, named in this package's entry points."""

from __future__ import annotations

from dlbench_torch import mapping
from dlbench_torch.cnn import make_module as _cnn
from dlbench_torch.gan import make_module as _gan
from dlbench_torch.mlp import make_module as _mlp
from dlbench_torch.model import TorchModel
from dlbench_torch.recurrent import make_module as _recurrent
from dlbench_torch.transformer import make_module as _transformer

__all__ = ["TorchModel", "cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer"]


def mlp() -> TorchModel:
    """The plugin `torch.mlp`."""
    return TorchModel(_mlp)


def cnn() -> TorchModel:
    """The plugin `torch.cnn`."""
    return TorchModel(_cnn)


def rnn() -> TorchModel:
    """The plugin `torch.rnn`."""
    return TorchModel(_recurrent, mapping.rnn_slot)


def lstm() -> TorchModel:
    """The plugin `torch.lstm`."""
    return TorchModel(_recurrent, mapping.lstm_slot)


def gru() -> TorchModel:
    """The plugin `torch.gru`."""
    return TorchModel(_recurrent, mapping.gru_slot)


def transformer() -> TorchModel:
    """The plugin `torch.transformer`."""
    return TorchModel(_transformer)


def gan() -> TorchModel:
    """The plugin `torch.gan`."""
    return TorchModel(_gan)
