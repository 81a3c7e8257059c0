"""Environment variables of a child: thread settings, a fixed hash seed, the folder of a model's file."""

from __future__ import annotations

from collections.abc import Mapping

from dlbench.registry.references import FOLDER_VARIABLE, planned_folder
from dlbench.system.threads import VARIABLES

SPINNING = {"OPENBLAS_THREAD_TIMEOUT": "24"}
"""OpenBLAS's idle threads sleep after 2^24 ticks of the processor's counter, 6.5 ms at 2.6 GHz, rather than 2^28.

The hand-over of a turn waits for that: a group of seven arms of a NumPy product on two threads took 20 s and takes 7.6.
Within a step they sleep only after as long an idle time, and wake in microseconds; pairs of processes that
took turns stepped as fast with either (`docs/method.md`).
"""

SECRETS = "RAY_AUTH_"
"""Beginning of the names of variables with the token of a cluster: whoever has it can run programs there."""


def child_environment(parent: Mapping[str, str], threads: int) -> dict[str, str]:
    """The parent's environment with one thread setting for every numerical library, and a fixed hash seed.

    The folder that dlbench was called in is no place to import from: two environments would find the same code there. A
    passive OpenMP wait policy is not set: it made a two-thread step 1.7 to 5.6 times slower. OpenBLAS's spinning is cut
    short (SPINNING) unless the parent's environment sets its length. A variable names that folder, from which a
    model's file is found. The token of a cluster stays with dlbench (SECRETS).
    """
    told = {name: value for name, value in parent.items() if not name.startswith(SECRETS)}
    fixed = {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", FOLDER_VARIABLE: str(planned_folder())}
    return {**SPINNING, **told, **dict.fromkeys(VARIABLES, str(threads)), **fixed}
