"""Settings of TensorFlow that a variant may change: the table, and for each of them how it is set and read back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import config

from dlbench import precision as arithmetic
from dlbench.plugin import Path, Setting
from dlbench.spec import Spec
from dlbench_tf import readback

SWITCH = ("on", "off")
GRAPPLER = {
    "constant-folding": "constant_folding",
    "layout-optimizer": "layout_optimizer",
    "remapper": "remapping",
    "arithmetic": "arithmetic_optimization",
    "dependency": "dependency_optimization",
    "loop-optimizer": "loop_optimization",
}
"""Passes of Grappler, by key, as tf.config.optimizer calls them."""
FLAGS = {
    "fast-math": ("xla_cpu_enable_fast_math", "XLA may reorder float arithmetic and ignore NaN on a CPU"),
    "fast-min-max": ("xla_cpu_enable_fast_min_max", "minimum and maximum of XLA on a CPU may drop NaN"),
}
"""Flags of XLA by key, and their meaning."""
SHOWN = {"fast-math": readback.reorders, "fast-min-max": readback.drops_nan}
"""Functions by key that say if compiled code does what the flag allows."""
_XLA = "results of a small function that XLA compiled"
_GRAPH: tuple[Path, ...] = ("graph",)
_JIT: tuple[Path, ...] = ("jit",)


def table(spec: Spec) -> list[Setting]:
    """The settings for a Spec, with what its device does not have."""
    no_gpu = f"a mode of NVIDIA's tensor cores, and the device is {spec.device}; add --device gpu"
    cpu = spec.device == "cpu"
    rows: list[dict[str, Any]] = [
        {
            "key": "onednn",
            "meaning": "kernels of oneDNN on a CPU",
            "read_back": "TensorFlow's own answer whether it uses oneDNN",
            "variable": "TF_ENABLE_ONEDNN_OPTS",
            "texts": {"on": "1", "off": "0"},
        },
        {
            "key": "amp",
            "meaning": "products in bfloat16, the mixed precision of Keras",
            "values": ("off", "bf16"),
            "read_back": "the types that the model multiplies",
            "rounding": {"bf16": "bf16"},
            "missing": arithmetic.lacking("bf16") if cpu else {},
        },
        {
            "key": "tf32",
            "meaning": "products and convolutions of float32 in TF32",
            "read_back": "tf.config.experimental.tensor_float_32_execution_enabled",
            "rounding": {"on": "tf32"},
            "missing": dict.fromkeys(SWITCH, no_gpu) if cpu else {},
        },
        {
            "key": "deterministic",
            "meaning": "deterministic operations alone",
            "read_back": "is_op_determinism_enabled of TensorFlow",
        },
        *(
            {
                "key": key,
                "meaning": f"Grappler's pass {name}",
                "read_back": "tf.config.optimizer.get_experimental_options",
                "paths": _GRAPH,
            }
            for key, name in GRAPPLER.items()
        ),
        *(
            {
                "key": key,
                "meaning": meaning,
                "read_back": _XLA,
                "variable": "XLA_FLAGS",
                "texts": {"on": f"--{name}=true", "off": f"--{name}=false"},
                "paths": _JIT,
            }
            for key, (name, meaning) in FLAGS.items()
        ),
    ]
    return [Setting(**{"values": SWITCH, **row}) for row in rows]


def set_all(own: Mapping[str, str]) -> None:
    """Set what can be set after the import; the rest stands in the environment."""
    if passes := {name: own[key] == "on" for key, name in GRAPPLER.items() if key in own}:
        tf.config.optimizer.set_experimental_options(passes)
    if "deterministic" in own:
        (config.enable_op_determinism if own["deterministic"] == "on" else config.disable_op_determinism)()


def in_effect(precision: str) -> dict[str, str]:
    """Values in effect for a model of this precision; passes and flags that nobody has set are left out."""
    found = {
        "onednn": _word(readback.blas() == "oneDNN"),
        "amp": precision if precision == "bf16" else "off",
        "tf32": _word(precision == "tf32"),
        "deterministic": _word(config.is_op_determinism_enabled()),
    }
    passes = tf.config.optimizer.get_experimental_options()
    found |= {key: _word(passes[name]) for key, name in GRAPPLER.items() if name in passes}
    flags = os.environ.get("XLA_FLAGS", "")
    return found | {key: _word(SHOWN[key]()) for key, (name, _) in FLAGS.items() if f"--{name}=" in flags}


def _word(holds: bool) -> str:
    return "on" if holds else "off"
