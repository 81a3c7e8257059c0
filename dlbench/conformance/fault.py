"""An exception in one line: its type, its message, and the last line of the plugin's own code on its way."""

from __future__ import annotations

from dlbench.errors import places, words

LONGEST = 300
"""Characters of a message; a compiler's can run to thousands."""


def told(error: BaseException) -> str:
    """Text of an error, such as `KeyError: 'kernel' (acme/model.py:12, in build)`."""
    said, at = " ".join(words.reason(error, LONGEST).split()), places.of_plugin(error)
    return f"{said} ({at})" if at and at not in said else said
