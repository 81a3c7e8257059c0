"""Types below single precision in which this CPU multiplies; frameworks emulate the others."""

from __future__ import annotations

from pathlib import Path

from dlbench.errors import Unsupported

CPU_FLAGS = {"bf16": {"avx512_bf16", "amx_bf16", "bf16"}, "fp16": {"avx512_fp16", "amx_fp16", "asimdhp"}}
"""Any one of these, as the Linux kernel names them, says that a CPU has the arithmetic."""


def require(precision: str) -> None:
    """Raise Unsupported if this CPU would emulate the products, slower than in fp32."""
    wanted = CPU_FLAGS.get(precision, set())
    if wanted and not cpu_flags() & wanted:
        raise Unsupported(f"precision {precision}: this CPU has none of {', '.join(sorted(wanted))}; choose fp32")


def lacking(precision: str) -> dict[str, str]:
    """The precision and the reason if this CPU would emulate it, as `dlbench.plugin.Setting.missing` wants them."""
    try:
        require(precision)
    except Unsupported as error:
        return {precision: str(error)}
    return {}


def cpu_flags() -> set[str]:
    """Instruction sets of this CPU; none if the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    found = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return set(found.partition(":")[2].split())
