"""The backend of Keras: chosen before Keras is imported, for the whole process, and held to threads and the CPU."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dlbench import plugin
from dlbench.errors import Unsupported
from dlbench.plugin import Spec
from dlbench.plugin_kit import threads_named, unsupported_by, versions_of

VARIABLE = "KERAS_BACKEND"
_NAMES = """
    KERAS_BACKEND KERAS_HOME KERAS_MAX_EPOCHS KERAS_MAX_STEPS_PER_EPOCH KERAS_NNX_ENABLED KERAS_TORCH_DEVICE NPROC
    TF_ENABLE_ONEDNN_OPTS TF_XLA_FLAGS XLA_FLAGS JAX_DEFAULT_MATMUL_PRECISION JAX_DISABLE_JIT JAX_ENABLE_X64
    JAX_DISABLE_MOST_OPTIMIZATIONS TORCHDYNAMO_DISABLE TORCH_COMPILE_DISABLE TORCHINDUCTOR_MAX_AUTOTUNE
"""
"""Environment variables that Keras 3.15 reads (`os.environ` in its sources), and the main ones of its backends."""
NAMES = _NAMES.split()


@dataclass(frozen=True)
class Backend:
    """A backend by its word in the names of plugins: its module, the paths that it has, its compiler, and a remark.

    The module has the name of its distribution.
    """

    word: str
    module: str
    paths: tuple[plugin.Path, ...]
    compiler: str
    remark: str = ""

    @property
    def framework(self) -> str:
        """The framework in the names of its plugins."""
        return f"keras-{self.word}"

    @property
    def versions(self) -> dict[str, str]:
        """Distributions that a model is made with."""
        return versions_of("keras", self.module, "dlbench-keras")

    def seed(self, seed: int) -> None:
        """Seed the generator of the backend; JAX has none."""
        module = importlib.import_module(self.module)
        {"tf": lambda: module.random.set_seed(seed), "torch": lambda: module.manual_seed(seed)}.get(self.word, int)()

    def there(self, arrays: Any) -> Any:
        """The arrays when they are where steps find them; JAX copies behind the back of who stages them."""
        return importlib.import_module("jax").block_until_ready(arrays) if self.word == "jax" else arrays

    def within(self, called: Callable[[], Any]) -> None:
        """Call it, with an error for an index out of bounds, which JAX alone has none of: its reads are clamped or NaN.

        (JAX documentation, `jax.experimental.checkify`: index checks.)
        """
        if self.word == "jax":
            checkify = importlib.import_module("jax.experimental.checkify")
            checkify.checkify(called, errors=checkify.index_checks)()[0].throw()
        else:
            called()

    def instrument(self) -> None:
        """Spans about the kernels of Inductor, where dlbench's package for PyTorch is installed."""
        if self.word == "torch" and importlib.util.find_spec("dlbench_torch") is not None:
            importlib.import_module("dlbench_torch.profiling").instrument()

    def profile(self, step: Callable[[], None]) -> list[plugin.ProfileEvent]:
        """Events of the backend's profiler, as dlbench's package for the backend reads them.

        Raises Unsupported if that is not installed, and if another tool profiles already.
        """
        if importlib.util.find_spec(f"dlbench_{self.word}") is None:
            raise Unsupported(f"{self.framework}: its profile is read by dlbench-{self.word}, which is not installed")
        found: list[plugin.ProfileEvent] = importlib.import_module(f"dlbench_{self.word}.profiling").events(step)
        return found


BACKENDS: Mapping[str, Backend] = {
    "tf": Backend("tf", "tensorflow", ("eager", "graph", "jit"), "xla"),
    "torch": Backend("torch", "torch", ("eager", "jit"), "inductor"),
    "jax": Backend("jax", "jax", ("eager", "jit"), "xla"),
}
_used: dict[str, Backend] = {}


def use(word: str) -> Backend:
    """Import Keras on this backend, whatever the environment and Keras's file of settings say.

    Raises Unsupported for a backend that is not installed, and for a process that has Keras on another one.
    """
    backend = BACKENDS[word]
    if importlib.util.find_spec(backend.module) is None:
        raise Unsupported(
            f"{backend.framework} needs {backend.module}, which is not installed; pip install 'dlbench-keras[{word}]'"
        )
    if "keras" not in sys.modules:
        said = os.environ.get(VARIABLE, backend.module)
        os.environ |= {VARIABLE: backend.module, "KERAS_TORCH_DEVICE": "cpu"}
        aside = f"{backend.module}; the environment's {said} was set aside for {backend.framework}"
        _used[word] = Backend(**{**vars(backend), "remark": "" if said == backend.module else aside})
    if (found := importlib.import_module("keras").backend.backend()) != backend.module:
        raise Unsupported(
            f"{backend.framework}: Keras runs on {found} in this process and cannot change to {backend.module}; "
            "use a process for each, as --isolation fresh does"
        )
    return _used.setdefault(word, backend)


def prepare(backend: Backend, spec: Spec) -> int:
    """Hold the backend to the CPU and the Spec's threads, and return its threads. Raises Unsupported."""
    if spec.device not in ("cpu", "auto"):
        raise Unsupported(f"device {spec.device}: the plugins {backend.framework}.* have the cpu alone; --device cpu")
    with unsupported_by(f"asked for {spec.threads} threads, which wants a fresh process"):  # started with others
        return _HOLD[backend.word](importlib.import_module(backend.module), spec.threads)


def _hold_tf(tf: Any, threads: int) -> int:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_visible_devices([], "GPU")
    return int(tf.config.threading.get_intra_op_parallelism_threads())


def _hold_torch(torch: Any, threads: int) -> int:
    torch.set_num_threads(threads)
    return int(torch.get_num_threads())


def _hold_jax(jax: Any, threads: int) -> int:
    """XLA's pool on a CPU has NPROC threads, which it reads once, when JAX starts; they are counted afterwards."""
    os.environ["NPROC"] = str(threads)
    jax.config.update("jax_platforms", "cpu")
    jax.devices()
    found = threads_named("tf_XLAEigen")
    held = threads if found is None else len(found) or "no thread of that name (tf_XLAEigen)"  # None: not on Linux
    if held != threads:
        raise RuntimeError(f"JAX has started with {held} in this process")
    return held


_HOLD = {"tf": _hold_tf, "torch": _hold_torch, "jax": _hold_jax}
