"""The tables of the article's pages, from the reports that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import dlbench
from dlbench.record.schema import RUNS_FILE
from dlbench.report.convergence import NOTHING, sparkline
from dlbench.report.section import Arm
from dlbench.report.units import format_interval, format_value
from studies import article_why
from studies.article_words import Words

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "reports"
PAGES = {"en": ROOT / "docs/article.md", "zh": ROOT / "docs/article-zh.md"}
MARKS = ("<!-- figures -->", "<!-- end of figures -->")
PROGRAMS = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
STEPS = ("frameworks", "article-steps")
WHY = "article-why"
BOTH = ("all-plugins",)
"""TensorFlow and PyTorch alone, but all seven programs."""
BASELINE = "keras-tf graph"
"""Keras on the path that `fit` takes on a CPU."""
CURVES = ("convergence-images", "convergence-sequences", "article-curves")


class Column(NamedTuple):
    """Arms of one program, and their report."""

    program: str
    arms: Sequence[Arm]
    found: dlbench.Results


Cell = Callable[[Column, Arm], str]


def columns(folder: Path, names: Iterable[str], phase: str) -> list[Column]:
    """The programs in order, each with its arms of size small from the reports of these names that are there."""
    read = [dlbench.read(folder / name) for name in names if (folder / name / RUNS_FILE).exists()]
    sections = [(found, section) for found in read for section in found.report.sections]
    return [
        Column(program, section.arms, found)
        for program in PROGRAMS
        for found, section in sections
        if (section.workload.architecture, section.workload.size, section.workload.phase) == (program, "small", phase)
    ]


def filled(text: str, folder: Path, words: Words) -> str:
    """The page with the tables of the reports in a folder between its marks."""
    head, rest = text.split(MARKS[0])
    _, tail = rest.split(MARKS[1])
    found = columns(folder, BOTH, "train"), columns(folder, STEPS, "train"), columns(folder, CURVES, "converge")
    lines = [*tables(*found, words), *article_why.table(folder / WHY, PROGRAMS, words)] or ["", words.none]
    return "\n".join([head + MARKS[0], *lines, "", MARKS[1] + tail])


def tables(both: Sequence[Column], steps: Sequence[Column], curves: Sequence[Column], words: Words) -> Iterator[str]:
    """The tables of what was measured: an arm a row, a program a column.

    Memory and first steps of a program that was not measured with all frameworks in several processes are those of
    TensorFlow and PyTorch.
    """
    several = [column for column in steps if not any(map(_single, column.arms))]
    whole = {one.program for one in several}
    once = sorted(
        [*several, *(one for one in both if one.program not in whole)], key=lambda one: PROGRAMS.index(one.program)
    )
    for title, of, cell in (
        (words.both, both, _step("tf graph")),
        (words.step, steps, _step(BASELINE)),
        (words.memory, once, _metric("memory_peak", "bytes")),
        (words.first, once, _metric("first_step_time", "s")),
        (words.curve, curves, _curve),
    ):
        yield from _table(title, of, cell, words) if of else ()


def _single(arm: Arm) -> bool:
    """True for a step of one process, which may have been disturbed without a sign."""
    return "step_time" in arm.metrics and arm.metrics["step_time"].n == 1


def _table(title: str, of: Sequence[Column], cell: Cell, words: Words) -> Iterator[str]:
    """Arms that have no figure in any program are left out."""
    programs = list(dict.fromkeys(column.program for column in of))
    cells = {(_name(arm), column.program): cell(column, arm) for column in of for arm in column.arms}
    yield from ("", title, "", f"| {' | '.join([words.arm, *programs])} |", f"|{'---|' * (len(programs) + 1)}")
    for name in dict.fromkeys(name for (name, _), said in cells.items() if said):
        yield f"| `{name}` | {' | '.join(cells.get((name, program)) or NOTHING for program in programs)} |"


def _step(baseline: str) -> Cell:
    """A column of step times: the baseline's figure stands alone, others with their ratio to it.

    An arm that its report does not compare has no figure, and one of a single process has its ratio alone.
    """

    def cell(column: Column, arm: Arm) -> str:
        found, base = arm.metrics.get("step_time"), next((one for one in column.arms if _name(one) == baseline), arm)
        if found is None:
            return ""
        said, names = format_value(found.value, "s"), {id(one): name for name, one in column.found.arms.items()}
        if base is arm:
            return "1" if _single(arm) else said
        ratio = column.found.ratio(names[id(arm)], names[id(base)]).ratio
        beside = "" if ratio is None else format_interval(ratio, "")
        return beside if _single(arm) or not beside else f"{said}, {beside}"

    return cell


def _metric(name: str, unit: str) -> Cell:
    """A column of this metric."""

    def cell(_: Column, arm: Arm) -> str:
        found = arm.metrics.get(name)
        return "" if found is None else format_value(found.value, unit)

    return cell


def _curve(_: Column, arm: Arm) -> str:
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
