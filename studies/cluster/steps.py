"""Step times on a Ray of one node and without: sessions by turns, and the ratio of the two of a turn."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlbench.analysis.rounds import by_round_of
from dlbench.record.reading import read_runs
from dlbench.record.schema import RUNS_FILE
from dlbench.stats import estimates
from dlbench.stats.estimates import exp

FILE = "steps.jsonl"
LEVEL = 0.95
MEASURED = ("--plugin", "torch.mlp", "--phase", "train", "--path", "eager", "--threads", "1")
EFFORT = ("--quick", "--no-parity", "--quiet")
"""One process of one arm, so that a turn takes a minute and neighbours have little time to change."""
FAST = 10
"""Percentile of a session's rounds that is its figure: neighbours on the machine only add to a step."""
HEADING = "## Step times on a Ray of one node"
HEAD = f"""{HEADING}

`python -m studies.cluster --turns N FOLDER`: sessions of `dlbench run {{measured}}`,
{{turns}} turns of one with `--cluster local` and one without, in changing order. The figure of a session is the
step time that a tenth of its rounds stay below, without the time in which another program held the core: neighbours
only add to it. A ratio is that with Ray over that without. The load says what else ran.

"""


def measure(folder: Path, turns: int) -> None:
    """Add so many turns to the file."""
    path = folder / FILE
    for _ in range(turns):
        number = len(lines(folder))
        order = ("ray", "here") if number % 2 else ("here", "ray")
        line = json.dumps({**{kind: _session(kind) for kind in order}, "load": os.getloadavg()[1]})
        with path.open("a", encoding="utf-8") as out:
            out.write(f"{line}\n")


def _session(kind: str) -> float:
    """The figure of a session: a logarithm of seconds."""
    where = ["--cluster", "local"] if kind == "ray" else []
    with tempfile.TemporaryDirectory(prefix="dlbench-study-") as place:
        words = ["run", *where, *MEASURED, *EFFORT, "--out", f"{place}/out"]
        subprocess.run([sys.executable, "-m", "dlbench", *words], check=True, capture_output=True)
        runs = list(read_runs(Path(place, "out", RUNS_FILE)))
    rounds = [seconds for run in runs for seconds in by_round_of([run])(run).values()]
    fast = estimates.percentile(rounds, FAST)
    assert fast is not None
    return math.log(fast)


def lines(folder: Path) -> list[dict[str, Any]]:
    """The turns that are kept there."""
    path = folder / FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def page(found: Sequence[dict[str, Any]]) -> str:
    """The ratios, and their mean with its interval; two turns at least."""
    shifts = [one["ray"] - one["here"] for one in found]
    shift = estimates.one_sample(shifts)
    assert shift is not None
    low, high = map(exp, shift.interval(LEVEL))
    rows = [
        f"| {exp(one['here']) * 1e6:.1f} | {exp(one['ray']) * 1e6:.1f} | {exp(gap):.3f} | {one['load']:.1f} |"
        for one, gap in zip(found, shifts, strict=True)
    ]
    words = " ".join((*MEASURED, *EFFORT))
    return "\n".join(
        [
            f"{HEAD.format(measured=words, turns=len(found))}With Ray a step takes {exp(shift.mean):.3f} "
            f"({low:.3f}–{high:.3f}) times as long: {LEVEL:.0%} interval over turns.",
            "",
            "| without, µs | with Ray, µs | ratio | load |",
            "|---:|---:|---:|---:|",
            *rows,
            "",
        ]
    )
