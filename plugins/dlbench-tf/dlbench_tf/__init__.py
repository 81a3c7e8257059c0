"""The architectures of dlbench in TensorFlow: one factory an architecture, named in this package's entry points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dlbench.plugin import BuildRequest, Description, Spec
from dlbench_tf.cnn import make_forward as _cnn
from dlbench_tf.functional import FunctionalNetwork
from dlbench_tf.gan import make_forward as _gan
from dlbench_tf.kit import plugin
from dlbench_tf.layers import Forward
from dlbench_tf.mlp import make_forward as _mlp
from dlbench_tf.model import TFModel
from dlbench_tf.recurrent import make_forward as _recurrent
from dlbench_tf.transformer import make_forward as _transformer

__all__ = ["TFModel", "cnn", "gan", "gru", "lstm", "mlp", "plugin", "rnn", "transformer"]


def _own(make_forward: Callable[[BuildRequest], Forward]) -> TFModel:
    return TFModel(partial(FunctionalNetwork, make_forward), _described)


def _described(spec: Spec) -> Description:
    return Description(framework="tf", architecture=spec.architecture, paths=("eager", "graph", "jit"))


def mlp() -> TFModel:
    """The plugin `tf.mlp`."""
    return _own(_mlp)


def cnn() -> TFModel:
    """The plugin `tf.cnn`."""
    return _own(_cnn)


def rnn() -> TFModel:
    """The plugin `tf.rnn`."""
    return _own(_recurrent)


def lstm() -> TFModel:
    """The plugin `tf.lstm`."""
    return _own(_recurrent)


def gru() -> TFModel:
    """The plugin `tf.gru`."""
    return _own(_recurrent)


def transformer() -> TFModel:
    """The plugin `tf.transformer`."""
    return _own(_transformer)


def gan() -> TFModel:
    """The plugin `tf.gan`."""
    return _own(_gan)
