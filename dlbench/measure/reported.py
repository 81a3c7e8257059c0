"""Checks the type and range of every value that a plugin reports, before it reaches a record."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np

from dlbench import architectures, registry
from dlbench.errors import ContractViolation, DlbenchError
from dlbench.errors.words import bounded, reason, shown, type_name
from dlbench.plugin import (
    PARTS,
    Batch,
    Compilation,
    Count,
    CountsFlops,
    DeviceNames,
    ListsDevices,
    ModelInfo,
    ReportsCompilation,
)
from dlbench.record import proof
from dlbench.spec import Spec
from dlbench.stats.ranges import Amount

Mends = Literal["", "returned"]
"""The advice on a wrong value; empty if the message says all of it."""
DEVICE_PEAK = Count | None

LONGEST, MOST = 200, 5
"""Characters of a reason for a break in compiled code, and reasons that are kept."""
_AS_THEY_ARE = (bytes, bytearray, memoryview)
"""Types that would otherwise become text."""
_TEXT = (str, bytes, bytearray)


def answer(plugin: str, method: str, call: Callable[[Spec], object], spec: Spec) -> object:
    """The answer of a method. Raises ContractViolation for an error that is none of dlbench."""
    try:
        return call(spec)
    except DlbenchError:
        raise
    except Exception as error:
        why = " ".join(reason(error).split())
        raise ContractViolation(f"plugin {plugin}: {method} raised {why}") from error


def checked(plugin: str, method: str, value: object, kind: Any) -> Any:
    """The value as this type, which may hold limits (`msgspec.Meta`). Raises ContractViolation."""
    wanted = kind if kind in (ModelInfo, Compilation) else object
    mends: Mends = "returned" if kind is ModelInfo else ""
    if not isinstance(value, wanted):
        raise ContractViolation(
            f"plugin {plugin}: {method} must return a {wanted.__name__}, got {type_name(value)} {shown(value)}",
            mends,
        )
    try:
        found = msgspec.convert(msgspec.to_builtins(value, builtin_types=_AS_THEY_ARE, enc_hook=_plain), kind)
        msgspec.json.encode(found)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise ContractViolation(
            f"plugin {plugin}: {method} returned a value that makes no sense: {bounded(str(error), 500)}, "
            f"in {shown(value)}",
            mends,
        ) from error
    return found


def _plain(value: object) -> object:
    """Text and whole numbers of other types than Python's, such as `torch.__version__` and the result of `numpy.prod`.

    Raises TypeError for anything else.
    """
    return str.__str__(value) if isinstance(value, str) else operator.index(value)  # type: ignore[arg-type]


def list_devices(plugin: str) -> dict[str, str]:
    """Device words with a description each; empty if the plugin cannot list them.

    Raises PluginLoadError, ContractViolation, and whatever the plugin raises.
    """
    loaded = registry.load(plugin)
    said = loaded.devices() if isinstance(loaded, ListsDevices) else {}
    found: dict[str, str] = checked(plugin, "devices()", said, DeviceNames)
    return found


def compilation(plugin: str, model: object) -> Compilation | None:
    """Compilation since `build` as the model reports it; None if it has no `compilation()`.

    Parts are in order and reasons few and short. Raises ContractViolation, and whatever the plugin raises.
    """
    if not isinstance(model, ReportsCompilation):
        return None
    found: Compilation = checked(plugin, "compilation()", model.compilation(), Compilation)
    parts = tuple(part for part in PARTS if part in found.parts)
    reasons = tuple(dict.fromkeys(_headline(reason) for reason in found.reasons[:MOST]))
    return msgspec.structs.replace(found, parts=parts, reasons=reasons, late=0, calls_per_step=None)


def proven(spec: Spec, found: Compilation | None, warm: Compilation | None, calls: int) -> Compilation | None:
    """Compilation since `warm` was reported, with the proof of the path `jit`. Raises ContractViolation without it.

    If the Spec allows breaks, it is raised only when nothing was compiled at all.
    """
    if found is not None and warm is not None:
        found = proof.since(spec, found, warm, calls)
    if spec.path == "jit" and (problem := proof.problem(spec, found)):
        raise ContractViolation(f"{spec.plugin}: {problem}")
    return found


def _headline(reason: str) -> str:
    """The first line, of those that follow explain it."""
    return bounded(reason.strip().partition("\n")[0], LONGEST)


def step_flops(spec: Spec, model: object, first_batch: Callable[[], Batch]) -> float | None:
    """FLOPs of a step as the framework counts them; None if it does not, or if the core knows them.

    Training takes three times the forward pass, as in the core's own counts (`dlbench.architectures`).
    """
    if architectures.describes(spec):
        return None
    counted = flops(spec.plugin, model, first_batch())
    return None if counted is None else counted * (3.0 if spec.trains else 1.0)


def flops(plugin: str, model: object, batch: Batch) -> float | None:
    """Floating-point operations of the forward pass of a batch; None if the framework does not count them.

    Raises ContractViolation, and whatever the plugin raises.
    """
    if not isinstance(model, CountsFlops):
        return None
    found: float | None = checked(plugin, "flops()", model.flops(batch), Amount | None)
    return found


def outputs(plugin: str, value: object, shape: tuple[int, ...]) -> Any:
    """The outputs of `predict` as an array of numbers of this shape. Raises ContractViolation."""
    found = array(plugin, f"predict must return outputs of shape {shape}", value, "returned")
    if found.shape != shape:
        raise ContractViolation(
            f"{plugin}: predict must return outputs of shape {shape}, got {found.shape}", "returned"
        )
    return found


def array(plugin: str, clause: str, value: object, mends: Mends = "") -> Any:
    """The value as an array of real numbers. Raises ContractViolation that states the clause, and what mends it."""
    try:
        found = np.asarray(value)
    except (TypeError, ValueError) as error:
        got = f"{type_name(value)}, which is no array ({bounded(reason(error), 500)})"
        raise ContractViolation(f"{plugin}: {clause}, got {got}", mends) from error
    if found.dtype.kind in "bcOSUMm":
        raise ContractViolation(f"{plugin}: {clause}, got {found.dtype} {shown(value)}: real numbers are wanted", mends)
    return found


def number(value: Any) -> float:
    """A loss as `float()` reads it, but for text and complex numbers: of those it may read a part.

    Raises TypeError, ValueError or OverflowError.
    """
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "kind", "") == "c" or getattr(dtype, "is_complex", False) or isinstance(value, _TEXT):
        raise TypeError("no real number")
    return float(value)
