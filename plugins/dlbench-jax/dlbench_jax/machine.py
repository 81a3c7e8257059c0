"""Devices, threads and precision of this process: set before JAX starts its clients, and read back."""

from __future__ import annotations

import os
from typing import Any

import jax
from jax._src import xla_bridge

from dlbench.errors import Unsupported
from dlbench.plugin import Path
from dlbench.plugin_kit import cpu_name, require_arithmetic, require_words, resolve_device, threads_named
from dlbench.spec import Spec

POOL, THREADS = "tf_XLAEigen", "NPROC"
"""Name of the threads on which XLA's CPU client runs an operation, and the variable from which it takes their number
(tsl/platform/default/port.cc and xla/pjrt/cpu/cpu_client.cc, `DefaultThreadPoolSize`)."""
PATHS: tuple[Path, ...] = ("eager", "jit")
_OTHERS: set[str] = set()
_OWN: set[str] = set()
"""Threads of that name by their number: those that were there before JAX started, and JAX's. TensorFlow has the same
pool, under the same name, once it compiles with XLA."""
MATMUL = {"fp32": "highest", "bf16": "default", "tf32": "tensorfloat32"}
"""Values of `jax_default_matmul_precision`: JAX's own default is TF32 on a GPU."""


def prepare(spec: Spec) -> Any:
    """Set threads and precision, and return the device.

    Raises Unsupported for a device or precision that is not here, and if JAX has started with other threads.
    """
    require_words(spec, "JAX", paths=PATHS, compiler="xla", precisions=MATMUL)
    start(spec)
    word = resolve_device(spec.device, devices(), f"JAX {jax.__version__}")
    device = jax.local_devices(backend="cpu")[0] if word == "cpu" else _gpus()[int(word.partition(":")[2])]
    if threads() not in (None, spec.threads):
        raise Unsupported(
            f"asked for {spec.threads} threads, but JAX has already started in this process with {threads()}; "
            "use a fresh process"
        )
    require_arithmetic(spec.precision, word)
    jax.config.update("jax_default_device", device)
    jax.config.update("jax_default_matmul_precision", MATMUL[spec.precision])
    return device


def start(spec: Spec) -> None:
    """Set what JAX reads when it starts its clients, unless it has."""
    if not xla_bridge.backends_are_initialized():
        _OTHERS.update(threads_named(POOL) or ())
        os.environ[THREADS] = str(spec.threads)
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # a second arm needs memory beside this one
        if spec.device == "cpu":
            jax.config.update("jax_platforms", "cpu")


def devices() -> dict[str, str]:
    """Device words of a Spec, each with its description."""
    return {"cpu": cpu_name()} | {f"gpu:{at}": one.device_kind for at, one in enumerate(_gpus())}


def word_of(device: Any) -> str:
    """The Spec's word for a device."""
    return "cpu" if device.platform == "cpu" else f"gpu:{_gpus().index(device)}"


def threads() -> int | None:
    """Threads of JAX's pool, as they were when first read after its start; None where the kernel does not tell."""
    there = threads_named(POOL)
    if there is None:
        return None
    if not _OWN and xla_bridge.backends_are_initialized():
        _OWN.update(there - _OTHERS)
    return len(_OWN)


def own(arrays: Any) -> Any:
    """The arrays as this process holds them: all of those that several workers hold, its share of those they share."""
    here = lambda one: one if getattr(one, "is_fully_addressable", True) else one.addressable_data(0)  # noqa: E731
    return jax.tree.map(here, arrays)


def _gpus() -> list[Any]:
    return [one for one in jax.devices() if one.platform in ("gpu", "cuda", "rocm")]
