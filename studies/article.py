"""The article's seven models in TensorFlow, Keras, PyTorch and JAX: the tables of `docs/article.md`.

    python -m studies.frameworks measure          # steps and memory of all arms, on a quiet machine
    python -m studies.article steps               # the same of fewer arms, for the programs that it has not
    python -m studies.article curves              # training to a target, on any machine
    python -m studies.article why                 # profiles op by op, on any machine
    python -m studies.article pages

`curves` trains with Keras and JAX what the kept reports on convergence train with TensorFlow and PyTorch: quality by
steps depends on no clock. `steps` and `curves` go on where `--budget` or anything else ended them. `pages` writes the
tables of all reports that are there into both pages, between two marks.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import click

import dlbench
from dlbench.record.schema import PARITY_FILE, PLAN_FILE, RUNS_FILE
from studies import article_why, frameworks
from studies.article_pages import CURVES, FOLDER, PAGES, PROGRAMS, STEPS, WHY, filled
from studies.article_words import WORDS

TASKS = ("digits", "digits_gan", "demand", "text")
"""Those of the kept reports on convergence; each program takes the one that fits it."""


class Kind(NamedTuple):
    """A kind of session: its arms, and the report of all its sessions."""

    phase: str
    frameworks: Sequence[str]
    given: Mapping[str, Any]
    out: Path
    left: str


KINDS = {
    "steps": Kind(
        "train",
        ("keras-tf", "tf", "torch", "jax"),
        {"path": ("eager", "graph", "jit"), "size": "small", "processes": 2},
        FOLDER / STEPS[-1],
        "processes are measured",
    ),
    "curves": Kind(
        "converge",
        ("keras-tf", "jax"),
        {"path": "jit", "task": TASKS},
        FOLDER / CURVES[-1],
        "seeds are trained",
    ),
}


Command = Callable[..., Any]


@click.group()
def study() -> None:
    """The article's seven models in four frameworks."""


def _session_options(kind: str) -> Callable[[Command], Command]:
    """The options of a command that measures, a session for each program."""
    out = KINDS[kind].out
    options = (
        click.option("--only", default=",".join(PROGRAMS), show_default=True, help="Programs."),
        click.option("--budget", type=float, help="Seconds after which no further process starts."),
        click.option(
            "--parts", type=click.Path(path_type=Path), help="Folder of sessions; in reports/local by default."
        ),
        click.option("--out", default=out, show_default=out.name, type=click.Path(path_type=Path)),
    )
    return lambda command: functools.reduce(lambda found, option: option(found), options, command)


@study.command()
@_session_options("steps")
def steps(**given: Any) -> None:
    """Measure the training step of what Keras's path of `fit` stands beside: a session for each program."""
    _measure(KINDS["steps"], **given)


@study.command()
@_session_options("curves")
def curves(**given: Any) -> None:
    """Train to the target with Keras and JAX what is not trained yet: a session for each program, and one report."""
    _measure(KINDS["curves"], **given)


def _measure(kind: Kind, only: str, budget: float | None, parts: Path | None, out: Path) -> None:
    """Measure what is not whole yet, and write the report of all that is."""
    parts, until = parts or frameworks.LOCAL / out.name, monotonic() + (math.inf if budget is None else budget)
    failed, asked = list[str](), _known(only)
    for name in {*PROGRAMS} - {*asked}:
        _adopt(parts / name, out)
    for name in asked:
        if frameworks.finished(parts / name, [kind.phase]):
            continue
        try:
            failed += _measured(kind, parts / name, until - monotonic())
        except dlbench.DlbenchError as error:  # the others are measured nevertheless
            failed.append(f"{name}: {error}")
        finally:
            frameworks.join(parts, out)
    if failed:
        raise click.ClickException("\n".join(failed))


def _adopt(folder: Path, out: Path) -> None:
    """Take what the report holds of a program without a session here: the report is written again from sessions."""
    if folder.exists():
        return
    for file in (RUNS_FILE, PARITY_FILE):
        lines = [line for line in frameworks.whole(out / file) if _program(line) == folder.name]
        if lines:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(b"".join(line + b"\n" for line in lines))


def _program(line: bytes) -> str:
    """The program of a Run, or of a check of parity."""
    found = json.loads(line)
    return str((found.get("spec") or found["baseline"])["plugin"]).partition(".")[2]


def _measured(kind: Kind, folder: Path, left: float) -> list[str]:
    """Measure one program within the seconds that are left, or go on with it; a line if it is not whole then."""
    if left > 0:
        given: dict[str, Any] = {} if math.isinf(left) else {"budget": left}
        if (folder / PLAN_FILE).exists():
            dlbench.run(resume=folder, **given)
        else:
            plugins = [f"{framework}.{folder.name}" for framework in kind.frameworks]
            given |= {"phase": kind.phase, "threads": 1, "isolation": "fork", **kind.given}
            dlbench.run(plugins, out=folder, **given)
    whole = frameworks.finished(folder, [kind.phase])
    return [] if whole else [f"{folder.name}: the budget is used before all of its {kind.left}; run it again"]


@study.command()
@click.option("--only", default=",".join(PROGRAMS), show_default=True, help="Programs.")
@click.option("--parts", default=frameworks.LOCAL / WHY, show_default=True, type=click.Path(path_type=Path))
@click.option("--out", default=FOLDER / WHY, show_default=True, type=click.Path(path_type=Path))
def why(only: str, parts: Path, out: Path) -> None:
    """Explain a step op by op, two frameworks at a time, what is not kept yet, and write the page of all."""
    for name in _known(only):
        try:
            article_why.explain(name, parts / name, out)
        finally:
            article_why.write(out, PROGRAMS)


@study.command()
@click.argument("folder", default=FOLDER, type=click.Path(path_type=Path))
def pages(folder: Path) -> None:
    """Write the tables into the pages."""
    for language, page in PAGES.items():
        page.write_text(filled(page.read_text(encoding="utf-8"), folder, WORDS[language]), encoding="utf-8")


def _known(said: str) -> list[str]:
    """The programs that were given. Raises a usage error for one that is not known."""
    for name in (given := said.split(",")):
        if name not in PROGRAMS:
            raise click.UsageError(f"unknown program {name!r}; choose from {', '.join(PROGRAMS)}")
    return given


if __name__ == "__main__":
    study()
