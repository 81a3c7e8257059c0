"""Global settings of Keras for a Spec: seed, precision, layout; never those of a file in the user's home."""

from __future__ import annotations

import random

import keras
import numpy as np

from dlbench.plugin import Spec
from dlbench_keras.backends import Backend

POLICIES = {"fp32": "float32", "bf16": "mixed_bfloat16"}
"""Keras's dtype policies."""


def start(spec: Spec, backend: Backend) -> None:
    """Start from the Spec's seed and precision, with the layout and type of numbers that Keras has by default.

    Not by `keras.utils.set_random_seed`, which imports TensorFlow wherever it is installed.
    """
    keras.utils.clear_session(free_memory=False)  # names of layers are counted from 1 again
    random.seed(spec.seed)
    np.random.seed(spec.seed)
    backend.seed(spec.seed)
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy(POLICIES[spec.precision])
