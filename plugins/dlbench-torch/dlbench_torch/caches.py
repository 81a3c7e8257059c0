"""Compiled code on the disk: the folder of each compiler, and its content.

Inductor is imported by the functions that need it: it takes longer than PyTorch itself, and eager steps do not use it.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from dlbench.plugin import CacheState, cache_state

CACHE, TRITON_CACHE = "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"
"""Variables of the folders of compiled code: Inductor's, and Triton's, which lies below it unless it is named."""
XLA_CACHE = "XLA_PERSISTENT_CACHE_PATH"
"""Variable of the folder in which torch_xla keeps compiled code; it keeps none without it."""
REMOTE = (
    "fx_graph_remote_cache",
    "autotune_remote_cache",
    "bundled_autotune_remote_cache",
    "remote_gemm_autotune_cache",
)
"""Inductor's settings that ask another machine for compiled code."""


def use_own() -> None:
    """Keep compiled code among the temporary files of this process; a child of dlbench starts with none.

    A folder that the user names is left alone. PyTorch puts its default into the environment when it is imported, and a
    child of that process finds it there; the default is known by its name. A cache in front of the C++ compiler
    (ccache) is turned off.
    """
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    default = Path(default_cache_dir())
    if Path(os.environ.get(CACHE, default)).name == default.name:
        os.environ[CACHE] = str(default)
    if default.name in Path(os.environ.get(TRITON_CACHE, "")).parts:
        del os.environ[TRITON_CACHE]
    os.environ["CCACHE_DISABLE"] = "1"


def state(compiler: str) -> CacheState:
    """State of the cache that the compiler would find now: `inductor`, or another one, in the folder of XLA_CACHE."""
    if compiler != "inductor":
        return cache_state(filter(None, [os.environ.get(XLA_CACHE)]))
    from torch._inductor import config
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    if any(getattr(config, name, None) for name in REMOTE) or "sccache" in _words(os.environ.get("CXX", "")):
        return "unknown"
    return cache_state(filter(None, [cache_dir(), os.environ.get(TRITON_CACHE)]))


def _words(command: str) -> set[str]:
    return {Path(word).name for word in shlex.split(command)}
