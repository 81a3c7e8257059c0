"""The place in a plugin's own code from which an exception came."""

from __future__ import annotations

import traceback
from pathlib import Path

from dlbench.errors import DlbenchError

CORE = Path(__file__).parents[1]
IMPORTING = ("<frozen ", "importlib")


def of_plugin(error: BaseException) -> str:
    """File, line and function of the last frame in the plugin's own code: in the folder of the called file.

    Empty if the core itself raised the error.
    """
    frames = [frame for frame in traceback.extract_tb(_origin(error).__traceback__) if not _imports(frame.filename)]
    last_of_core = max((at for at, frame in enumerate(frames) if _is_core(frame.filename)), default=-1)
    called = frames[last_of_core + 1 :]
    if not called:
        return ""
    folder = Path(called[0].filename).parent
    frame = [frame for frame in called if folder in Path(frame.filename).parents][-1]
    return f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}, in {frame.name}"


def _origin(error: BaseException) -> BaseException:
    """Error that the core wrapped in one of its own, if it did."""
    return error.__cause__ or error if isinstance(error, DlbenchError) else error


def _is_core(file: str) -> bool:
    return CORE in Path(file).parents


def _imports(file: str) -> bool:
    return any(word in file for word in IMPORTING)
