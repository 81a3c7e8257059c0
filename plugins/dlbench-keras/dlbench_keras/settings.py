"""Global settings of Keras for a Spec, never those of a file in the user's home, and the settings of a variant."""

from __future__ import annotations

import importlib
import random

import keras
import numpy as np

from dlbench.plugin import Setting, Spec
from dlbench.plugin_kit import amp, on_off, setting
from dlbench_keras.backends import Backend

POLICIES = {"fp32": "float32", "bf16": "mixed_bfloat16"}
"""Keras's dtype policies."""
_PORT = "tensorflow.python.util._pywrap_util_port"


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


def table(spec: Spec, backend: Backend) -> list[Setting]:
    """The settings on a backend: Keras's own, and those of TensorFlow that reach Keras's step."""
    asked = {"variable": "TF_ENABLE_ONEDNN_OPTS", "texts": {"on": "1", "off": "0"}}
    answer = "TensorFlow's own answer whether it uses oneDNN"
    mixed = amp(spec, "the types in which layers compute", "the mixed precision of Keras")
    onednn = setting("onednn", "kernels of oneDNN on a CPU", answer, **asked)
    return [mixed, onednn] if backend.word == "tf" else [mixed]


def in_effect(precision: str, backend: Backend) -> dict[str, str]:
    """Values in effect for a model whose layers compute in this precision."""
    found = {"amp": "off" if precision == "fp32" else precision}
    if backend.word == "tf":
        found["onednn"] = on_off(importlib.import_module(_PORT).IsMklEnabled())
    return found
