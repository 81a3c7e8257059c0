"""Facts of a gate before its commits are installed: its options, where they come from, its command."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from dlbench import __version__
from dlbench.api import commits
from dlbench.api.request import RunRequest
from dlbench.cli import configuration, stated
from dlbench.errors import SpecError, redaction
from dlbench.workers import interpreters

BASE, HEAD = "base", "head"
"""The environments of the two commits, as reports name them."""
SUITE = configuration.GATE
"""The suite that both are measured by."""


def checked(run: click.Command, words: list[str], context: click.Context) -> list[str]:
    """The conditions of the suite. Refuses one that cannot be, before anything is installed.

    Raises SpecError or UnknownName.
    """
    interpreters.require_apart()
    with run.make_context("run", list(words), parent=context) as of_run:
        configured = configuration.configured(of_run, of_run.params)
    stated.check(configured)
    found = configured.options
    if not found["fail_on"]:
        raise SpecError("the suite gate fails on nothing; state fail-on = ['slower:1%'] in [tool.dlbench.gate]")
    if files := [one for one in found["model"] if ".py:" in one]:
        raise SpecError(
            f"model {files[0]}: both environments would read this file; give the model of an installed package, "
            "package.module:NAME"
        )
    if not found["plugin"] and not found["model"]:
        raise SpecError(
            "the suite gate measures nothing; state plugin = ['acme.net'] or model = ['acme.net:Net'] "
            "in [tool.dlbench.gate]"
        )
    with configured.naming_keys():
        RunRequest.read(found)
    return list(found["fail_on"])


def recipe(options: Mapping[str, Any]) -> commits.Recipe:
    """The commands that make an environment. Raises SpecError or UnknownName."""
    return commits.Recipe(requirement(options["dlbench"]), configuration.install())


def requirement(text: str) -> str:
    """A requirement as pip reads it in this folder: where it names a folder or file, the path from the root."""
    return str(Path(text).absolute()) if os.sep in text and Path(text).exists() else text


def again(hashes: Mapping[str, str], options: Mapping[str, Any]) -> str:
    """The command that measures the same again."""
    words = [word for name in (BASE, HEAD) for word in (f"--{name}", hashes[name][:12])]
    words += ["--dlbench", options["dlbench"]] if options["dlbench"] != f"dlbench=={__version__}" else []
    return redaction.text(shlex.join(["dlbench", "gate", *words]))


def of_this_folder() -> Iterator[str]:
    """Lines on what comes from the folder of the call and not from a commit, and on what is not measured of it."""
    file, folder = configuration.file_of_gate(), Path.cwd()
    state = "with changes that are not committed" if commits.is_changed(folder, file) else "as it is committed"
    yield f"configuration of both commits: {file} of this folder, {state}"
    if changed := [one for one in commits.changed(folder) if Path(one).name != file]:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        yield f"changes of this folder are not measured until they are committed: {changed[0]}{more}"
