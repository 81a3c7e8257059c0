"""Every framework on every path in one report, and the tables that `docs/frameworks.md` shows of it.

    python -m studies.frameworks measure [--size small,base] [--only mlp,cnn] [--phase train,predict] [--out FOLDER]
    python -m studies.frameworks tables [FOLDER]

`measure` is one `dlbench.run`. `--budget` are seconds after which no process starts, and `--resume` goes on with what
is left. `tables` prints, of a saved report, the step of every arm, the cost of Keras over the bare framework as a
ratio with its interval, and the price of compiling with the steps after which it pays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import dlbench
from dlbench.report.model import Report
from dlbench.report.section import Arm, Section
from dlbench.report.units import format_interval, format_value

FOLDER = Path("reports/frameworks")
SEVEN = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
TRAIN = ("tf", "torch", "jax", "keras-tf", "keras-torch", "keras-jax")
PREDICT_ONLY = ("ort", "openvino")
PATHS = ("eager", "graph", "jit")


@click.group()
def study() -> None:
    """Every framework on every path."""


@study.command()
@click.option("--size", default="small", show_default=True, help="One or several, with commas.")
@click.option("--only", default=",".join(SEVEN), show_default=True, help="Architectures.")
@click.option("--phase", default="train,predict", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--processes", default=2, show_default=True)
@click.option("--budget", default=None, type=float, help="Seconds after which no further process starts.")
@click.option("--out", default=FOLDER, show_default=True, type=click.Path(path_type=Path))
@click.option("--resume", is_flag=True, help="Go on with the session in the folder.")
def measure(only: str, out: Path, *, resume: bool, **given: Any) -> None:
    """Measure all arms into one report."""
    if resume:
        dlbench.run(resume=out)
        return
    phases = given.pop("phase").split(",")
    frameworks = (*TRAIN, *(PREDICT_ONLY if "predict" in phases else ()))
    plugins = [f"{framework}.{name}" for name in only.split(",") for framework in frameworks]
    sizes = given.pop("size").split(",")
    dlbench.run(plugins, path=PATHS, phase=phases, size=sizes, out=out, **given)


@study.command()
@click.argument("folder", default=FOLDER, type=click.Path(path_type=Path))
def tables(folder: Path) -> None:
    """Print the tables of a saved report."""
    found = dlbench.read(folder)
    for line in (*steps(found.report), *keras(found), *compiling(found.report)):
        click.echo(line)


def steps(report: Report) -> Iterator[str]:
    """A row for each framework and path, a column for each workload; the fastest of a column is bold."""
    for phase in dict.fromkeys(section.workload.phase for section in report.sections):
        sections = [one for one in report.sections if one.workload.phase == phase]
        columns = [{_arm(arm): step for arm in one.arms if (step := _step(arm))} for one in sections]
        yield f"\n### A step, {phase}\n"
        yield from _rows(["arm", *map(_title, sections)])
        for name in dict.fromkeys(name for column in columns for name in column):
            yield f"| {name} | {' | '.join(_cell(column, name) for column in columns)} |"


def _cell(column: Mapping[str, float], name: str) -> str:
    """A figure of a column, bold if it is the smallest."""
    said = format_value(column.get(name), "s")
    return f"**{said}**" if column.get(name) == min(column.values()) else said


def keras(found: dlbench.Results) -> Iterator[str]:
    """A step of Keras over one of the framework below it, where both ran on the same path."""
    yield "\n### The cost of Keras\n"
    yield from _rows(["workload", "path", *(f"on {name}" for name in ("tf", "torch", "jax"))])
    names = {id(arm): name for name, arm in found.arms.items()}
    for section in found.report.sections:
        arms = {_arm(arm): names[id(arm)] for arm in section.arms}
        for path in PATHS:
            sides = [(arms.get(f"keras-{one} {path}"), arms.get(f"{one} {path}")) for one in ("tf", "torch", "jax")]
            cells = [_ratio(found, *pair) for pair in sides]
            if any(cells):
                yield f"| {_title(section)}, {section.workload.phase} | {path} | {' | '.join(cells)} |"


def compiling(report: Report) -> Iterator[str]:
    """The first step of an arm that compiles, and the step from which it has taken less time than eager."""
    yield "\n### The price of compiling\n"
    yield from _rows(["workload", "arm", "first step", "pays from step"])
    for section in report.sections:
        first = {arm.label: arm.metrics.get("first_step_time") for arm in section.arms}
        for one in section.paybacks:
            once = first.get(one.label)
            pays = "never" if one.steps is None else f"{one.steps:,.0f}"
            price = format_value(None if once is None else once.value, "s")
            yield f"| {_title(section)}, {section.workload.phase} | {one.label} | {price} | {pays} |"


def _ratio(found: dlbench.Results, one: str | None, other: str | None) -> str:
    """The ratio with its interval; empty unless both arms are there and have one."""
    ratio = None if one is None or other is None else found.ratio(one, other).ratio
    return "" if ratio is None else format_interval(ratio, "")


def _rows(heads: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"


def _title(section: Section) -> str:
    return f"{section.workload.architecture} {section.workload.size}"


def _arm(arm: Arm) -> str:
    """`torch jit` of `torch.mlp jit`."""
    plugin, _, path = arm.label.partition(" ")
    return f"{plugin.partition('.')[0]} {path}"


def _step(arm: Arm) -> float | None:
    found = arm.metrics.get("step_time")
    return None if found is None else found.value


if __name__ == "__main__":
    study()
