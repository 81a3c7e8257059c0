"""The page of the command line, from the commands themselves.

    python tests/support/commands_page.py > docs/commands.md

renews it; a test compares both.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from dlbench.cli.main import cli

WIDTH = 96


def page() -> str:
    """Help of every command, in the order of `dlbench --help`."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield "All commands with all options, as `--help` shows them. This page is made from the program."
    settings = {**cli.context_settings, "max_content_width": WIDTH, "terminal_width": WIDTH}
    context = click.Context(cli, info_name="dlbench", **settings)
    yield from _help("dlbench", cli, context)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH)
        yield from _help(f"dlbench {name}", command, inner)


def _help(title: str, command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"\n## {title}\n\n```text"
    yield from (line.rstrip() for line in command.get_help(context).splitlines())
    yield "```"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 (the answer to the command)
