"""Settings of JAX that a variant may change, how they are read back, and the variables that JAX reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dlbench import precision as arithmetic
from dlbench.errors import Unsupported
from dlbench.plugin import Setting
from dlbench.spec import Spec

SWITCH = ("on", "off")
MATMUL = ("default", "high", "highest")
FLAGS = {
    "fast-math": ("xla_cpu_enable_fast_math", "XLA may reorder float arithmetic and ignore NaN on a CPU"),
    "fast-min-max": ("xla_cpu_enable_fast_min_max", "minimum and maximum of XLA on a CPU may drop NaN"),
}
"""Flags of XLA by key, and their meaning."""
_ASIDE = ("dir", "dump", "log", "debug", "coordin", "distributed", "address", "socket", "traceback", "check", "mock")
"""Words in the names of JAX's options that change neither speed nor results, or that hold places of this machine."""


def table(spec: Spec) -> list[Setting]:
    """The settings for a Spec, with what its device does not have."""
    no_gpu = f"a mode of NVIDIA's tensor cores, and the device is {spec.device}; add --device gpu"
    cpu = spec.device == "cpu"
    rows: list[dict[str, Any]] = [
        {
            "key": "amp",
            "meaning": "products in bfloat16",
            "values": ("off", "bf16"),
            "read_back": "the operands of the products in the model's jaxpr",
            "rounding": {"bf16": "bf16"},
            "missing": _lacking() if cpu else {},
        },
        {
            "key": "tf32",
            "meaning": "products and convolutions of float32 in TF32",
            "read_back": "the precision of the products in the model's jaxpr",
            "rounding": {"on": "tf32"},
            "missing": dict.fromkeys(SWITCH, no_gpu) if cpu else {},
        },
        {
            "key": "matmul",
            "meaning": "jax_default_matmul_precision, TF32 on a GPU unless it is highest",
            "values": MATMUL,
            "read_back": "jax.config",
            "rounding": {} if cpu else {"default": "tf32", "high": "tf32"},
        },
        {
            "key": "donation",
            "meaning": "the step may write the new state over the old one",
            "read_back": "input_output_alias of the compiled step",
            "paths": ("jit",),
        },
        *(
            {
                "key": key,
                "meaning": meaning,
                "read_back": "results of a small function that XLA compiled",
                "variable": "XLA_FLAGS",
                "texts": {"on": f"--{name}=true", "off": f"--{name}=false"},
            }
            for key, (name, meaning) in FLAGS.items()
        ),
    ]
    return [Setting(**{"values": SWITCH, **row}) for row in rows]


def set_all(own: Mapping[str, str]) -> None:
    """Set what can be set after the import and is no matter of the build; flags stand in the environment."""
    if "matmul" in own:
        jax.config.update("jax_default_matmul_precision", own["matmul"])


def in_effect(precision: str, donates: bool | None) -> dict[str, str]:
    """Values in effect for a model of this precision; flags that nobody has set are left out."""
    found = {
        "amp": "bf16" if precision == "bf16" else "off",
        "tf32": _word(precision == "tf32"),
        "matmul": str(jax.config.values["jax_default_matmul_precision"]),
    } | dict.fromkeys(("donation",) if donates is not None else (), _word(bool(donates)))
    flags, shown = os.environ.get("XLA_FLAGS", ""), {"fast-math": reorders, "fast-min-max": drops_nan}
    return found | {key: _word(shown[key]()) for key, (name, _) in FLAGS.items() if f"--{name}=" in flags}


def variables() -> list[str]:
    """Names by which JAX 0.10 reads its options from the environment, and those that XLA and its client read."""
    options = (name.upper() for name in jax.config.values if name.startswith("jax_"))
    client = ("XLA_FLAGS", "XLA_PYTHON_CLIENT_PREALLOCATE", "XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_CLIENT_MEM_FRACTION")
    kept = sorted(name for name in options if not any(word.upper() in name for word in _ASIDE))
    return [*kept, *client, "XLA_PYTHON_CLIENT_ALLOCATOR", "LIBTPU_INIT_ARGS", "NPROC"]


def details(device: Any) -> dict[str, str]:
    """Facts of the device's arithmetic that are worth showing."""
    product = jnp.float32(1e-20) * jnp.float32(1e-20)
    return {
        "BLAS": "of XLA" if device.platform == "cpu" else "cuBLAS",
        "denormals": "flushed to zero" if float(product) == 0.0 else "kept",
        "random numbers": str(jax.config.values["jax_default_prng_impl"]),
    }


@cache
def reorders() -> bool:
    """True if XLA reorders float arithmetic on a CPU: `(1.25 + 1e9) - 1e9` is 1.25, and 0 in float32's own order."""
    return bool(_compiled(lambda one, other: (one + other) - other, 1.25, 1e9) == 1.25)


@cache
def drops_nan() -> bool:
    """True if the maximum of 1.25 and NaN is 1.25 with XLA on a CPU."""
    return bool(_compiled(jnp.maximum, 1.25, np.nan) == 1.25)


def _compiled(function: Any, *values: float) -> float:
    """The first result of a function that XLA compiled, for as many equal values as an instruction takes."""
    arrays = [jax.device_put(np.full(64, value, np.float32), jax.devices("cpu")[0]) for value in values]
    return float(jax.jit(function)(*arrays)[0])


def _lacking() -> dict[str, str]:
    """Types that this CPU has no arithmetic for."""
    try:
        arithmetic.require("bf16")
    except Unsupported as error:
        return {"bf16": str(error)}
    return {}


def _word(holds: bool) -> str:
    return "on" if holds else "off"
