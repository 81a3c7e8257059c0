"""Command lines of a page, as a reader would type them."""

from __future__ import annotations

import re
from collections.abc import Iterator


def typed(text: str) -> Iterator[str]:
    """Lines that start with `dlbench` in code blocks, and commands in backticks; continued lines are joined."""
    text = re.sub(r"\\\n\s*", "", text)
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    indented = "\n".join(re.findall(r"^ {4}.*$", text, re.MULTILINE))
    for code in (fenced, indented):
        yield from re.findall(r"^\s*(?:- )?(?:run: |\$ )?(dlbench [a-z].*)$", code, re.MULTILINE)
    yield from re.findall(r"`(dlbench [a-z][^`]*)`", text)
