"""Commands that make environments: run in a place, ended with their caller, and refused in one line."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlbench.errors import DlbenchError, redaction
from dlbench.workers import supervisor

_UNUSED = 0
"""Descriptor that a supervisor shall let go of: the empty standard input."""


@dataclass(frozen=True)
class Place:
    """Place where commands run: the side as messages name it, the folder, and the variables."""

    side: str
    folder: Path
    variables: Mapping[str, str]


def do(place: Place, command: Sequence[str], cure: str) -> None:
    """Run a command. Raises DlbenchError with all its words, its last line, and the cure."""
    code, output = ended(place, command)
    if code:
        said = redaction.text(output.decode(errors="replace")).strip().rpartition("\n")[2]
        raise DlbenchError(
            f"{place.side} could not be installed: {redaction.text(shlex.join(command))} ended with exit code "
            f"{code} ({said or 'it said nothing'}); {cure}"
        )


def ended(place: Place, command: Sequence[str]) -> tuple[int, bytes]:
    """Exit code and output of a command; whatever it started ends with it, and with a caller that is killed."""
    leash, hold = os.pipe()
    told, tell = os.pipe()
    ties = [str(leash), str(tell), str(_UNUSED), ""]
    with os.fdopen(hold, "wb") as held, os.fdopen(told, "rb") as status:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, *ties, *command],
                cwd=place.folder,
                env=place.variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(leash, tell),
                start_new_session=True,
            )
        finally:
            os.close(leash)
            os.close(tell)
        with process:
            try:
                output, _ = process.communicate()
            except BaseException:
                held.close()
                raise
            said = status.read().split()
    return int(said[2]) if len(said) > 2 else -signal.SIGKILL, output
