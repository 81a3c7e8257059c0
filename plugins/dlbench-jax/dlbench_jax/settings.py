"""Settings of JAX that a variant may change, how they are read back, and the variables that JAX reads."""

from __future__ import annotations

import os
import re
from functools import cache

import jax
import numpy as np

from dlbench.plugin import Setting
from dlbench.plugin_kit import amp, on_off, setting, tf32, xla_flag
from dlbench.spec import Spec

FAST = "xla_cpu_enable_fast_math"
CLIENT = """XLA_FLAGS XLA_PYTHON_CLIENT_PREALLOCATE XLA_PYTHON_CLIENT_MEM_FRACTION XLA_CLIENT_MEM_FRACTION
    XLA_PYTHON_CLIENT_ALLOCATOR NPROC"""
"""Variables that XLA and its client read."""
ASIDE = re.compile("dir|dump|log|debug|coordin|distributed|address|socket|traceback|check|mock|key|pass")
"""Words in the names of JAX's options that change neither speed nor results, or that sound like a secret."""


def table(spec: Spec) -> list[Setting]:
    """The settings for a Spec, with what its device does not have."""
    shown = "the products in the model's jaxpr"
    rounded = {} if spec.device == "cpu" else {"default": "tf32", "high": "tf32"}
    how = "XLA may reorder float arithmetic and ignore NaN on a CPU"
    return [
        amp(spec, shown),
        tf32(spec, "TF32", shown),
        setting(
            "matmul", "jax_default_matmul_precision", "jax.config", ("default", "high", "highest"), rounding=rounded
        ),
        setting("donation", "a step may overwrite the old state", "input_output_alias of the program", paths=("jit",)),
        xla_flag("fast-math", FAST, how, "results of a small function"),
    ]


def in_effect(precision: str, donates: bool | None) -> dict[str, str]:
    """Values in effect for a model of this precision; what nobody has set or no step has shown is left out."""
    found = {"amp": precision if precision == "bf16" else "off", "tf32": on_off(precision == "tf32")}
    found["matmul"] = str(jax.config.values["jax_default_matmul_precision"])
    found |= {} if donates is None else {"donation": on_off(donates)}
    return found | ({"fast-math": on_off(reorders())} if f"--{FAST}" in os.environ.get("XLA_FLAGS", "") else {})


def variables() -> list[str]:
    """Names by which JAX reads its options from the environment, and those of XLA and its client."""
    options = (name for name in jax.config.values if name.startswith("jax_"))
    return [*sorted(name.upper() for name in options if not ASIDE.search(name)), *CLIENT.split()]


@cache
def reorders() -> bool:
    """True if XLA reorders float arithmetic on a CPU: `(1.25 + 1e9) - 1e9` is 1.25, and 0 in float32's own order."""
    one, other = (jax.device_put(np.full(64, value, np.float32), jax.devices("cpu")[0]) for value in (1.25, 1e9))
    return bool(jax.jit(lambda one, other: (one + other) - other)(one, other)[0] == 1.25)
