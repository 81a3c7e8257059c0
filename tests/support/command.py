"""The command line as a user has it: a process of its own."""

import atexit
import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from answering import Answering

DLBENCH = str(Path(sys.executable).with_name("dlbench"))
SHORT = (sys.executable, "-P", str(Path(__file__).with_name("short.py")))
"""The command with sessions of short samples."""


def dlbench(*arguments, cwd, misdeed="", command=(DLBENCH,), **more):
    """Run it there; `misdeed` is an order to the fake plugin."""
    environment = {**os.environ, "DLBENCH_FAKE": misdeed}
    return subprocess.run(
        [*command, *arguments], check=False, cwd=cwd, env=environment, capture_output=True, text=True, **more
    )


@functools.cache
def answering():
    """The process that answers commands which measure nothing."""
    found = Answering()
    atexit.register(found.close)
    return found


def answered(*arguments, cwd):
    """Run it there in a fork of a process that has imported it: a command that is refused, plans or reads."""
    return answering().answer(arguments, cwd, os.environ)


short = functools.partial(dlbench, command=SHORT)
"""The same with sessions of short samples, where no test looks at their figures."""


@contextlib.contextmanager
def started(command: Sequence[str], **more: Any) -> Iterator[psutil.Popen]:
    """A process until the end of the block: a test that fails leaves nothing that runs on."""
    with psutil.Popen(command, **more) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def raw_runs(folder):
    """The records of a session as they stand in its file."""
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def refused(*arguments):
    done = answered("run", "--dry-run", *arguments, cwd=Path.cwd())
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr.removeprefix("dlbench: ").strip()


def planned(*arguments):
    done = answered("run", "--dry-run", *arguments, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    return done.stdout
