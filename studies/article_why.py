"""The time of a step op by op, in TensorFlow and in PyTorch, by its kind: the reasons on the article's page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dlbench
from dlbench.plugin import HOST, UNATTRIBUTED
from dlbench.record.explanation import DEARER, EXPLANATION_FILE
from dlbench.report.convergence import NOTHING
from dlbench.report.units import format_value
from studies.article_words import Words

FRAMEWORKS, PATH = ("tf", "torch"), "eager"
AROUND = ("dispatch", "Python")
"""Categories of time that is no work of the model, each with a column."""
NO_WORK = HOST | {UNATTRIBUTED}
"""All of them, and the time of which no category is known."""
PAGE = "report.md"
HEAD = """# Why a step of the article's models takes as long as it does

`python -m studies.article why`

Op by op in TensorFlow and PyTorch, size small, one thread, one process each, on a machine that other programs shared:
parts of a step are rather to be believed than its length.
"""


def explain(name: str, folder: Path, out: Path) -> None:
    """Explain one program in a folder of its own, and keep the explanation. Raises DlbenchError."""
    plugins = [f"{framework}.{name}" for framework in FRAMEWORKS]
    dlbench.explain(plugins, path=PATH, threads=1, quick=True, out=folder)
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / EXPLANATION_FILE, out / f"{name}.json")


def write(out: Path, programs: Sequence[str]) -> None:
    """Write the page of all explanations that are kept."""
    found = [(name, read(out / f"{name}.json")) for name in programs if (out / f"{name}.json").exists()]
    parts = [f"## {name}\n\n" + "\n".join(f"- {line}" for line in one["answer"]) for name, one in found]
    (out / PAGE).write_text("\n\n".join([HEAD.strip(), *parts]) + "\n", encoding="utf-8")


def read(file: Path) -> dict[str, Any]:
    """The one explanation of a file."""
    (found,) = json.loads(file.read_text(encoding="utf-8"))["explanations"]
    return dict(found)


def table(folder: Path, programs: Sequence[str], words: Words) -> Iterator[str]:
    """A row for each program that was explained: both steps, the time around the work, and the work."""
    found = {name: read(folder / f"{name}.json") for name in programs if (folder / f"{name}.json").exists()}
    if found:
        heads = [words.program, *(f"`{one} {PATH}`" for one in FRAMEWORKS), *AROUND, words.work]
        yield from ("", words.why, "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}")
    for name, one in found.items():
        yield f"| {' | '.join([name, *_cells(one)])} |"


def _cells(one: dict[str, Any]) -> Iterator[str]:
    """The steps, and of each kind of time both sides, as `10.8 ms, 423 µs`."""
    yield from (format_value(one[side]["step"], "s") for side in ("before", "after"))
    times = {row["category"]: (row["before"] or 0.0, row["after"] or 0.0) for row in one["categories"]}
    around = [times.get(name, (0.0, 0.0)) for name in AROUND]
    work = [sum(time[side] for name, time in times.items() if name not in NO_WORK) for side in (0, 1)]
    dear = any(one[side]["profile"]["cost"] > DEARER for side in ("before", "after"))  # no times are to be shown
    for pair in (*around, work):
        yield NOTHING if dear else ", ".join(format_value(value, "s") for value in pair)
