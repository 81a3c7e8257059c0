"""Work in a process of its own, and no trace of it in the one that measures: imports, threads and memory end with it.

This module is also the program of that process: `python -m dlbench.plugin_kit.apart module:function`, with pickled
arguments on its standard input and the pickled result, or an error, on its standard output.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from typing import Any

from dlbench.errors import DlbenchError, SpecError, Unsupported

_KEPT = {"Unsupported": Unsupported, "MemoryError": MemoryError}
"""Errors that keep their type on the way; all others that dlbench expects are a SpecError."""


def in_own_process(function: str, *arguments: Any) -> Any:
    """The result of a `module:function` that a new Python calls; arguments and result are pickled.

    What it prints goes to its standard error. Raises the Unsupported or MemoryError that it raises, SpecError for other
    errors that dlbench expects, and RuntimeError with the end of what it printed for a process that ended otherwise.
    """
    program = [
        sys.executable,
        "-W",
        "ignore::RuntimeWarning:runpy",
        "-m",
        __name__,
        function,
    ]  # imported by its package
    done = subprocess.run(program, input=pickle.dumps(arguments), capture_output=True, check=False)
    try:
        error, result = pickle.loads(done.stdout)  # noqa: S301 (of the process that was started here)
    except (EOFError, pickle.UnpicklingError):
        end = done.stderr.decode(errors="replace")[-500:]
        raise RuntimeError(f"{function} ended with code {done.returncode}: {end}") from None
    if error:
        raise _KEPT.get(error, SpecError)(result)
    return result


def _reply(function: str, asked: bytes) -> tuple[str, Any]:
    """Type of the error and its text, or no error and the result."""
    module, _, name = function.partition(":")
    try:
        return "", getattr(importlib.import_module(module), name)(*pickle.loads(asked))  # noqa: S301 (of the parent)
    except (DlbenchError, MemoryError) as error:
        return type(error).__name__, str(error)


def _main() -> None:
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # else what a library prints would stand in the answer
    with own:
        pickle.dump(_reply(sys.argv[1], sys.stdin.buffer.read()), own)


if __name__ == "__main__":
    _main()
