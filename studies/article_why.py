"""The time of a step op by op, of two frameworks at a time: the reasons on the article's page."""

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

PAIRS = {"graph": ("keras-tf", "tf"), "eager": ("tf", "torch"), "jit": ("tf", "jax")}
"""The path, and the two frameworks on it: what Keras adds to its backend, two that go op by op, two under XLA."""
AROUND = ("dispatch", "Python")
"""Categories of time that is no work of the model, each with a column."""
NO_WORK = HOST | {UNATTRIBUTED}
"""All of them, and the time of which no category is known."""
PAGE = "report.md"
HEAD = """# Why a step of the article's models takes as long as it does

`python -m studies.article why`

Op by op, two frameworks at a time: Keras beside TensorFlow on the path that its `fit` takes, TensorFlow beside PyTorch
without a compiler, and beside JAX under XLA. Size small, one thread, one process each, on a machine that other programs
shared: parts of a step are rather to be believed than its length.
"""


def explain(name: str, folder: Path, out: Path) -> None:
    """Explain each pair of one program in a folder of its own, unless it is kept. Raises DlbenchError."""
    out.mkdir(parents=True, exist_ok=True)
    for path, frameworks in PAIRS.items():
        if not _kept(out, name, path).exists():
            plugins = [f"{framework}.{name}" for framework in frameworks]
            dlbench.explain(plugins, path=path, threads=1, quick=True, out=folder / path)
            shutil.copyfile(folder / path / EXPLANATION_FILE, _kept(out, name, path))


def write(out: Path, programs: Sequence[str]) -> None:
    """Write the page of all explanations that are kept."""
    parts = [
        f"## {name}, {path}\n\n" + "\n".join(f"- {line}" for line in one["answer"])
        for name, path, one in _found(out, programs)
    ]
    (out / PAGE).write_text("\n\n".join([HEAD.strip(), *parts]) + "\n", encoding="utf-8")


def _kept(folder: Path, name: str, path: str) -> Path:
    return folder / f"{name}-{path}.json"


def _found(folder: Path, programs: Sequence[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Each explanation of the folder, with its program and path."""
    files = [(name, path, _kept(folder, name, path)) for name in programs for path in PAIRS]
    return [(name, path, read(file)) for name, path, file in files if file.exists()]


def read(file: Path) -> dict[str, Any]:
    """The one explanation of a file."""
    (found,) = json.loads(file.read_text(encoding="utf-8"))["explanations"]
    return dict(found)


def table(folder: Path, programs: Sequence[str], words: Words) -> Iterator[str]:
    """A row for each pair that was explained: both steps, the time around the work, and the work."""
    found = _found(folder, programs)
    if found:
        heads = [words.program, words.arms, words.length, *AROUND, words.work]
        yield from ("", words.why, "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}")
    for name, path, one in found:
        yield f"| {' | '.join([name, *_cells(path, one)])} |"


def _cells(path: str, one: dict[str, Any]) -> Iterator[str]:
    """The two arms, their steps, and of each kind of time both sides, as `10.8 ms, 423 µs`."""
    yield ", ".join(f"`{framework} {path}`" for framework in PAIRS[path])
    yield ", ".join(format_value(one[side]["step"], "s") for side in ("before", "after"))
    times = {row["category"]: (row["before"] or 0.0, row["after"] or 0.0) for row in one["categories"]}
    around = [times.get(name, (0.0, 0.0)) for name in AROUND]
    work = [sum(time[side] for name, time in times.items() if name not in NO_WORK) for side in (0, 1)]
    costs = [one[side]["profile"].get("cost") for side in ("before", "after")]
    dear = any(cost is None or cost > DEARER for cost in costs)  # no times are to be shown
    for pair in (*around, work):
        yield NOTHING if dear else ", ".join(format_value(value, "s") for value in pair)
