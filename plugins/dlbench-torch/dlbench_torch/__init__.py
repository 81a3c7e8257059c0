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

mlp = plugin(_mlp)
cnn = plugin(_cnn)
rnn = plugin(_recurrent, slots=mapping.rnn_slot)
lstm = plugin(_recurrent, slots=mapping.lstm_slot)
gru = plugin(_recurrent, slots=mapping.gru_slot)
transformer = plugin(_transformer)
gan = plugin(_gan, whole=True)
