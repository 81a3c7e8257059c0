"""The architectures of dlbench in TensorFlow: one factory an architecture, named in this package's entry points."""

from __future__ import annotations

from dlbench_tf.model import TFModel
from dlbench_tf.transformer import make_forward as _transformer

__all__ = ["TFModel", "transformer"]


def transformer() -> TFModel:
    """The plugin `tf.transformer`."""
    return TFModel(_transformer)
