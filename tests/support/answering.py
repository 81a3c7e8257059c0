"""The command line in forks of one process that has imported it, for commands that measure nothing.

Such a command spends its time on starting Python and on imports. As a program it is that process: it reads a line of
JSON for each command, and writes its exit code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OMP_", "OPENBLAS_", "MKL_", "NPY_")
"""Beginnings of variables that are read when Python starts or imports: a process that had others answers no command."""


class Answering:
    """The process, started when it is needed, and anew for other variables of its start."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def answer(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Output and exit code of a command in this folder and environment."""
        with tempfile.TemporaryDirectory() as place:
            files = [str(Path(place, name)) for name in ("out", "err")]
            code = self.write(arguments, folder, environment, files)
            said = (Path(file).read_text(encoding="utf-8") for file in files)
            return subprocess.CompletedProcess(arguments, code, *said)

    def write(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], files: Sequence[str]
    ) -> int:
        """Exit code of a command that writes its output and its errors to these files, or to a terminal."""
        process = self._started(environment)
        order = {"words": arguments, "folder": str(folder), "environment": dict(environment), "files": files}
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())
        except BaseException:  # such as the time limit of a test: the next one is not to be given this answer
            os.killpg(process.pid, signal.SIGKILL)
            self.close()
            raise

    def _started(self, environment: Mapping[str, str]) -> subprocess.Popen[str]:
        given = {name: value for name, value in environment.items() if name.startswith(AT_START)}
        if self._process is None or given != self._given:
            self.close()
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            command = [sys.executable, "-P", __file__]
            self._process = subprocess.Popen(command, env=environment, start_new_session=True, **pipes)
            self._given = given
        return self._process

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.communicate()
            self._process = None


def serve() -> None:
    """Answer commands, each in a fork, until there are no more."""
    for module in pkgutil.iter_modules(importlib.import_module("dlbench.cli").__path__, "dlbench.cli."):
        importlib.import_module(module.name)
    gc.freeze()
    with os.fdopen(os.dup(0)) as orders, os.fdopen(os.dup(1), "w") as codes:
        for order in orders:
            child = os.fork()
            if child == 0:
                run(**json.loads(order))
            codes.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
            codes.flush()


def run(words: list[str], folder: str, environment: dict[str, str], files: list[str]) -> None:
    """Be the command, and end."""
    for descriptor, file in enumerate((os.devnull, *files)):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_NOCTTY
        opened = os.open(file, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["dlbench", *words]
    importlib.import_module("dlbench.cli.main").main()


if __name__ == "__main__":
    serve()
