"""Real searches: sixteen wheels of a small package, a step in one of them or in none, by the command itself."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studies.bisection.packages import PACKAGE, PIECES, PLUGIN, wheels

VERSIONS, MORE = 16, 5
FILE = "sessions.jsonl"
WORDS = ("--plugin", PLUGIN, "--phase", "predict", "--task", "line", "--threads", "1")


def measure(folder: Path, sessions: int) -> None:
    """Add so many searches to the file, with and without a planted step in turn."""
    path = folder / FILE
    done = len(path.read_text().splitlines()) if path.exists() else 0
    for number in range(done, done + sessions):
        at = random.Random(number).randrange(1, VERSIONS) if number % 2 == 0 else VERSIONS
        line = json.dumps(_searched(at))
        with path.open("a", encoding="utf-8") as out:
            out.write(f"{line}\n")


def _searched(at: int) -> dict[str, object]:
    """One search, its environments included; `at` is the first version that computes 5 % more."""
    with tempfile.TemporaryDirectory() as made:
        versions = wheels(Path(made, "wheels"), [PIECES] * at + [PIECES + MORE] * (VERSIONS - at))
        of_range = f"{PACKAGE}=={versions[0]}..{versions[-1]}"
        words = ["bisect", of_range, *WORDS, "--find-links", f"{made}/wheels", "--out", f"{made}/out", "--json"]
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "dlbench", *words],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "DLBENCH_CACHE": f"{made}/cache"},
        )
        found = json.loads(done.stdout) if done.stdout else {}
        return {
            "planted": versions[at] if at < VERSIONS else "",
            "code": done.returncode,
            "named": [one["after"] for one in found.get("changes", ()) if one["verdict"] == "confirmed"],
            "ratios": [one["ratio"] for one in found.get("changes", ())],
            "seconds": round(time.monotonic() - begin),
            "measuring": round(sum(one["seconds"] for one in found.get("lines", ()))),
            "load": os.getloadavg()[1],
            "said": done.stderr.strip().rpartition("\n")[2] if done.returncode == 2 else "",
        }


def table(folder: Path) -> str:
    """The searches as a table."""
    path = folder / FILE
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    rows = ["| Planted | named | exit code | seconds | load |", "|---|---|---:|---:|---:|"]
    rows += [
        f"| {one['planted'] or 'none'} | {', '.join(one['named']) or 'none'} | {one['code']} | {one['seconds']} | "
        f"{one['load']:.1f} |"
        for one in lines
    ]
    return "\n".join(rows)
