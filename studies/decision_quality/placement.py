"""Causes of the spread between processes of a product on two threads: page placement, or thread placement.

    python -m studies.decision_quality.placement FOLDER [--groups 30] [--threads 2]

One session of three pairs of equal programs in lockstep: the product as it is, with its matrices in one huge page, and
with each thread bound to a processor of its own. A cause is one whose removal narrows the spread of its pair's ratio.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import numpy as np
from scipy import stats

from dlbench.analysis import evidence
from dlbench.record.reading import read_runs
from dlbench.record.schema import RUNS_FILE
from studies.decision_quality import sessions
from studies.decision_quality.markdown import table
from studies.decision_quality.neighbours import ROOT

PAIRS = {"as it is": ("study", "study-again"), "in a huge page": ("huge", "huge-again"), "bound": ("bound", "bound-2")}
"""Plugins of two equal programs each, by what is different about them."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--groups", type=click.IntRange(min=6), default=30, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
def main(folder: Path, groups: int, threads: int) -> None:
    """Measure the three pairs unless the folder has them, and print the spread of each."""
    if not (folder / RUNS_FILE).exists():
        plugins = ",".join(f"{name}.gemm" for pair in PAIRS.values() for name in pair)
        words = ["--plugin", plugins, "--task", "line", "--phase", "predict", "--threads", str(threads)]
        command = [sessions.DLBENCH, "run", *words, "--processes", str(groups), "--out", str(folder.absolute())]
        subprocess.run(command, check=True, env=sessions.variables(), cwd=ROOT)
    click.echo(spreads(folder))


def spreads(folder: Path) -> str:
    """The robust spread over groups of each pair's ratio, in percent, and its ratio to the spread as it is."""
    runs = [run for run in read_runs(folder / RUNS_FILE) if run.ok]
    found = {}
    for name, pair in PAIRS.items():
        before, after = ([run for run in runs if run.spec.framework == one] for one in pair)
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
