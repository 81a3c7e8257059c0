"""The cost of the article's seven models in TensorFlow, Keras, PyTorch and JAX, and the tables of `docs/article.md`.

    python -m studies.article measure [--only mlp,cnn] [--part steps,curves]
    python -m studies.article pages

`measure` takes a session for each part: `steps` are training steps, `curves` is training to a target over five seeds.
The same command continues a session that was cut. `pages` writes the tables of both into the two pages, between marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

import dlbench
from dlbench.record.schema import PLAN_FILE, RUNS_FILE
from dlbench.report.convergence import NOTHING, sparkline
from dlbench.report.section import Arm, Section
from dlbench.report.units import format_interval, format_value

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "reports"
PAGES = {"en": ROOT / "docs/article.md", "zh": ROOT / "docs/article-zh.md"}
MARKS = ("<!-- figures -->", "<!-- end of figures -->")
PROGRAMS = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
FRAMEWORKS = ("keras-tf", "tf", "torch", "jax")
COMMON: dict[str, Any] = {"size": "small", "threads": 1, "isolation": "fork"}
PARTS: dict[str, dict[str, Any]] = {
    "steps": {"phase": "train", "path": ("graph", "jit", "eager"), "processes": 3},
    "curves": {"phase": "converge", "path": "jit"},
}
"""Options of the session of each part. The first arm is the baseline: Keras on the path that `fit` takes on a CPU."""


class Words(NamedTuple):
    """Words of the tables in one language."""

    arm: str
    step: str
    memory: str
    first: str
    curve: str
    none: str


Cell = Callable[[Section, Arm], str]

WORDS = {
    "en": Words(
        arm="arm",
        step="### A training step\n\nThe time of a step, and how many times as long it takes as `keras-tf graph`.",
        memory="### Memory\n\nPeak memory above what the process held after its imports.",
        first="### The first step\n\nIt holds tracing and compiling.",
        curve="### The curve\n\nQuality on held-out data from the first evaluation to the last, each on the path jit; "
        "then the steps to the target, as their median, and the seeds that reached it.",
        none="Not measured yet.",
    ),
    "zh": Words(
        arm="配置",
        step="### 一步训练\n\n一步的时间，以及它相当于 `keras-tf graph` 的几倍。",
        memory="### 内存\n\n超出导入之后已占用部分的内存峰值。",
        first="### 第一步\n\n包含追踪和编译。",
        curve="### 训练曲线\n\n留出数据上的质量，从第一次评估到最后一次，路径均为 jit；"
        "然后是达到目标所需的步数（中位数）和达到目标的种子数。",
        none="尚未测量。",
    ),
}


@click.group()
def study() -> None:
    """The article's seven models in four frameworks."""


@study.command()
@click.option("--only", default=",".join(PROGRAMS), show_default=True, help="Programs.")
@click.option("--part", default=",".join(PARTS), show_default=True, help="Parts.")
@click.option("--processes", type=int, help="Processes of an arm, or seeds; those of the part unless given.")
@click.option("--budget", type=float, help="Seconds of a part after which no further process starts.")
@click.option("--out", default=FOLDER, show_default="reports", type=click.Path(path_type=Path))
def measure(only: str, part: str, processes: int | None, budget: float | None, out: Path) -> None:
    """Measure what is not there yet."""
    plugins = [f"{one}.{name}" for name in _known(only, PROGRAMS) for one in FRAMEWORKS]
    for kind in _known(part, PARTS):
        folder = out / f"article-{kind}"
        click.echo(folder)
        if (folder / PLAN_FILE).exists():
            dlbench.run(resume=folder)
            continue
        given = {"processes": processes, "budget": budget}
        asked = {**COMMON, **PARTS[kind], **{name: value for name, value in given.items() if value}}
        dlbench.run(plugins, out=folder, **asked)


