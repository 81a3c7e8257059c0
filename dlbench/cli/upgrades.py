"""Commands that search, for an upgrade and for a setting, and those of the cache; `dlbench.cli.main` has the others.

They import what they need when they are called.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import click

from dlbench.cli import options
from dlbench.cli.remembering import Remembering


@click.command(cls=Remembering)
@click.argument("range", nargs=-1)
@click.option("--git", default="", metavar="REPO", help="Folder of a clone; RANGE is then OLD..NEW of its commits.")
@click.option("--subdirectory", default="", metavar="PATH", help="Folder of the package within the repository.")
@click.option("--lock", is_flag=True, help="RANGE is two requirement files; a package that differs is named.")
@click.option("--metric", default="time", show_default=True, help="time, memory, compile, quality, or a metric's name.")
@options.of_run
@options.of_models
@options.find_links
@click.option("--no-build-isolation", is_flag=True, help="Build with the packages that are installed.")
@click.option("--all", "whole", is_flag=True, help="Measure every member, and show each step.")
@click.option("--budget", type=float, default=None, help="Seconds after which nothing further is measured.")
@options.timeout
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder of the search.")
@click.option("--resume", type=click.Path(path_type=FilePath), default=None, help="Folder of the search to continue.")
@click.option("--explain", is_flag=True, help="Say where the time of the step went.")
@click.option("--dry-run", is_flag=True, help="Show environments, trials and minutes; install and measure nothing.")
@click.option("--quiet", is_flag=True, help="Print only the path of the answer.")
@options.as_json
def bisect(**given: Any) -> int:
    """Find which upgrade, or which commit, changed a figure.

    RANGE is PACKAGE==OLD..NEW, commits OLD..NEW of --git, or two files of --lock. Exit code 0 when the ends are the
    same, 1 when a change is found, 2 when it could not be measured, 3 when it is undecided.
    """
    from dlbench.cli import bisect as command

    return command.show(click.get_current_context(), given)


@click.command(cls=Remembering)
@options.of_tuned
@options.of_models
@click.option("--max-memory", default="", metavar="SIZE", help="Most memory of a process, or on its device: 4G.")
@click.option("--max-error", type=float, default=None, help="Largest relative error against the most exact form: 1e-3.")
@click.option("--max-latency", default="", metavar="TIME", help="Longest median call, waited for: 20ms.")
@click.option("--largest-batch", is_flag=True, help="Find the largest batch that fits into memory instead.")
@click.option("--budget", type=float, default=None, help="Seconds after which nothing further is measured.")
@options.timeout
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder of the race.")
@click.option("--resume", type=click.Path(path_type=FilePath), default=None, help="Folder of the race to continue.")
@click.option("--dry-run", is_flag=True, help="Show the settings, groups and minutes; measure nothing.")
@click.option("--quiet", is_flag=True, help="Print only the path of the answer.")
@options.as_json
def tune(**given: Any) -> int:
    """Find the fastest setting of a model on this machine, within limits.

    The settings are all combinations of the values that are given. They race in lockstep, and the winner is measured
    again beside the default. Exit code 0 when a setting is found or the default is best, 2 when nothing could be
    measured or no setting keeps the limits, 3 when it is undecided.
    """
    from dlbench.cli import tune as command

    return command.show(click.get_current_context(), given)


@click.group()
def env() -> None:
    """Environments that dlbench made and keeps: `list` and `remove`."""


@env.command("list")
@options.as_json
def list_(*, as_json: bool) -> None:
    """Show the environments, the last used first."""
    from dlbench.cli import environments as command

    command.show(as_json=as_json)


@env.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Remove all that nobody uses.")
def remove(names: tuple[str, ...], *, everything: bool) -> None:
    """Remove the environments NAMES."""
    from dlbench.cli import environments as command

    command.remove(names, everything=everything)


COMMANDS = (bisect, tune, env)
