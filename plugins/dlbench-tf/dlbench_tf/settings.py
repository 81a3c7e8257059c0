"""Settings of TensorFlow that a variant may change: the table, and for each of them how it is set and read back."""

from __future__ import annotations

import os
from collections.abc import Mapping

import tensorflow as tf
from tensorflow.python.framework import config

from dlbench.plugin import Path, Setting
from dlbench.plugin_kit import amp, on_off, setting, tf32, xla_flag
from dlbench.spec import Spec
from dlbench_tf import readback

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
STRATEGY = setting(
    "strategy",
    "several workers as devices of one process",
    "the strategy that runs the steps",
    ("mirrored",),
    devices=("mirrored",),
)
"""The row of several workers; without it MultiWorkerMirroredStrategy has a process for each."""
_GRAPH: tuple[Path, ...] = ("graph",)
_JIT: tuple[Path, ...] = ("jit",)


def table(spec: Spec) -> list[Setting]:
    """The settings for a Spec, with what its device does not have."""
    asked = {"variable": "TF_ENABLE_ONEDNN_OPTS", "texts": {"on": "1", "off": "0"}}
    answer = "TensorFlow's own answer whether it uses oneDNN"
    enabled, passes = "tf.config.experimental.tensor_float_32_execution_enabled", "tf.config.optimizer"
    return [
        setting("onednn", "kernels of oneDNN on a CPU", answer, **asked),
        amp(spec, "the types that the model multiplies", "the mixed precision of Keras"),
        tf32(spec, "products and convolutions of float32 in TF32", enabled),
        setting("deterministic", "deterministic operations alone", "is_op_determinism_enabled of TensorFlow"),
        *(
            setting(key, f"Grappler's pass {name}", f"{passes}.get_experimental_options", paths=_GRAPH)
            for key, name in GRAPPLER.items()
        ),
        *(xla_flag(key, name, meaning, _XLA, paths=_JIT) for key, (name, meaning) in FLAGS.items()),
        *([STRATEGY] if spec.together else ()),
    ]


def set_all(own: Mapping[str, str]) -> None:
    """Set what can be set after the import; the rest stands in the environment."""
    if passes := {name: own[key] == "on" for key, name in GRAPPLER.items() if key in own}:
        tf.config.optimizer.set_experimental_options(passes)
    if "deterministic" in own:
        (config.enable_op_determinism if own["deterministic"] == "on" else config.disable_op_determinism)()


def in_effect(precision: str) -> dict[str, str]:
    """Values in effect for a model of this precision; passes and flags that nobody has set are left out."""
    found = {
        "onednn": on_off(readback.blas() == "oneDNN"),
        "amp": precision if precision == "bf16" else "off",
        "tf32": on_off(precision == "tf32"),
        "deterministic": on_off(config.is_op_determinism_enabled()),
    }
    passes = tf.config.optimizer.get_experimental_options()
    found |= {key: on_off(passes[name]) for key, name in GRAPPLER.items() if name in passes}
    flags = os.environ.get("XLA_FLAGS", "")
    return found | {key: on_off(SHOWN[key]()) for key, (name, _) in FLAGS.items() if f"--{name}=" in flags}
