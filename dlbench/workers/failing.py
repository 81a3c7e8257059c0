"""Failures of a child in the words of a Run: the status of an exception, and its reason."""

from __future__ import annotations

import contextlib
import sys

from dlbench.errors import DlbenchError, PluginLoadError, SpecError, UnknownName, Unsupported, words
from dlbench.measure.divergence import DivergedError
from dlbench.record.flags import StatusName
from dlbench.workers.child import ChildError
from dlbench.workers.protocol import NO_MEMORY, Failed

_OUT_OF_MEMORY = {"MemoryError", "OutOfMemoryError", "ResourceExhaustedError"}


def failed(error: BaseException, *, loading: bool = True) -> Failed:
    """The error in the words of a Run. With `loading` it was raised while the plugin was loaded and its task opened."""
    found = loading and isinstance(error, PluginLoadError | UnknownName | SpecError)
    return Failed(status=_status(error), reason=_reason(error), loading=found)


def print_traceback(error: BaseException) -> None:
    """Print to standard error, if the plugin has left it open."""
    with contextlib.suppress(Exception):
        sys.stderr.write(words.formatted_traceback(error))


def _status(error: BaseException) -> StatusName:
    if isinstance(error, ChildError):  # of another worker
        return error.status
    if isinstance(error, Unsupported):
        return "unsupported"
    if isinstance(error, DivergedError):
        return "diverged"
    if isinstance(error, SystemExit):
        return "crashed"
    return "out-of-memory" if any(_lacks_memory(one) for one in words.related(error)) else "error"


def _lacks_memory(error: BaseException) -> bool:
    names = words.class_names(error)
    said = not isinstance(error, DlbenchError) and NO_MEMORY.search(words.reason(error))
    return bool(names & _OUT_OF_MEMORY or said)


def _reason(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the plugin exited with code {words.shown(error.code)}"
    return words.reason(error)
