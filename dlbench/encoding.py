"""Records as JSON. Infinities and NaN, for which JSON has no numbers, are the words `"inf"`, `"-inf"` and `"nan"`.

`dlbench.decoding` reads them back. Every file of dlbench is written in this way, so that none of them holds a null that
was a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def encode(record: msgspec.Struct) -> bytes:
    """The record in one line, without its newline."""
    return msgspec.json.encode(_written(msgspec.to_builtins(record)))


def page(record: msgspec.Struct) -> str:
    """The record as a file that people may read too, its figures rounded to nine significant digits.

    The last of sixteen come from the processor that renders: without them two machines write the same page.
    """
    text = msgspec.json.encode(_written(msgspec.to_builtins(record), lambda value: float(f"{value:.9g}")))
    return msgspec.json.format(text, indent=2).decode() + "\n"


def _written(value: Any, figure: Callable[[float], float] = float) -> Any:
    """The same with words for numbers that JSON lacks; what no file can hold of a text is shown by its number."""
    match value:
        case float():
            return figure(value) if math.isfinite(value) else "nan" if math.isnan(value) else f"{value:g}"
        case str():
            return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_written(name): _written(part, figure) for name, part in value.items()}
        case list() | tuple():
            return [_written(part, figure) for part in value]
        case _:
            return value
