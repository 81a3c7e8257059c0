"""Tasks by name: dlbench's own, known without importing their modules, and the row that another package states."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dlbench.tasks import data_files
from dlbench.tasks.data_files import Shipped, present
from dlbench.tasks.task import Task, TaskRequest

ANY = "*"


class TaskRow(NamedTuple):
    """A task as `dlbench list` shows it.

    `opens` is the function that opens it, or a module of dlbench that has it as `open_task`. `fits` are the
    architectures of the core that can close it, `*` for any; no task refuses an architecture that the core does not
    describe. A task without any is made to measure, for the user's own models. `needs` names the data that the task
    reads beside this package and CPython, `axes` name the axes of one input.
    """

    opens: str | Callable[[TaskRequest], Task]
    summary: str = ""
    fits: tuple[str, ...] = (ANY,)
    needs: Shipped | None = None
    axes: tuple[str, ...] = ()

    @property
    def of(self) -> str:
        """Purpose, in words."""
        return ", ".join(self.fits).replace(ANY, "any architecture") or "models of your own"

    @property
    def ready(self) -> bool:
        """True if all that it reads is here."""
        return self.needs is None or present(self.needs)


def first_line(docstring: str | None) -> str:
    """Summary of a function by its docstring; empty without one."""
    return (docstring or "").strip().partition("\n")[0].removesuffix(".")


def fault(summary: object, fits: object) -> str:
    """The fault of the words of a row that another package states; empty without one."""
    if not isinstance(summary, str):
        return f"summary is {summary!r}; it must be text"
    if not isinstance(fits, tuple | list) or not all(isinstance(one, str) for one in fits):
        return f"fits is {fits!r}; it must be a tuple of names, such as ('mlp',)"
    return ""


def plain(row: TaskRow) -> TaskRow:
    """The row with words of one line each that a terminal only prints."""
    return row._replace(summary=_plain(row.summary), fits=tuple(map(_plain, row.fits)))


def _plain(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


SEQUENCES = ("gru", "lstm", "rnn", "transformer")
TASKS = {
    "cartpole": TaskRow(
        "dlbench.tasks.cartpole",
        "balancing a pole by acting; policy gradient",
        ("mlp",),
        data_files.CARTPOLE,
        axes=("numbers",),
    ),
    "data": TaskRow("dlbench.tasks.data", "samples of a file of your own (--data); its own loss", ()),
    "demand": TaskRow(
        "dlbench.tasks.demand",
        "half-hourly electricity demand; mean squared error",
        SEQUENCES[:3],
        data_files.DEMAND,
        axes=("steps", "features"),
    ),
    "digits": TaskRow(
        "dlbench.tasks.digits",
        "handwritten digits; cross-entropy",
        ("cnn", "mlp"),
        data_files.DIGITS,
        axes=("height", "width", "channels"),
    ),
    "digits_gan": TaskRow(
        "dlbench.tasks.digits_gan",
        "generating handwritten digits; adversarial loss",
        ("gan",),
        data_files.DIGITS,
        axes=("noise",),
    ),
    "line": TaskRow(
        "dlbench.tasks.line",
        "a noisy line in eight dimensions, made from its seed; MSE",
        ("linear", "mlp"),
        axes=("numbers",),
    ),
    "sentiment": TaskRow(
        "dlbench.tasks.sentiment",
        "good and bad reviews in Chinese; cross-entropy",
        ("gru", "lstm", "transformer"),
        data_files.REVIEWS,
        axes=("characters",),
    ),
    "synthetic": TaskRow(
        "dlbench.tasks.synthetic",
        "ten classes of samples of any shape, made from a seed; cross-entropy",
        ("cnn", "gru", "lstm", "mlp", "rnn"),
        axes=("height", "width", "channels"),
    ),
    "synthetic_gan": TaskRow(
        "dlbench.tasks.synthetic_gan",
        "generating images like some made from a seed; adversarial loss",
        ("gan",),
        axes=("noise",),
    ),
    "synthetic_inputs": TaskRow(
        "dlbench.tasks.synthetic_inputs", "samples for a model of your own, made from a seed; its own loss", ()
    ),
    "text": TaskRow(
        "dlbench.tasks.text",
        "next character of English help texts that CPython ships; cross-entropy",
        ("transformer",),
        axes=("characters",),
    ),
    "vowels": TaskRow(
        "dlbench.tasks.vowels",
        "who says these Japanese vowels; cross-entropy",
        ("mlp", *SEQUENCES),
        data_files.VOWELS,
        axes=("frames", "coefficients"),
    ),
}