@study.command()
@click.argument("folder", default=FOLDER, type=click.Path(path_type=Path))
def pages(folder: Path) -> None:
    """Write the tables into the pages."""
    found = sections(folder)
    for language, page in PAGES.items():
        page.write_text(filled(page.read_text(encoding="utf-8"), found, WORDS[language]), encoding="utf-8")


def _known(said: str, names: Iterable[str]) -> list[str]:
    """The names that were given. Raises a usage error for one that is not known."""
    given, known = said.split(","), list(names)
    for name in given:
        if name not in known:
            raise click.UsageError(f"unknown {name!r}; choose from {', '.join(known)}")
    return given


def sections(folder: Path) -> dict[str, list[Section]]:
    """The workloads of each part that has a report in the folder, in the order of the programs."""
    found = {kind: folder / f"article-{kind}" for kind in PARTS}
    return {kind: dlbench.read(one).report.sections for kind, one in found.items() if (one / RUNS_FILE).exists()}


def filled(text: str, found: Mapping[str, Sequence[Section]], words: Words) -> str:
    """The page with the tables between its marks."""
    head, rest = text.split(MARKS[0])
    _, tail = rest.split(MARKS[1])
    lines = list(tables(found, words)) or ["", words.none]
    return "\n".join([head + MARKS[0], *lines, "", MARKS[1] + tail])


def tables(found: Mapping[str, Sequence[Section]], words: Words) -> Iterator[str]:
    """The tables of the parts that were measured: an arm a row, a program a column."""
    steps, curves = found.get("steps", ()), found.get("curves", ())
    for title, cell in (
        (words.step, _step),
        (words.memory, _metric("memory_peak", "bytes")),
        (words.first, _metric("first_step_time", "s")),
    ):
        if steps:
            yield from _table(title, steps, cell, words)
    if curves:
        yield from _table(words.curve, curves, _curve, words)


def _table(title: str, sections: Sequence[Section], cell: Cell, words: Words) -> Iterator[str]:
    """Arms that have no figure in any program are left out."""
    columns = [{_name(arm): cell(section, arm) for arm in section.arms} for section in sections]
    rows = [words.arm, *(one.workload.architecture for one in sections)]
    yield from ("", title, "", f"| {' | '.join(rows)} |", f"|{'---|' * len(rows)}")
    for name in dict.fromkeys(name for column in columns for name in column):
        cells = [column.get(name, "") or NOTHING for column in columns]
        if set(cells) != {NOTHING}:
            yield f"| `{name}` | {' | '.join(cells)} |"


def _step(section: Section, arm: Arm) -> str:
    """A figure of the first arm stands alone, others with their ratio to it."""
    found = arm.metrics.get("step_time")
    if found is None:
        return ""
    ratios = [
        format_interval(one.ratio, "")
        for one in section.comparisons
        if (one.candidate, one.metric) == (arm.label, "step_time") and one.ratio is not None
    ]
    return " ".join([format_value(found.value, "s"), *(f"× {one}" for one in ratios)])


def _metric(name: str, unit: str) -> Cell:
    """A column of this metric."""

    def cell(_: Section, arm: Arm) -> str:
        found = arm.metrics.get(name)
        return "" if found is None else format_value(found.value, unit)

    return cell


def _curve(_: Section, arm: Arm) -> str:
    """`▁▅▇█ 400, 5/5`: the course of quality, the median of steps, the seeds that reached the target."""
    spread = arm.to_target.get("steps_to_target")
    if spread is None:
        return ""
    median = NOTHING if spread.median is None else f"{spread.median:,.0f}"
    return f"{sparkline([point.quality for point in arm.curve])} {median}, {spread.reached}/{spread.of}"


def _name(arm: Arm) -> str:
    """`torch jit` of `torch.mlp jit`."""
    plugin, _, path = arm.label.partition(" ")
    return f"{plugin.partition('.')[0]} {path}"


if __name__ == "__main__":
    study()
