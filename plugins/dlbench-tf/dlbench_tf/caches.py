"""Compiled code on the disk: TensorFlow's XLA keeps some only if a flag in the environment names a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dlbench.plugin import CacheState, cache_state

VARIABLES = ("TF_XLA_FLAGS", "XLA_FLAGS")
FLAGS = ("tf_xla_persistent_cache_directory", "xla_gpu_per_fusion_autotune_cache_dir", "xla_gpu_kernel_cache_file")


def state() -> CacheState:
    """State of the cache that XLA would find now."""
    return cache_state(folder for variable in VARIABLES for folder in _named(os.environ.get(variable, "")))


def _named(flags: str) -> Iterator[str]:
    """Folders of caches; XLA reads a value that begins with no dash as the name of a file with flags in it."""
    if flags and not flags.lstrip().startswith("-"):
        path = Path(flags.strip())
        flags = path.read_text() if path.is_file() else ""
    for name in FLAGS:
        yield from re.findall(rf"--{name}=[\"']?([^\s\"']+)", flags)
