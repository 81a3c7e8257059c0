"""Settings of PyTorch that a variant may change: the table, and for each of them how it is set and read back.

A setting reads back as it is in effect, not as it was asked for: `medium` on a CPU without AMX computes in float32, and
says `highest`. Those of the compiler are read while it compiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from dlbench import precision as arithmetic
from dlbench.errors import Unsupported
from dlbench.plugin import Path, Setting
from dlbench.plugin_kit import SWITCH, on_off, tf32
from dlbench.spec import Spec
from dlbench_torch import compiling, openxla, optimizers, precision, readback

EAGER: tuple[Path, ...] = ("eager",)
JIT: tuple[Path, ...] = ("jit",)
ONLY_CUDA = "it is a setting of CUDA, and the device is {device}; add --device gpu"
_LAYOUTS = {"channels_last": torch.channels_last, "channels_first": torch.contiguous_format}


@dataclass(frozen=True)
class Switch:
    """A setting of the whole process: how to set it, and its value in effect on a device."""

    set: Callable[[str], object]
    get: Callable[[torch.device], str]


def table(spec: Spec) -> list[Setting]:
    """The settings for a Spec, with what this version and its device do not have; none of XLA's."""
    if spec.compiler == openxla.NAME:
        return []
    cpu = not spec.device.startswith(("gpu", "auto"))
    only_cuda = dict.fromkeys(SWITCH, ONLY_CUDA.format(device=spec.device)) if cpu else {}
    echo = "torch.backends"
    rows = [
        _row("matmul", "float32 matrix products", ("highest", "high", "medium"), "a product of numbers that show it"),
        _row("amp", "products under torch.autocast", ("off", "bf16", "fp16"), "the type of a product"),
        tf32(spec, "products and convolutions of float32", f"both flags of {echo}"),
        _row("layout", "memory format of convolutions", tuple(_LAYOUTS), "the strides of their kernels"),
        _row("onednn", "oneDNN on a CPU", SWITCH, f"{echo}.mkldnn"),
        _row("denormals", "numbers below the smallest normal one", ("flush", "keep"), "products of such numbers"),
        _row("deterministic", "deterministic algorithms alone", SWITCH, "torch.are_deterministic_algorithms_enabled"),
        _row("cudnn-benchmark", "cuDNN tries algorithms first", SWITCH, f"{echo}.cudnn.benchmark", only_cuda),
        _row("optimizer", "kernel of the update", tuple(optimizers.KERNELS), "the optimizer", paths=EAGER),
        *(_row(*row, paths=JIT) for row in compiling.rows(cpu=cpu)),
    ]
    more: dict[str, dict[str, Any]] = {
        "matmul": {"missing": _of_products(spec, cpu=cpu), "rounding": {"high": "tf32", "medium": "bf16"}},
        "amp": {"missing": _of_autocast(spec, cpu=cpu), "rounding": {"bf16": "bf16", "fp16": "fp16"}},
        "deterministic": {"variable": "CUBLAS_WORKSPACE_CONFIG", "texts": {"on": ":4096:8", "off": ""}},
    }
    return [msgspec.structs.replace(row, **more.get(row.key, {})) for row in rows]


def set_switches(own: Mapping[str, str]) -> None:
    """Set what holds for the whole process."""
    for key, value in own.items():
        if key in SWITCHES:
            SWITCHES[key].set(value)


def lay_out(module: nn.Module, own: Mapping[str, str]) -> None:
    """Give convolutions the memory format that is asked for. Raises Unsupported for a module of which none has one."""
    if "layout" not in own:
        return
    if not readback.layout(module.parameters()):
        raise Unsupported(
            "layout: the model has no convolution in two dimensions whose kernel differs between the layouts "
            "(one of a single channel does not)"
        )
    module.to(memory_format=_LAYOUTS[own["layout"]])  # type: ignore[call-overload]  # the stubs lack this form


def like_layout(part: Tensor, own: Mapping[str, str]) -> Tensor:
    """Images in the memory format that is asked for."""
    return part.contiguous(memory_format=_LAYOUTS[own["layout"]]) if "layout" in own and part.dim() == 4 else part


def in_effect(spec: Spec, parameters: Sequence[nn.Parameter], device: torch.device, optimizer: str) -> dict[str, str]:
    """Values in effect in this process and for these parameters; those of the compiler are its own."""
    mixed = precision.read_back(list(parameters), spec.precision, device)
    found = {key: switch.get(device) for key, switch in SWITCHES.items()}
    found["amp"] = mixed if mixed in precision.MIXED else "off"
    found["tf32"] = "on" if mixed == "tf32" else "off"
    if layout := readback.layout(parameters):
        found["layout"] = layout
    return found | ({"optimizer": optimizer} if optimizer else {})


def rounds(device: torch.device) -> bool:
    """True if a matrix product of float32 rounds its operands: 1 + 2^-12 then becomes 1, which a sum of 256 shows."""
    left = torch.full((256, 256), 1 + 2**-12, device=device)
    return float((left @ torch.ones_like(left))[0, 0]) != 256 + 2**-4


def _of_products(spec: Spec, *, cpu: bool) -> dict[str, str]:
    """Precisions of products that are accepted here and round nothing."""
    if not cpu or spec.device != "cpu":
        return {}
    found, before = {}, torch.get_float32_matmul_precision()
    for value in ("high", "medium"):
        torch.set_float32_matmul_precision(value)
        if not rounds(torch.device("cpu")):
            found[value] = (
                f"PyTorch {torch.__version__} takes it on this CPU and computes in float32 all the same (no AMX)"
            )
    torch.set_float32_matmul_precision(before)
    return found


def _of_autocast(spec: Spec, *, cpu: bool) -> dict[str, str]:
    """Types that this CPU has no arithmetic for; fp16 needs the loss scaling of the path eager."""
    found = {"fp16": "loss scaling is on the path eager only; choose amp:bf16"} if spec.path == "jit" else {}
    for kind in ("bf16", "fp16") if cpu else ():
        try:
            arithmetic.require(kind)
        except Unsupported as error:
            found[kind] = str(error)
    return found


def _matmul(device: torch.device) -> str:
    return torch.get_float32_matmul_precision() if rounds(device) else "highest"


def _set_denormals(value: str) -> None:
    torch.set_flush_denormal(value == "flush")


def _denormals(device: torch.device) -> str:
    said = readback.denormals(device)
    return {"flushed to zero": "flush", "kept": "keep"}.get(said, said)


def _set_benchmark(value: str) -> None:
    torch.backends.cudnn.benchmark = value == "on"


SWITCHES: Mapping[str, Switch] = {
    "matmul": Switch(torch.set_float32_matmul_precision, _matmul),
    "onednn": Switch(
        lambda value: torch._C._set_mkldnn_enabled(value == "on"),
        lambda _: on_off(torch._C._has_mkldnn and torch._C._get_mkldnn_enabled()),
    ),
    "denormals": Switch(_set_denormals, _denormals),
    "deterministic": Switch(
        lambda value: torch.use_deterministic_algorithms(value == "on"),
        lambda _: on_off(torch.are_deterministic_algorithms_enabled()),
    ),
    "cudnn-benchmark": Switch(_set_benchmark, lambda _: on_off(torch.backends.cudnn.benchmark)),
}


def _row(
    key: str,
    meaning: str,
    values: tuple[str, ...],
    read_back: str,
    missing: Mapping[str, str] | None = None,
    *,
    paths: tuple[Path, ...] = (),
) -> Setting:
    return Setting(
        key=key, meaning=meaning, values=values, read_back=read_back, missing=dict(missing or {}), paths=paths
    )
