"""The command line: one function a command, each handing over to one library function.

Commands import what they need when they are called, so that `dlbench --help` and `dlbench list` start at once.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import click

from dlbench import __version__
from dlbench.cli import ending, installed, options, saved, upgrades


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, package_name="dlbench")
def cli() -> None:
    """Deep-learning benchmarks you can trust."""


@cli.command()
@click.option(
    "--suite", default="", metavar="NAME", help="Named options from a file: quick, article, base, or your own."
)
@options.of_run
@click.option(
    "--env",
    multiple=True,
    metavar="NAME=PYTHON",
    help="Python to measure in, or requirements such as package==1.0 or git+file:...@REV; the first is the baseline.",
)
@options.find_links
@options.of_effort
@click.option(
    "--cluster",
    default="",
    metavar="ADDRESS",
    help="Measure on a Ray cluster: local, ray://HOST:PORT or HOST:PORT; each group on one node.",
)
@click.option("--parity/--no-parity", default=True, help="First check that the arms are the same model.")
@click.option("--explain", is_flag=True, help="Then profile the arms, and say why one takes longer than another.")
@options.of_models
@options.of_gate
@click.option("--against", type=click.Path(path_type=FilePath), default=None, help="Saved report to compare with.")
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder of the report.")
@click.option("--resume", type=click.Path(path_type=FilePath), default=None, help="Folder of the session to continue.")
@options.several(
    "--format",
    "Files: markdown, json, html, comment (of a pull request), or an export (csv); markdown and json unless given.",
    options.Values("format"),
)
@click.option("--dry-run", is_flag=True, help="Show the plan and the number of processes; measure nothing.")
@click.option("--quiet", is_flag=True, help="Print only the path of the report.")
def run(**given: Any) -> int:
    """Measure plugins and write a report.

    Several plugins, or several values of an option, are measured side by side in one session. With --fail-on the first
    arm is the baseline of the others. With --against the baseline is a saved report, Spec by Spec. Exit code 1 when
    the gate fails, 2 when something did not run, 3 when the gate is too weak for its threshold.
    """
    from dlbench.cli import run as command

    return command.run(click.get_current_context(), given)


@cli.command()
@click.argument("plugins", nargs=-1)
@options.of_parity
@options.of_models
@click.option("--seeds", type=options.Count(1000), default=5, show_default=True, help="Initial values and batches.")
@options.seconds_of_process
@options.as_json
def parity(plugins: tuple[str, ...], seeds: int, timeout: float, as_json: bool, **given: Any) -> int:
    """Prove that PLUGINS, or models of your own, are the same model: two frameworks' versions, or two paths of one.

    Compares outputs, first gradients and the losses of 20 training steps, without dropout, from the same initial
    values and batches. Exit code 1 when a figure is out of tolerance, 2 when it could not be checked.
    """
    from dlbench.cli import parity as command

    return command.show({**given, "plugin": plugins}, seeds, timeout, as_json=as_json)


@cli.command()
@click.argument("plugins", nargs=-1)
@options.of_models
@options.of_axis("path", "Paths to examine; all that the plugin supports unless given.")
@click.option("--size", default="small", show_default=True, help="Size of the architecture.")
@click.option("--task", default="", help="Data and target; the architecture's default unless given.")
@click.option("--device", default="cpu", show_default=True, help="cpu, gpu, gpu:N or auto.")
@options.seconds_of_clause
@click.option("--fix-hints", is_flag=True, help="Say below each broken clause how to mend it, with code.")
@click.option("--skip", multiple=True, metavar="CLAUSE", help="Clause known not to hold; exit code 1 if it does.")
@options.as_json
def check(
    plugins: tuple[str, ...], path: tuple[Any, ...], size: str, task: str, device: str, timeout: float, **given: Any
) -> int:
    """Examine PLUGINS, or models of your own, against the contract, clause by clause.

    A clause holds, is broken, or was not examined. Exit code 1 when one is broken, 2 when a plugin could not be
    examined: its data is not installed, or it does not support a path that was named.
    """
    from dlbench.api.check import asked
    from dlbench.cli import check as command

    shown = command.Shown(given["as_json"], given["fix_hints"], given["skip"])
    return command.show(asked(plugins, given), path, timeout, shown, size=size, task=task, device=device)


@cli.command()
@click.option("--base", default="", metavar="COMMIT", help="The baseline; that of GitHub's event unless given.")
@click.option("--head", default="HEAD", show_default=True, metavar="COMMIT", help="The candidate.")
@click.option(
    "--dlbench",
    default=f"dlbench=={__version__}",
    show_default=True,
    metavar="REQUIREMENT",
    help="Given to pip first in both environments; empty if `install` brings dlbench.",
)
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder of the report.")
@click.option("--quiet", is_flag=True, help="Print only the path of the report.")
def gate(**given: Any) -> int:
    """Measure two commits of this repository in lockstep, and gate the second.

    Each is checked out and installed in an environment of its own. The suite is [tool.dlbench.gate] of pyproject.toml,
    with an `install` command beside its options. Exit codes are those of `dlbench run`.
    """
    from dlbench.cli import gate as command

    return command.show(click.get_current_context(), given)


@cli.command()
@click.argument("folder", type=click.Path(path_type=FilePath))
def comment(folder: FilePath) -> int:
    """Post the comment.md of FOLDER, a report of `dlbench gate`, on the pull request of GitHub's event.

    Updates the comment that is there. GITHUB_TOKEN may write it; a refusal is one line and exit code 0.
    """
    from dlbench.cli import comment as command

    return command.show(folder)


@cli.command()
@options.of_explained
@click.option("--env", multiple=True, metavar="NAME=PYTHON", help="Python or requirements; the first is the baseline.")
@options.find_links
@options.of_effort
@options.of_models
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder of report and explanation.")
@click.option("--quiet", is_flag=True, help="Print only the path of the explanation.")
@options.as_json
def explain(*, quiet: bool, as_json: bool, **given: Any) -> int:
    """Explain where the time of a step goes, and why one arm takes longer than another.

    The arms are measured as by `dlbench run`; then each takes a few steps under its framework's profiler, in a process
    of its own. Exit code 2 when an arm did not run or has no profile.
    """
    from dlbench.cli import explain as command

    return command.show(given, quiet=quiet, as_json=as_json)


for command in (*installed.COMMANDS, *saved.COMMANDS, *upgrades.COMMANDS):
    cli.add_command(command)


def main() -> None:
    """Run the command line; `dlbench.cli.ending` maps errors to exit codes."""
    ending.run(cli)
