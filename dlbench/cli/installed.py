"""Commands on what is installed, here or on a cluster, and on a new package; `dlbench.cli.main` has the others.

They import what they need when they are called.
"""

from __future__ import annotations

from pathlib import Path as FilePath

import click

from dlbench.cli import options, streams


@click.command("list")
@click.option("--devices", is_flag=True, help="Also load each framework and ask which devices it sees.")
@click.option("--tasks", is_flag=True, help="Also open each task: shapes, types, labels, loss, metric and target.")
@click.option(
    "--capabilities",
    is_flag=True,
    help="Also load each plugin: which have what --workers, --variant and other options need.",
)
@options.as_json
def list_(devices: bool, tasks: bool, capabilities: bool, as_json: bool) -> None:
    """Show plugins, tasks and, if asked, devices and capabilities."""
    from dlbench.cli import listing

    wanted = {"with_devices": devices, "with_tasks": tasks}
    if as_json:
        from dlbench.cli import listing_document

        print(listing_document.document(**wanted, with_capabilities=capabilities), end="")  # noqa: T201 (the answer)
        return
    for line in listing.lines(**wanted):
        print(streams.fitted(line))  # noqa: T201 (the answer to the command)
    if capabilities:
        from dlbench.cli import listing_capabilities  # imports NumPy

        for line in listing_capabilities.lines():
            print(streams.fitted(line))  # noqa: T201 (the answer to the command)


@click.command()
@click.argument("name")
@click.option(
    "--framework", default="", metavar="NAME", help="Framework of the model, such as numpy; an unknown one lists all."
)
@click.option("--task", is_flag=True, help="Bring a task, with the model or alone.")
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder; dlbench-NAME unless given.")
def new(name: str, framework: str, task: bool, out: FilePath | None) -> None:
    """Make a package with a model or a task of your own, NAME, that conforms, with tests and a CI workflow.

    Overwrites nothing.
    """
    from dlbench.api.scaffold import Wanted
    from dlbench.cli import new as command

    command.show(Wanted(name, framework, task), out)


@click.command()
@click.argument("tasks", nargs=-1)
def fetch(tasks: tuple[str, ...]) -> None:
    """Download the data of TASKS, or of all, with pip. Installs no package."""
    from dlbench.api import fetch as fetching

    for line in fetching.fetch(tasks):
        click.echo(streams.fitted(line))


@click.command()
@options.as_json
def doctor(*, as_json: bool) -> None:
    """Show this machine, the frameworks that work on it, and its minimum detectable change."""
    from dlbench.cli import doctor as command

    command.show(as_json=as_json)


@click.group()
def cluster() -> None:
    """Ray clusters, on which sessions can be measured."""


@cluster.command()
@click.option("--cluster", "address", default="local", show_default=True, metavar="ADDRESS", help="As of dlbench run.")
@options.as_json
def check(address: str, *, as_json: bool) -> int:
    """Show nodes, devices and versions of a cluster, and what differs between them.

    Exit code 2 when a node cannot measure.
    """
    from dlbench.cli import cluster as command

    return command.show(address, as_json=as_json)


COMMANDS = (list_, new, fetch, doctor, cluster)
