"""Real sessions: `dlbench run --adaptive` as a user starts it, from the prompt to the exit code.

A session compares a program with one that computes 3 % more, or with itself; the truth is known, and a line a session
keeps the answer, its cost and the machine. Sessions that the file holds are not run again.
"""

from __future__ import annotations

import datetime
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dlbench.api.request import TURN_SECONDS
from dlbench.record.reading import read_runs
from dlbench.record.schema import RUNS_FILE
from dlbench.system.environment import describe
from studies.decision_quality.neighbours import ROOT, neighbours

PLUGINS = ROOT / "studies" / "plugins"
DLBENCH = str(Path(sys.executable).with_name("dlbench"))
KEPT = "sessions.jsonl"
BEFORE_AND_AFTER = "before and after"
"""Seconds of no group: the start of the command, its checks of the arms, and the report."""
SLOWER, AGAIN = "slower", "again"
"""Work of the second arm: 3 % more than the first, or the same."""


@dataclass(frozen=True)
class Kind:
    """A program and its setting: the architecture of the plugins, the options beside them, the bar in seconds."""

    architecture: str
    options: Sequence[str]
    bar: float


_MLP = ("--task", "digits")
KINDS: Mapping[str, Kind] = {
    "numpy": Kind("gemm", ("--task", "line", "--threads", "1"), 60),
    "numpy-2": Kind("gemm", ("--task", "line", "--threads", "2"), 60),
    "torch-1": Kind("mlp", (*_MLP, "--threads", "1"), 60),
    "torch-2": Kind("mlp", (*_MLP, "--threads", "2"), 90),
    "tf-jit": Kind("lstm", ("--task", "demand", "--batch-size", "8", "--path", "jit", "--threads", "1"), 120),
}
"""Seconds that a session may take on a quiet machine."""


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session: what was compared, its answer, and its cost.

    `seconds` are from the start of the command to its end; `spent` are those of all processes by activity, as the
    report has them, and the seconds outside of groups. `ratio`, `low` and `high` are None, and `verdict` is empty,
    where it gave none. `problem` is the last line of a command that gave no report. `turn_seconds` are those of a
    sample in turns at least, None of sessions whose turns took 20 ms.
    """

    kind: str
    number: int
    candidate: str
    neighbours: int
    duty: float
    started: str
    machine: str
    seconds: float
    exit_code: int
    groups: int = 0
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str = ""
    code: str = ""
    more_groups: int | None = None
    more_seconds: float | None = None
    spent: dict[str, float] = {}
    pressure: float | None = None
    problem: str = ""
    turn_seconds: float | None = None

    @property
    def key(self) -> tuple[str, int, str, int, float, float | None]:
        """Its place in the study."""
        return self.kind, self.number, self.candidate, self.neighbours, self.duty, self.turn_seconds


@dataclass(frozen=True)
class Order:
    """Sessions to run: kinds, the number of each with 3 % more work and of each without, seconds, neighbours."""

    kinds: Sequence[str]
    sessions: int
    seconds: float
    neighbours: int = 0
    duty: float = 0.5


Run = Callable[[Sequence[str]], "tuple[int, str]"]
"""Runs a command and returns its exit code and its errors."""


def command(kind: str, candidate: str, out: Path) -> list[str]:
    """The words of a session, as a user gives them."""
    of = KINDS[kind]
    plugins = ",".join(f"{name}.{of.architecture}" for name in ("base", candidate))
    return [DLBENCH, "run", "--plugin", plugins, "--phase", "predict", *of.options, "--adaptive", "--out", str(out)]


def measure(folder: Path, order: Order, say: Callable[[str], None], run: Run | None = None) -> list[Session]:
    """Run the sessions that the folder lacks, until the time is up, and return those that it holds.

    A session that was interrupted is run again from its start. Raises RuntimeError if dlbench refuses a command.
    """
    deadline, longest, run = time.monotonic() + order.seconds, 0.0, run or _run
    held = {one.key for one in read(folder)}
    with neighbours(order.neighbours, order.duty):
        for number, kind, candidate in itertools.product(range(order.sessions), order.kinds, (SLOWER, AGAIN)):
            if (kind, number, candidate, order.neighbours, order.duty, TURN_SECONDS) in held:
                continue
            if time.monotonic() + longest >= deadline:
                break
            found = _session(folder, order, (kind, number, candidate), run)
            longest = max(longest, found.seconds)
            _append(folder / KEPT, found)
            say(f"{kind} {number} {candidate}: {found.verdict or 'none'} ({found.code}), {found.seconds:.0f} s")
    return read(folder)


def read(folder: Path) -> list[Session]:
    """The sessions that this folder holds; a torn last line is left out."""
    if not (folder / KEPT).exists():
        return []
    lines = (folder / KEPT).read_bytes().splitlines(keepends=True)
    try:
        return [msgspec.json.decode(line, type=Session) for line in lines if line.endswith(b"\n")]
    except msgspec.MsgspecError as error:
        raise RuntimeError(f"{folder / KEPT} holds a line that is no session ({error})") from error


def _session(folder: Path, order: Order, of: tuple[str, int, str], run: Run) -> Session:
    kind, number, candidate = of
    beside = f"-{order.neighbours}x{order.duty:g}" if order.neighbours else ""
    out = folder.absolute() / "reports" / f"{kind}{beside}-{number}-{candidate}"
    shutil.rmtree(out, ignore_errors=True)
    started, begin = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), time.monotonic()
    exit_code, errors = run(command(kind, candidate, out))
    seconds = round(time.monotonic() - begin, 2)
    problem = "" if (out / "report.json").exists() else (errors.strip().splitlines() or ["nothing was written"])[-1]
    if exit_code == 2:
        raise RuntimeError(f"dlbench refuses {kind}: {problem}")
    return Session(
        kind=kind,
        number=number,
        candidate=candidate,
        neighbours=order.neighbours,
        duty=order.duty,
        started=started,
        seconds=seconds,
        exit_code=exit_code,
        problem=problem,
        turn_seconds=TURN_SECONDS,
        machine=_machine(),
        **({} if problem else _answer(out, seconds)),
    )


def _answer(out: Path, seconds: float) -> dict[str, Any]:
    """Fields of a Session that the report and the Runs hold."""
    report, runs = json.loads((out / "report.json").read_bytes()), read_runs(out / RUNS_FILE)
    section = report["sections"][0]
    said: dict[str, Any] = next((one for one in section["comparisons"] if one["metric"] == "step_time"), {})
    cost, ratio = section["cost"] or {"groups": 0, "parts": {}, "seconds": 0.0}, said.get("ratio") or {}
    spent = {BEFORE_AND_AFTER: seconds - cost["seconds"], **cost["parts"]}
    pressures = [one.load.cpu_pressure for one in runs if one.load and one.load.cpu_pressure is not None]
    return {
        "groups": cost["groups"],
        "ratio": ratio.get("value"),
        "low": ratio.get("low"),
        "high": ratio.get("high"),
        "verdict": said.get("verdict", ""),
        "code": said.get("code", ""),
        "more_groups": said.get("more_groups"),
        "more_seconds": said.get("more_seconds"),
        "spent": {name: round(took, 2) for name, took in spent.items()},
        "pressure": round(statistics.median(pressures), 3) if pressures else None,
    }


def _machine() -> str:
    at = describe()
    return f"{at.processor}, {at.cores} cores, {at.system}, {at.python}"


def _append(path: Path, found: Session) -> None:
    """One line more; a torn end that a kill left is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.read_bytes() if path.exists() else b""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(whole.rfind(b"\n") + 1)
        file.truncate()
        file.write(msgspec.json.encode(found) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def variables() -> dict[str, str]:
    """The environment of a command that knows the plugins of the study."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(PLUGINS)])}


def _run(words: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=variables(), cwd=ROOT)
    return done.returncode, done.stderr
