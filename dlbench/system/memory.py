"""Peak host memory of this process, phase by phase.

On Linux the kernel's own high-water mark (VmHWM of /proc/self/status), reset by writing 5 to /proc/self/clear_refs
(proc(5)); no sampler can miss a spike. Elsewhere psutil's peak over the whole life of the process, which cannot be
reset: a later phase then shows at least the peak of an earlier one, and `method()` says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import psutil

from dlbench.record.schema import PhaseMemory
from dlbench.system import nvml

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def method() -> str:
    """Method by which peaks are read here."""
    return "VmHWM, reset by phase" if _can_reset() else "peak over the life of the process, not by phase"


def mark(phase: str, device_peak_bytes: int | None = None) -> PhaseMemory:
    """The peak since the last mark and the resident bytes now; the next phase starts here.

    With the framework's peak on a device, the driver's figure of this process's bytes there is read too.
    """
    peak, resident = _read()
    if _can_reset():
        _CLEAR.write_text("5")
    return PhaseMemory(
        phase=phase,
        peak_bytes=peak,
        resident_bytes=resident,
        device_peak_bytes=device_peak_bytes,
        driver_bytes=None if device_peak_bytes is None else nvml.device_bytes(),
    )


def total(marks: Sequence[PhaseMemory]) -> PhaseMemory:
    """One phase of several processes together, pages that they share counted in each; peaks need not coincide."""
    if len(marks) == 1:
        return marks[0]
    return PhaseMemory(
        phase=marks[0].phase,
        peak_bytes=sum(one.peak_bytes for one in marks),
        resident_bytes=sum(one.resident_bytes for one in marks),
        device_peak_bytes=_sum_of_known([one.device_peak_bytes for one in marks]),
        driver_bytes=_sum_of_known([one.driver_bytes for one in marks]),
    )


def resident() -> int:
    """Bytes resident now, in some tens of microseconds; on Linux of statm (proc(5)), within a quarter of a megabyte."""
    return int(psutil.Process().memory_info().rss)


def _sum_of_known(amounts: Sequence[int | None]) -> int | None:
    """The sum; None if one is not known."""
    known = [one for one in amounts if one is not None]
    return sum(known) if len(known) == len(amounts) else None


def _read() -> tuple[int, int]:
    if _STATUS.exists():
        status = _STATUS.read_text()
        return _kilobytes(status, "VmHWM") * 1024, _kilobytes(status, "VmRSS") * 1024
    usage = psutil.Process().memory_info()
    return int(getattr(usage, "peak_wset", 0) or _peak_of_life() or usage.rss), int(usage.rss)


def _peak_of_life() -> int:
    """Peak resident bytes by getrusage, on platforms that have it; macOS counts bytes, others kilobytes."""
    try:
        import resource
        import sys
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _kilobytes(status: str, field: str) -> int:
    match = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert match is not None, f"{_STATUS} has a line {field}"
    return int(match[1])


def _can_reset() -> bool:
    try:
        with _CLEAR.open("w"):
            return True
    except OSError:
        return False
