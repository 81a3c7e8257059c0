"""Standard output and standard error that every terminal, pipe and file can take.

A sign that the encoding lacks is spelt out. A reader that goes away ends nothing: the measurements are in files, and
the exit code is the answer of the command.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import select
import shutil
import sys
import textwrap
from typing import Any, TextIO

from dlbench.errors import RecordError

PLAINER = "dlbench-plainer"
"""The name of the error handler of `plainer`."""
SIGNS = (
    {chr(number): "+" for number in range(0x2500, 0x2580)}  # lines of tables and bars
    | dict.fromkeys("─━╸╺–—−·", "-")
    | dict.fromkeys("│┃", "|")
    | {sign: str(height) for height, sign in enumerate("▁▂▃▄▅▆▇█", start=1)}  # a curve in one line
    | {"×": "x", "≠": "!=", "≤": "<=", "≥": ">=", "±": "+/-", "→": "->", "°": " deg ", "µ": "u", "μ": "u"}
    | {"•": "*", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " "}
)
"""Signs of ours and of tables, and their ASCII replacements."""
LEAST_WIDTH = 60
"""Columns below which no line is broken: a narrower terminal, or one that says 0, does it itself."""
GONE = (errno.EPIPE, errno.EIO, errno.ECONNRESET, errno.ENXIO)
"""Errors of writing to a reader that went away: a closed pipe, a terminal that hung up."""


class Enduring(io.RawIOBase):
    """A descriptor that is written to as long as there is a reader; `required` raises RecordError for a full disk."""

    def __init__(self, descriptor: int, *, required: bool) -> None:
        self._descriptor, self._required = descriptor, required

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """True if somebody sits in front of it."""
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        """Write some of it, and wait if the descriptor is not blocking. Raises RecordError."""
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                _discard(self._descriptor)
                if self._required and error.errno not in GONE:
                    raise RecordError(
                        f"standard output cannot be written ({error.strerror}); free some space"
                    ) from error
                return len(data)


def prepare() -> None:
    """Put streams of this kind in the places of standard output and error, and something in the place of a closed one.

    Without it the first file that is opened takes the number of a closed stream, and printed text goes there.
    """
    for descriptor in (0, 1, 2):
        if not _is_open(descriptor):
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    codecs.register_error(PLAINER, _plainer)
    if sys.stdout is sys.__stdout__:  # and not somebody else's stream in its place
        sys.stdout = _stream(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(sys.stderr, 2)


def flush() -> None:
    """Have the reader get all that was printed. Raises RecordError if a disk is full."""
    sys.stderr.flush()
    sys.stdout.flush()


def fitted(line: str) -> str:
    """The line broken at words for the terminal that it goes to; whole for a pipe or a file, which are searched."""
    width = max(shutil.get_terminal_size().columns, LEAST_WIDTH)
    if len(line) <= width or not sys.stdout.isatty():
        return line
    further = " " * (len(line) - len(line.lstrip()) + 4)
    return "\n".join(textwrap.wrap(line, width, subsequent_indent=further, break_on_hyphens=False))


def plainer(text: str) -> str:
    r"""The text in ASCII: our signs by similar ones, all else by its number, `\u4f60`, so that no two are alike."""
    return "".join(SIGNS.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in text)


def _stream(old: TextIO | None, descriptor: int) -> TextIO:
    errors = getattr(old, "errors", None) or "strict"
    return io.TextIOWrapper(
        io.BufferedWriter(Enduring(descriptor, required=descriptor == 1)),
        encoding=getattr(old, "encoding", None) or "utf-8",
        errors=PLAINER if errors in ("strict", "surrogateescape", "backslashreplace") else errors,  # or as was asked
        line_buffering=getattr(old, "line_buffering", True),
        write_through=getattr(old, "write_through", False),
    )


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _discard(descriptor: int) -> None:
    """Let all further output vanish, that in buffers too."""
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plainer(error.object[error.start : error.end]), error.end
