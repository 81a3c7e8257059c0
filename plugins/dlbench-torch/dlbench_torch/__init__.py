"""The architectures of dlbench in PyTorch, each named in this package's entry points, and a kit for any module."""

from __future__ import annotations

from dlbench_torch import mapping
from dlbench_torch.cnn import make_module as _cnn
from dlbench_torch.gan import make_module as _gan
from dlbench_torch.kit import plugin
from dlbench_torch.mlp import make_module as _mlp
from dlbench_torch.model import TorchModel
from dlbench_torch.recurrent import make_module as _recurrent
from dlbench_torch.transformer import make_module as _transformer

__all__ = ["TorchModel", "cnn", "gan", "gru", "lstm", "mlp", "plugin", "rnn", "transformer"]

mlp = plugin(_mlp, whole=True)
cnn = plugin(_cnn, whole=True)
rnn = plugin(_recurrent, slots=mapping.rnn_slot, whole=True)
lstm = plugin(_recurrent, slots=mapping.lstm_slot, whole=True)
gru = plugin(_recurrent, slots=mapping.gru_slot, whole=True)
transformer = plugin(_transformer, whole=True)
gan = plugin(_gan, whole=True)
