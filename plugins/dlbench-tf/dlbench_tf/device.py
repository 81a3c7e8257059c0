"""Devices and threads: those that TensorFlow finds here, and the settings of this process for a Spec."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dlbench.errors import Unsupported
from dlbench.plugin_kit import cpu_name, resolve_device
from dlbench.spec import Spec
from dlbench_tf import precision

INTER_OP_THREADS = 1
"""One operation at a time: the Spec's threads all work on it, as in the other frameworks."""


class AlreadyStarted(Unsupported):
    """TensorFlow runs in this process with other threads or another device, and cannot change them."""


def devices() -> dict[str, str]:
    """Device words of a Spec, each with its description."""
    details = tf.config.experimental.get_device_details
    names = [details(device).get("device_name", device.name) for device in _gpus()]
    return {"cpu": cpu_name()} | {f"gpu:{at}": name for at, name in enumerate(names)}


def prepare(spec: Spec) -> str:
    """Set threads and precision, hide every device but the one asked for, and return TensorFlow's name of it.

    Raises Unsupported for a device that is not here and for a precision that it does not have, and AlreadyStarted.
    """
    _require_own_compiler(spec)
    word = _resolve(spec.device)
    wanted = [_gpus()[int(word.partition(":")[2])]] if word.startswith("gpu:") else []
    _prepare(spec, wanted, INTER_OP_THREADS)
    return "/GPU:0" if wanted else "/CPU:0"


def prepare_several(spec: Spec, count: int) -> list[str]:
    """`prepare` for several devices of this process, each with threads of its own; returns their names.

    On a CPU they are logical ones. Raises as `prepare` does, and Unsupported for fewer GPUs.
    """
    _require_own_compiler(spec)
    gpus = _gpus()[:count] if _resolve(spec.device).startswith("gpu:") else []
    if gpus and len(gpus) < count:
        raise Unsupported(f"{count} workers on GPUs of one process: there are {len(gpus)}; give --workers {len(gpus)}")
    _prepare(spec, gpus, count * INTER_OP_THREADS)
    if not gpus:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    return [f"/{'GPU' if gpus else 'CPU'}:{at}" for at in range(count)]


def _require_own_compiler(spec: Spec) -> None:
    if spec.compiler not in ("", "xla"):
        raise Unsupported(f"compiler {spec.compiler}: TensorFlow compiles with xla only; leave --compiler out")


def _prepare(spec: Spec, wanted: list[Any], inter_op_threads: int) -> None:
    precision.prepare(spec.precision, gpu=bool(wanted))
    try:
        tf.config.threading.set_intra_op_parallelism_threads(spec.threads)
        tf.config.threading.set_inter_op_parallelism_threads(inter_op_threads)
        if tf.config.get_visible_devices("GPU") != wanted:
            tf.config.set_visible_devices(wanted, "GPU")
        for gpu in wanted:  # by default the whole card is taken, and no other arm could live beside this one
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        raise AlreadyStarted(
            f"asked for {spec.threads} threads on {spec.device}, but TensorFlow has already started in this process "
            f"with {_setting()}; use a fresh process"
        ) from error


def word_of(variable: tf.Variable) -> str:
    """The Spec's word for the device of a variable."""
    found = tf.DeviceSpec.from_string(variable.device)
    return _visible_gpu(found.device_index) if found.device_type == "GPU" else str(found.device_type).lower()


def memory_peak(variable: tf.Variable) -> int | None:
    """Peak bytes that the allocator of the variable's device handed out; None on a CPU: nobody counts there."""
    if word_of(variable) == "cpu":
        return None
    return int(tf.config.experimental.get_memory_info(_visible_name(variable))["peak"])


def reset_memory_peak(variable: tf.Variable) -> None:
    """Forget the peak of the variable's device, if it is counted."""
    if word_of(variable) != "cpu":
        tf.config.experimental.reset_memory_stats(_visible_name(variable))


def _resolve(asked: str) -> str:
    return resolve_device(asked, devices(), f"TensorFlow {tf.__version__}")


def _gpus() -> list[Any]:
    return list(tf.config.list_physical_devices("GPU"))


def _visible_gpu(at: int = 0) -> str:
    return f"gpu:{_gpus().index(tf.config.get_visible_devices('GPU')[at])}"


def _visible_name(variable: tf.Variable) -> str:
    return f"GPU:{tf.DeviceSpec.from_string(variable.device).device_index}"


def _setting() -> str:
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    where = _visible_gpu() if tf.config.get_visible_devices("GPU") else "cpu"
    return f"{threads or 'as many as cores'} threads on {where}"
