"""Memory of a Run: peaks of its phases above the imported framework, of the whole process, and on devices, in bytes."""

from __future__ import annotations

from collections.abc import Mapping

from dlbench.analysis.memo import by_run
from dlbench.record.schema import PhaseMemory, Run


def memory_baseline(run: Run) -> float | None:
    """Bytes resident once the framework is imported; all other memory is counted above it."""
    mark = _marks(run).get("import")
    return None if mark is None else mark.resident_bytes


def memory_above(phase: str, run: Run) -> float | None:
    """Peak bytes of a phase above the import baseline; the phase `steady` stands for the Spec's own."""
    mark, baseline = _marks(run).get(run.spec.phase if phase == "steady" else phase), memory_baseline(run)
    return None if mark is None or baseline is None else mark.peak_bytes - baseline


def memory_peak(run: Run) -> float | None:
    """The largest of the phases after import, in bytes above the import baseline."""
    baseline = memory_baseline(run)
    peaks = [mark.peak_bytes for mark in run.memory if mark.phase not in ("start", "import")]
    return None if baseline is None or not peaks else max(peaks) - baseline


def memory_total(run: Run) -> float | None:
    """Peak bytes of the process: with the imported framework, over all phases."""
    baseline, above = memory_baseline(run), memory_peak(run)
    return None if baseline is None or above is None else baseline + above


def device_memory_peak(run: Run) -> float | None:
    """Peak bytes that the framework's allocator handed out on the device, over all phases."""
    return max((mark.device_peak_bytes for mark in run.memory if mark.device_peak_bytes is not None), default=None)


def driver_memory(run: Run) -> float | None:
    """The most that the driver saw the process hold on devices at the end of any phase."""
    return max((mark.driver_bytes for mark in run.memory if mark.driver_bytes is not None), default=None)


@by_run
def _marks(run: Run) -> Mapping[str, PhaseMemory]:
    """Memory by phase in a fresh process; none in a forked one, where it includes memory of the parent."""
    return {mark.phase: mark for mark in reversed(run.memory)} if run.isolation == "fresh" else {}
