"""`dlbench new`: the files of a new package, and the next commands."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from dlbench.api.scaffold import Wanted, create, plugin_of
from dlbench.cli import streams


def show(wanted: Wanted, folder: Path | None) -> None:
    """Make the package, and say how to go on. Raises SpecError or UnknownName."""
    place = folder or Path(f"dlbench-{wanted.name}")
    for path in create(wanted, place):
        click.echo(streams.fitted(f"  {path}"))
    named = [f"plugin {plugin_of(wanted)}"] * bool(wanted.framework) + [f"task {wanted.name}"] * wanted.task
    click.echo(streams.fitted(f"brings {' and '.join(named)}"))
    click.echo(streams.fitted(f"next: cd {shlex.quote(str(place))} && pip install -e '.[dev]' && make check test"))
