"""Options that commands share: one for each axis of a Spec (`dlbench.spec.AXES`), and a gate's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import click

from dlbench.cli import existing
from dlbench.spec import AXES, CLAUSE_SECONDS, ISOLATIONS, PROCESS_SECONDS, Axis, ModelKeywords
from dlbench.spec.ranges import MOST

KINDS = {int: "whole number", float: "number"}

Decorator = Callable[[Any], Any]


class Values(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on only
    """Several values of one option: the option repeated, or its values joined by commas."""

    def __init__(
        self, name: str, parse: Callable[[str], Any] = str, choices: tuple[str, ...] = (), files: tuple[str, ...] = ()
    ) -> None:
        self.name, self._parse, self._choices, self._files = name, parse, choices, files

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split at commas and read each value."""
        parts = [part.strip() for part in str(value).split(",")]
        return tuple(self._one(part, param, ctx) for part in parts)

    @property
    def numeric(self) -> bool:
        """True if each value is a number."""
        return self._parse in KINDS

    def _one(self, part: str, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        unknown = self._choices and part not in self._choices
        if not part and not self._choices:
            self.fail(f"{part!r} names nothing; {existing.named(self.name)}", param, ctx)
        if unknown and not part.endswith(self._files):
            files = f", and no file that ends in {', '.join(self._files)}" if self._files else ""
            self.fail(f"{part!r} is none of {', '.join(self._choices)}{files}", param, ctx)
        try:
            return self._parse(part)
        except ValueError:
            self.fail(f"{part!r} is not a {self.name}", param, ctx)


class Count(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on only
    """A whole number of at least 1."""

    name = "whole number"

    def __init__(self, most: int = MOST) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, unless it is out of range."""
        try:
            number = int(value)
        except ValueError:
            number = 0
        if not 1 <= number <= self._most:
            self.fail(f"{value} is no whole number between 1 and {self._most}", param, ctx)
        return number


def takes_numbers(kind: click.ParamType) -> bool:  # type: ignore[type-arg]
    """True for an option whose values are numbers."""
    return kind in (click.INT, click.FLOAT) or isinstance(kind, Count) or (isinstance(kind, Values) and kind.numeric)


def several(flag: str, help_text: str, kind: Values) -> Decorator:
    """An option that takes several values and so spans a grid."""
    return click.option(flag, type=kind, multiple=True, callback=_flat, help=f"{help_text}  [several]")


def of_axis(field: str, help_text: str = "") -> Decorator:
    """The option of an axis, with its own help if that is given."""
    return _of_axis(AXES[field], help_text)


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of a command that prints facts: its standard output is then one document of JSON."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def timeout(command: Callable[..., Any]) -> Callable[..., Any]:
    """The time limit of a process."""
    text = f"Seconds that a process may work in all.  [default: {PROCESS_SECONDS:g}]"
    return click.option("--timeout", type=float, default=None, help=text)(command)


def seconds_of_process(command: Callable[..., Any]) -> Callable[..., Any]:
    """The time limit of each process of a check."""
    return _limit(command, PROCESS_SECONDS, "Seconds that a process may work.")


def seconds_of_clause(command: Callable[..., Any]) -> Callable[..., Any]:
    """The time limit of each clause of the contract."""
    return _limit(command, CLAUSE_SECONDS, "Seconds that a clause may take.")


def _limit(command: Callable[..., Any], seconds: float, text: str) -> Callable[..., Any]:
    return click.option("--timeout", type=float, default=seconds, show_default=True, help=text)(command)


def find_links(command: Callable[..., Any]) -> Callable[..., Any]:
    """The folders of wheels that environments are made from."""
    text = "Folder of wheels to install from; nothing else is then looked at."
    return click.option("--find-links", multiple=True, metavar="FOLDER", help=text)(command)


def of_run(command: Callable[..., int]) -> Callable[..., int]:
    """The options of all axes, and the short form of a path."""
    return _all(command, _with_jit(axis for axis in AXES.values() if axis.option))


def of_explained(command: Callable[..., int]) -> Callable[..., int]:
    """The options of all axes, for arms that are profiled: they train unless told otherwise."""
    phase = replace(AXES["phase"], help="train, predict, converge; train unless given.")
    axes = (phase if axis.field == "phase" else axis for axis in AXES.values() if axis.option)
    return _all(command, _with_jit(axes))


def of_tuned(command: Callable[..., int]) -> Callable[..., int]:
    """The options of all axes for a race, in which the threads may have several values too, and one phase is timed."""
    own = {
        "threads": replace(AXES["threads"], several=True),
        "phase": replace(AXES["phase"], help="train or predict; train unless given."),
    }
    return _all(command, _with_jit(own.get(axis.field, axis) for axis in AXES.values() if axis.option))


def of_parity(command: Callable[..., int]) -> Callable[..., int]:
    """The options of the axes that make no difference to being the same model."""
    return _all(command, _with_jit(axis for axis in AXES.values() if axis.option in ModelKeywords.__annotations__))


def of_effort(command: Callable[..., int]) -> Callable[..., int]:
    """The options of the effort of measuring."""
    return _all(
        command,
        (
            click.option("--quick", is_flag=True, help="1 process an arm: indicative figures, soonest."),
            click.option("--rigorous", is_flag=True, help="15 processes."),
            click.option(
                "--adaptive", is_flag=True, help="6, 10, 15, 20, 30 or 45 processes: until ratios are within 1.25 %."
            ),
            click.option("--processes", type=int, default=None, help="Fresh processes for each Spec.  [default: 5]"),
            click.option("--budget", type=float, default=None, help="Seconds after which no further process starts."),
            timeout,
            click.option("--cold", is_flag=True, help="Measure cold starts: no process is discarded first."),
            click.option(
                "--memory-limit",
                default="",
                help="Memory that a process may have, such as 4G; all there is unless given.",
            ),
            click.option(
                "--isolation",
                type=click.Choice(ISOLATIONS),
                default=None,
                help="Process of a Spec: fresh, fork (of one that imported the framework; much faster), or none.  "
                "[default: fresh]",
            ),
        ),
    )


def of_gate(command: Callable[..., int]) -> Callable[..., int]:
    """The options of a gate and of a comparison with another session."""
    source = click.Path(path_type=FilePath)
    return _all(
        command,
        (
            several(
                "--fail-on",
                "Gate: slower:2%, memory:5%, compile:20%, error:1e-3, counts; exit code 1 beyond.",
                Values("condition"),
            ),
            click.option("--confirm", is_flag=True, help="Repeat failures of the gate in fresh processes."),
            click.option("--strict", is_flag=True, help="Exit code 3 if the gate is undecided."),
            several("--allow", "Key in which two reports may differ: of the Spec, machine, session.", Values("key")),
            click.option(
                "--history",
                type=source,
                multiple=True,
                help="Reports of unchanged code; required to gate two sessions.",
            ),
        ),
    )


def of_models(command: Callable[..., int]) -> Callable[..., int]:
    """The options of the user's own models."""
    texts = {
        "--output": "Output that the loss reads, if the model returns several.",
        "--loss": "cross_entropy, mse or file.py:function; by default from the targets.",
        "--optimizer": "adam, adamw, sgd, sgd:MOMENTUM or file.py:function; adam unless given.",
        "--target": "Quality to train to in the phase converge, such as accuracy:0.95.",
        "--convert": "file.py:function from the first model's state to the others': they are one model.",
    }
    array = "[NAME=]SHAPE[:DTYPE][<BELOW]"
    return _all(
        command,
        (
            click.option(
                "--model",
                multiple=True,
                metavar="[FRAMEWORK=]REFERENCE",
                help="Model of your own, file.py:NAME or package.module:NAME, or of a loader, timm:NAME.  [several]",
            ),
            click.option(
                "--input", multiple=True, metavar=array, help="Input of the model, 32x3x224x224; the batch first."
            ),
            click.option("--tokens", multiple=True, metavar="SHAPE", help="Input of tokens, such as 8x128."),
            click.option("--vocabulary", type=Count(), default=None, help="Number of distinct tokens."),
            click.option("--classes", type=Count(), default=None, help="Number of classes of the targets."),
            click.option(
                "--targets", default="", metavar=array, help="Targets of the loss; by default from the outputs."
            ),
            *(click.option(flag, default="", help=text) for flag, text in texts.items()),
        ),
    )


def _with_jit(axes: Iterable[Axis]) -> list[Decorator]:
    short = click.option("--jit", is_flag=True, help="Short for --path jit.")
    return [one for axis in axes for one in ([_of_axis(axis), short] if axis.field == "path" else [_of_axis(axis)])]


def _of_axis(axis: Axis, help_text: str = "") -> Decorator:
    flag, text = f"--{axis.option.replace('_', '-')}", help_text or axis.help
    if axis.kind is bool:
        return click.option(flag, is_flag=True, help=text)
    if not axis.several:
        return click.option(flag, type=axis.kind, default=None, help=text)
    if axis.metavar:
        return click.option(flag, multiple=True, metavar=axis.metavar, help=text)
    return several(flag, text, Values(KINDS.get(axis.kind, axis.name), axis.kind, axis.choices, axis.files))


def _all(command: Callable[..., int], options: Iterable[Decorator]) -> Callable[..., int]:
    for option in reversed(list(options)):
        command = option(command)
    return command


def _flat(_: click.Context, __: click.Parameter, value: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(one for group in value for one in group))
