"""Bars of models of the user's own: `python -m studies.any_model cost|planted FOLDER [--sessions N]`.

`cost` measures the cost of the adaptor a step: the small mlp of PyTorch's package beside the same module written by a
stranger, in lockstep. `planted` compares a model of timm with the same one that computes a block of its 32 twice, and
with itself, in sessions of their own, and has the rule of pytest-torch judge the same processes. Results lie in FOLDER.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

import dlbench
from studies.decision_quality.rivals import pytest_torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlbench.api.results import Results
    from dlbench.record.schema import Run

HERE = Path(__file__).parent.relative_to(Path.cwd())
PLAIN, SLOW = (HERE / place / "vit.py" for place in ("plain", "slow"))
INPUT = "8x3x32x32"
CALLS = 20
"""Steps that pytest-torch times; taken from the first group's processes."""


@click.group()
def study() -> None:
    """Bars of models that no package brings."""


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
def cost(folder: Path) -> None:
    """Measure the cost of the adaptor a step."""
    found = dlbench.run(
        "torch.mlp",
        model=f"torch={HERE / 'mlp.py'}:mlp",
        task="synthetic",
        phase=["train", "predict"],
        path=["eager", "jit"],
        threads=1,
        adaptive=True,
        out=str(folder),
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
    lines = ["| session | arms | ratio (95 % interval) | dlbench | pytest-torch's rule |", "|---|---|---|---|---|"]
    for number in range(sessions):
        for name, candidate in (("3.1 % more work", SLOW), ("equal work", copy)):
            at = folder / f"{name.split()[0]}-{number}"
            found = dlbench.run(
                model=[f"torch={file}:vit" for file in (PLAIN, candidate)],
                input=INPUT,
                phase="predict",
                threads=1,
                adaptive=True,
                out=str(at),
            )
            lines.append(f"| {number} | {name} | {' | '.join(_judged(found))} |")
            click.echo(lines[-1])
    (folder / "sessions.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _judged(found: Results) -> Iterator[str]:
    one = next(one for one in found.report.sections[0].comparisons if one.metric == "step_time")
    ratio = one.ratio
    yield "none" if ratio is None else f"{ratio.value:.4f} ({ratio.low:.4f}-{ratio.high:.4f}), {ratio.n} groups"
    yield one.verdict
    yield pytest_torch(
        *(_calls(found.runs, place) for place in ("plain", "slow", "copy") if _of(found.runs, place))
    ).verdict


def _calls(runs: Sequence[Run], place: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds of the first steady steps of an arm, of its first process, as a test of pytest-torch would take them."""
    samples = [one for one in _of(runs, place)[0].samples if one.stage == "latency"]
    return np.array([one.seconds / one.steps for one in samples][:CALLS])


def _of(runs: Sequence[Run], place: str) -> list[Run]:
    return [run for run in runs if run.spec.model is not None and f"/{place}/" in run.spec.model.reference]


if __name__ == "__main__":
    study()
