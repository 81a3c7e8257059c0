"""Misdeeds of the naughty plugin: to its process, to other processes, and to its results."""

from __future__ import annotations

import builtins
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import threadpoolctl

from dlbench import errors

HELPER = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
BUSY_HELPER = [sys.executable, "-I", "-S", "-c", "while True: pass"]
WORDS = "told to fail"

_kept: list[Any] = []


class _Mute(ValueError):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class _Wordless(ValueError):
    """Its text is none."""

    def __str__(self) -> str:
        return 7  # type: ignore[return-value]  # noqa: PLE0307 (the misdeed)


class _Nameless(type):
    """Classes without a name."""

    @property
    def __name__(cls) -> str:
        raise RuntimeError("no name")


class _NoName(ValueError, metaclass=_Nameless):
    """Its type cannot be named."""


def _own_cause() -> NoReturn:
    error = ValueError(WORDS)
    raise error from error


def _circle() -> NoReturn:
    first, second = ValueError(WORDS), TypeError(WORDS)
    second.__cause__ = second.__context__ = first
    raise first from second


def _recurse() -> NoReturn:
    _recurse()


def _huge() -> NoReturn:
    raise ValueError(WORDS + "x" * (50 << 20))


def _error(error: BaseException) -> Callable[[], NoReturn]:
    def throw() -> NoReturn:
        raise error

    return throw


ERRORS: dict[str, Callable[[], NoReturn]] = {
    "own-cause": _own_cause,
    "circle": _circle,
    "recursion": _recurse,
    "mute": _error(_Mute()),
    "wordless": _error(_Wordless()),
    "nameless": _error(_NoName(WORDS)),
    "group": _error(ExceptionGroup(WORDS, [ValueError("a member")])),
    "unprintable": _error(ValueError(f"{WORDS} \x1b[31m\x00\ud800")),
    "huge": _huge,
}
"""Errors that are hard to write down."""


def _raise(value: str) -> None:
    if value in ERRORS:
        ERRORS[value]()
    raise (getattr(errors, value, None) or getattr(builtins, value or "ValueError"))(WORDS)


def _hang(_: str) -> None:
    while True:
        pass


def _spin(value: str) -> None:
    end = time.perf_counter() + float(value)
    while time.perf_counter() < end:
        pass


def _allocate(value: str) -> None:
    blocks = range(int(value) // 16) if value else iter(int, 1)
    _kept.extend(np.ones(16 << 20, np.uint8) for _ in blocks)


def _spike(value: str) -> None:
    block = np.ones(int(value) << 20, np.uint8)
    time.sleep(0.04)
    del block


def _litter(value: str) -> None:
    os.close(tempfile.mkstemp(prefix="litter-")[0])
    Path(tempfile.mktemp(prefix="link-")).symlink_to(value or ".")


def _start_thread(_: str) -> None:
    threading.Thread(target=threading.Event().wait).start()


def _print(value: str) -> None:
    for _ in range(int(value) >> 16):
        sys.stdout.write("x" * (1 << 16))
    print("x" * (int(value) % (1 << 16)), flush=True)  # noqa: T201 (told to)


def _help(kind: str) -> None:
    """A process of its own: in a session of its own unless told, `daemon` without a parent, `fork` of this one."""
    if kind == "fork" or (kind == "daemon" and not os.fork()):
        if pid := os.fork():
            os._exit(0) if kind == "daemon" else _kept.append(pid)
            return
        os.setsid()
        time.sleep(600)
        os._exit(0)
    if kind in ("", "busy", "holds"):
        _kept.append(
            subprocess.Popen(
                BUSY_HELPER if kind == "busy" else HELPER, start_new_session=True, close_fds=kind != "holds"
            )
        )


def _read(how: str) -> None:
    if how == "input":
        input()
    elif sys.stdin.read():
        raise RuntimeError("standard input is not empty")


def _close_streams(_: str) -> None:
    sys.stdout.close()
    sys.stderr.close()


def _write_everywhere(_: str) -> None:
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, b"garbage\n")
        except OSError:
            continue


def _slow_clock(name: str) -> None:
    """A clock of Python at half speed, by its name in the module time."""
    first = getattr(time, name)
    setattr(time, name, lambda: first() // 2)


def rounded_off(values: Any) -> Any:
    """Numbers cut off to bfloat16: the upper half of a float32."""
    return (np.array(values, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


DEEDS: dict[str, Callable[[str], object]] = {
    "raise": _raise,
    "exit": lambda value: sys.exit(int(value or 0)),
    "os-exit": lambda value: os._exit(int(value or 0)),
    "signal": lambda value: os.kill(os.getpid(), signal.Signals[value]),
    "kill-parent": lambda _: os.kill(os.getppid(), signal.SIGKILL),
    "hang": _hang,
    "sleep": lambda value: time.sleep(float(value)),
    "spin": _spin,
    "allocate": _allocate,
    "leak": lambda value: _kept.append(np.ones(int(value) << 10, np.uint8)),
    "spike": _spike,
    "thread": _start_thread,
    "roam": lambda _: os.sched_setaffinity(0, range(os.cpu_count() or 1)),
    "threads": lambda value: _kept.append(threadpoolctl.threadpool_limits(int(value))),
    "print": _print,
    "litter": _litter,
    "helper": _help,
    "read": _read,
    "clock": _slow_clock,
    "chdir": os.chdir,
    "close-streams": _close_streams,
    "close-descriptors": lambda _: os.closerange(3, 256),
    "write-everywhere": _write_everywhere,
}

RESULTS: dict[str, Callable[[Any], Any]] = {
    "nan": lambda result: result * np.nan if isinstance(result, np.ndarray) else np.nan,
    "inf": lambda _: float("inf"),
    "text": lambda _: "not a number",
    "digits": lambda result: np.asarray(result).astype(str) if np.ndim(result) else "0.5",
    "complex": lambda result: np.asarray(result) + 1j,
    "objects": lambda result: np.full(np.shape(result), None),
    "negative": lambda _: -1,
    "none": lambda _: None,
    "pattern": lambda _: ["OMP_*"],
    "number": lambda _: [7],
    "thousands": lambda _: [f"FAKE_{number}" for number in range(3000)],
    "secret": lambda _: ["FAKE_TOKEN", "FAKE_PLAIN"],
    "shape": lambda result: np.stack([np.asarray(result)] * 2, axis=-1),
}

LIES: dict[str, dict[str, Any]] = {
    "device": {"device": "gpu:7"},
    "path": {"path": "graph"},
    "precision": {"precision": "fp64"},
    "threads": {"threads": 1000},
    "no-threads": {"threads": 0},
    "parameter_count": {"parameter_count": 1},
    "negative": {"parameter_count": -1},
    "fraction": {"parameter_count": 9.5},
    "endless": {"parameter_count": 10**30},
    "versions": {"versions": "none"},
    "bytes": {"device_name": b"CPU"},
    "surrogate": {"device_name": "\ud800"},
    "huge": {"details": {"BLAS": "x" * (50 << 20)}},
    "many": {"details": {str(number): "" for number in range(100_000)}},
    "steps_per_call": {"steps_per_call": 3},
    "data": {"data": "host"},
    "compiler": {"compiler": "other"},
}
"""Wrong values of fields of ModelInfo."""
