"""A command whose words are kept, so that its folder alone can resume it."""

from __future__ import annotations

import click

WORDS = "dlbench.words"
"""Key under which the words of the command are kept."""


class Remembering(click.Command):
    """A command that remembers its words, so that it can be resumed by its folder alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words, then parse them."""
        ctx.meta[WORDS] = list(args)
        return super().parse_args(ctx, args)
