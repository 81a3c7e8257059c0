"""The architectures of dlbench in TensorFlow: one factory an architecture, named in this package's entry points."""

from __future__ import annotations

from dlbench_tf.cnn import make_forward as _cnn
from dlbench_tf.gan import make_forward as _gan
from dlbench_tf.mlp import make_forward as _mlp
from dlbench_tf.model import TFModel
from dlbench_tf.recurrent import make_forward as _recurrent
from dlbench_tf.transformer import make_forward as _transformer

__all__ = ["TFModel", "cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer"]


def mlp() -> TFModel:
    """The plugin `tf.mlp`."""
    return TFModel(_mlp)


def cnn() -> TFModel:
    """The plugin `tf.cnn`."""
    return TFModel(_cnn)


def rnn() -> TFModel:
    """The plugin `tf.rnn`."""
    return TFModel(_recurrent)


def lstm() -> TFModel:
    """The plugin `tf.lstm`."""
    return TFModel(_recurrent)


def gru() -> TFModel:
    """The plugin `tf.gru`."""
    return TFModel(_recurrent)


def transformer() -> TFModel:
    """The plugin `tf.transformer`."""
    return TFModel(_transformer)


def gan() -> TFModel:
    """The plugin `tf.gan`."""
    return TFModel(_gan)
