"""Bars of models of the user's own.

    python -m studies.any_model cost FOLDER [--path eager|jit]
    python -m studies.any_model planted FOLDER [--sessions N]

`cost` measures the cost of the adaptor a step: the small mlp of PyTorch's package beside the same module written by a
stranger, in lockstep. `planted` compares a model of timm with the same one that computes a block of its 32 twice, and
with itself, in sessions of their own, and has the rule of pytest-torch judge the same processes. Results lie in FOLDER,
a folder for each session; an interrupted command can be continued, and `sessions.md` holds the finished sessions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np

import dlbench
from studies.decision_quality.rivals import pytest_torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlbench.api.results import Results
    from dlbench.record.schema import Run
    from dlbench.stats.estimates import Estimate

HERE = Path(__file__).parent.relative_to(Path.cwd())
PLAIN, SLOW = (HERE / place / "vit.py" for place in ("plain", "slow"))
INPUT = "8x3x32x32"
MORE, EQUAL = "3.1 % more work", "equal work"
CALLS = 20
"""Steps that pytest-torch times; taken from the first group's processes."""


@click.group()
def study() -> None:
    """Bars of models of the user's own."""


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--path", type=click.Choice(["eager", "jit"]), default="eager", show_default=True)
def cost(folder: Path, path: str) -> None:
    """Measure the cost of the adaptor a step."""
    found = _session(
        folder,
        "torch.mlp",
        model=f"torch={HERE / 'mlp.py'}:mlp",
        task="synthetic",
        phase=["train", "predict"],
        path=path,
        threads=1,
        adaptive=True,
    )
    for section in found.report.sections:
        for one in section.comparisons:
            if one.metric == "step_time":
                click.echo(f"{section.workload.phase}: {one.candidate} over {one.baseline}: {one.ratio} {one.verdict}")


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--sessions", default=10, show_default=True, help="Sessions with the change, and as many without.")
def planted(folder: Path, sessions: int) -> None:
    """Count the sessions that find 3.1 % more work, and those that find a difference without any."""
    copy = folder / "copy" / PLAIN.name  # an arm of its own, as another file is
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(PLAIN.read_bytes())
    rows: list[Row] = []
    for number in range(sessions):
        for work, candidate in ((MORE, SLOW), (EQUAL, copy)):
            found = _session(
                folder / f"{work.split()[0]}-{number}",
                model=[f"torch={file}:vit" for file in (PLAIN, candidate)],
                input=INPUT,
                phase="predict",
                threads=1,
                adaptive=True,
            )
            rows.append(_row(number, work, found))
            click.echo(rows[-1].line)
            (folder / "sessions.md").write_text(_page(rows), encoding="utf-8")


def _session(folder: Path, plugins: str | Sequence[str] = (), **options: Any) -> Results:
    """The session in this folder: measured, continued after an interruption, or read if it is complete."""
    if (folder / "plan.json").exists():
        return dlbench.run(resume=str(folder))
    return dlbench.run(plugins, **options, out=str(folder))


class Row(NamedTuple):
    """A session: its work beside the baseline, the ratio in words, and the verdicts of both rules."""

    number: int
    work: str
    ratio: str
    ours: str
    rival: str

    @property
    def line(self) -> str:
        """The row of the table."""
        return f"| {' | '.join(map(str, self))} |"


def _row(number: int, work: str, found: Results) -> Row:
    one = next(one for one in found.report.sections[0].comparisons if one.metric == "step_time")
    said = "none" if one.ratio is None else _said(one.ratio)
    calls = (_calls(found.runs, place) for place in ("plain", "slow", "copy") if _of(found.runs, place))
    return Row(number, work, said, one.verdict, pytest_torch(*calls).verdict)


def _said(ratio: Estimate) -> str:
    """The ratio with its interval, which one group alone has not."""
    interval = "" if ratio.low is None or ratio.high is None else f" ({ratio.low:.4f}-{ratio.high:.4f})"
    return f"{ratio.value:.4f}{interval}, {ratio.n} groups"


def _page(rows: Sequence[Row]) -> str:
    """The table, and the number of changes found and alarms raised by each rule."""
    title = """# A planted change in a model of timm

Written by `python -m studies.any_model planted`. A vision transformer of timm is compared with itself and with one that
computes one of its 32 blocks twice, in sessions of `dlbench run --adaptive` of their own, on one thread; the rule of
pytest-torch (20 steps, 25 % and 0.05 ms) judges the first processes of each.
"""
    head = "| session | arms | ratio (95 % interval) | dlbench | pytest-torch's rule |\n|---|---|---|---|---|"
    more, equal = ([row for row in rows if row.work == work] for work in (MORE, EQUAL))
    counts = [
        f"{rule}: {sum(getattr(row, field) == 'slower' for row in more)} of {len(more)} sessions with {MORE} found, "
        f"{sum(getattr(row, field) in ('slower', 'faster') for row in equal)} alarms in {len(equal)} with {EQUAL}."
        for rule, field in (("dlbench", "ours"), ("pytest-torch's rule", "rival"))
    ]
    return "\n".join([title, head, *(row.line for row in rows), "", *counts, ""])


def _calls(runs: Sequence[Run], place: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds of the first steady steps of an arm, of its first process, as a test of pytest-torch would take them."""
    samples = [one for one in _of(runs, place)[0].samples if one.stage == "latency"]
    return np.array([one.seconds / one.steps for one in samples][:CALLS])


def _of(runs: Sequence[Run], place: str) -> list[Run]:
    return [run for run in runs if run.spec.model is not None and f"/{place}/" in run.spec.model.reference]


if __name__ == "__main__":
    study()
