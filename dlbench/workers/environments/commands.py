"""Commands that make environments: run in a place, ended with their caller, and refused in one line."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlbench.errors import DlbenchError, redaction


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
    """Exit code and output of a command; whatever it started ends with a caller that is told to end."""
    with subprocess.Popen(
        command,
        cwd=place.folder,
        env=place.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output
