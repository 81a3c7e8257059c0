"""Causes of the spread between processes of a product on two threads: page placement, or thread placement.

    python -m studies.decision_quality.placement FOLDER [--sessions 3] [--threads 2]

Adaptive sessions of three pairs of equal programs in lockstep: the product as it is, with its matrices in one huge
page, and with each thread bound to a processor of its own. A cause is one whose removal narrows the spread of its
pair's ratio.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
from scipy import stats

from dlbench.analysis import evidence
from dlbench.record.reading import read_runs
from dlbench.record.schema import PLAN_FILE, RUNS_FILE, Run
from studies import end_what_was_started
from studies.decision_quality import sessions
from studies.decision_quality.markdown import table
from studies.decision_quality.neighbours import ROOT

PAIRS = {"as it is": ("study", "study-again"), "in a huge page": ("huge", "huge-again"), "bound": ("bound", "bound-2")}
"""Plugins of two equal programs each, by what is different about them."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--sessions", "count", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
def main(folder: Path, count: int, threads: int) -> None:
    """Measure the sessions that the folder lacks, and print the spread of each pair."""
    end_what_was_started()
    plugins = ",".join(f"{name}.gemm" for pair in PAIRS.values() for name in pair)
    words = ["--plugin", plugins, "--task", "line", "--phase", "predict", "--threads", str(threads), "--adaptive"]
    for number in range(count):
        out = folder.absolute() / str(number)
        asked = ["--resume", str(out)] if (out / PLAN_FILE).exists() else [*words, "--out", str(out)]
        subprocess.run([sessions.DLBENCH, "run", *asked], check=True, env=sessions.variables(), cwd=ROOT)
    click.echo(spreads([run for number in range(count) for run in read_runs(folder / str(number) / RUNS_FILE)]))


def spreads(runs: Iterable[Run]) -> str:
    """The robust spread over groups of each pair's ratio, in percent, and its ratio to the spread as it is."""
    ok = [run for run in runs if run.ok]
    found = {}
    for name, pair in PAIRS.items():
        before, after = ([run for run in ok if run.spec.framework == one] for one in pair)
        found[name] = np.array(evidence.group_log_ratios(before, after))
    plain = _spread(found["as it is"])
    rows = [
        [name, str(len(values)), f"{100 * _spread(values):.2f}", f"{_spread(values) / plain:.2f}"]
        for name, values in found.items()
    ]
    return table(["Matrices or threads", "Groups", "Spread of the ratio, %", "of the spread as it is"], rows)


def _spread(values: np.ndarray) -> float:
    return float(stats.median_abs_deviation(values, scale="normal"))


if __name__ == "__main__":
    main()
