"""Facts about the built model, read from TensorFlow and its variables after building."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import metadata

import numpy as np
import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port

from dlbench.plugin import ModelInfo
from dlbench.spec import Spec
from dlbench_tf.device import devices, word_of
from dlbench_tf.network import Network


def model_info(network: Network, spec: Spec, optimizer: str) -> ModelInfo:
    """The model that lives in the variables of a network; the optimizer's own are not among them."""
    variables = network.variables
    places = dict.fromkeys(map(word_of, variables))
    return ModelInfo(
        parameter_count=sum(variable.shape.num_elements() for variable in variables),
        device="/".join(places),
        precision=network.precision,
        path=spec.path,
        compiler="xla" if spec.path == "jit" else None,
        steps_per_call=spec.steps_per_call,
        data=spec.data,
        threads=tf.config.threading.get_intra_op_parallelism_threads(),
        device_name="/".join(devices()[place] for place in places),
        versions={name: metadata.version(name) for name in ("tensorflow", *network.packages, "dlbench-tf")},
        details={
            "BLAS": _blas_of(next(iter(places)), spec.path),
            "optimizer": f"{optimizer}, {len(variables)} variables",
            **_details(),
            **_layout(network),
        },
    )


def _details() -> dict[str, str]:
    return {
        "inter-op threads": str(tf.config.threading.get_inter_op_parallelism_threads()),
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "not set: TensorFlow's default"),
        "denormals": _denormals(),
    }


def _blas_of(device: str, path: str) -> str:
    return "cuBLAS" if device.startswith("gpu") else "of XLA" if path == "jit" else blas()


def blas() -> str:
    """Library that multiplies matrices on a CPU: `oneDNN` if this build uses it and it is not off, else `Eigen`."""
    return "oneDNN" if _pywrap_util_port.IsMklEnabled() else "Eigen"


def _layout(network: Network) -> dict[str, str]:
    """Layout of tf.nn.conv2d by default, NHWC; nothing for a model without convolutions."""
    return {"convolution layout": "channels last"} if 4 in network.ranks else {}


def _denormals() -> str:
    """Treatment of a product below the smallest normal float32."""
    product = tf.constant(1e-20, tf.float32) * tf.constant(1e-20, tf.float32)
    return "flushed to zero" if float(product) == 0.0 else "kept"


@cache
def reorders() -> bool:
    """True if XLA reorders float arithmetic on a CPU: `(1.25 + 1e9) - 1e9` is 1.25, and 0 in float32's own order."""
    return _compiled(lambda one, other: (one + other) - other, 1.25, 1e9) == 1.25


@cache
def drops_nan() -> bool:
    """True if the maximum of 1.25 and NaN is 1.25 with XLA on a CPU."""
    return _compiled(tf.maximum, 1.25, np.nan) == 1.25


def _compiled(function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], one: float, other: float) -> float:
    """The first result of a function that XLA compiled, for as many equal values as an instruction takes."""
    with tf.device("CPU:0"):
        values = [tf.constant(np.full(64, value, np.float32)) for value in (one, other)]
        return float(tf.function(function, jit_compile=True)(*values)[0])
