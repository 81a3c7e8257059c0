"""Instruction sets that numerical libraries use in this process, as the libraries themselves say.

A variable may ask for another set than the processor's and be ignored. So this is read from the loaded libraries; one
that does not say is left out.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

CORE_NAMES = (
    "scipy_openblas_get_corename64_",
    "scipy_openblas_get_corename",
    "openblas_get_corename64_",
    "openblas_get_corename",
)
"""OpenBLAS's own question (cblas.h), as its builds for NumPy and SciPy, of 64-bit and other integers, rename it."""


def used() -> dict[str, str]:
    """Instruction sets by library: those for which NumPy has found kernels, and the cores that OpenBLAS serves."""
    found = {"NumPy": _numpy(), "OpenBLAS": " / ".join(dict.fromkeys(_openblas()))}
    return {library: said for library, said in found.items() if said}


def _numpy() -> str:
    """Features that `numpy.show_config` finds at run time beyond the baseline, less NPY_DISABLE_CPU_FEATURES."""
    import numpy as np

    said = (np.show_config(mode="dicts") or {}).get("SIMD Extensions", {})
    return " ".join([*said.get("baseline", ()), *said.get("found", ())])


def _openblas() -> Iterator[str]:
    for path in _loaded("openblas"):
        library = ctypes.CDLL(path)
        for name in CORE_NAMES:
            if hasattr(library, name):
                ask = getattr(library, name)
                ask.restype = ctypes.c_char_p
                yield (ask() or b"").decode("ascii", "replace")
                break


def _loaded(name: str) -> list[str]:
    """Shared libraries of this process with that in their name; proc(5), /proc/pid/maps."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return []
    return sorted(set(re.findall(rf"(/\S*{name}[^/\s]*\.so[^/\s]*)$", maps, re.MULTILINE)))
