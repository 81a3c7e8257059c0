"""Records as JSON. Infinities and NaN, for which JSON has no numbers, are the words `"inf"`, `"-inf"` and `"nan"`.

`dlbench.record.reading` reads them back. Every file of dlbench is written in this way, so no null in them was a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

EXACT = 17
"""Significant decimal digits that tell any two 64-bit floats apart (IEEE 754)."""
WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def encode(record: msgspec.Struct) -> bytes:
    """The record in one line, without its newline."""
    return msgspec.json.encode(_written(msgspec.to_builtins(record), EXACT))


def page(record: msgspec.Struct | Mapping[str, object], digits: int = EXACT) -> str:
    """The record as a file that people may read too, its figures with `digits` significant digits."""
    text = msgspec.json.encode(_written(msgspec.to_builtins(record), digits))
    return msgspec.json.format(text, indent=2).decode() + "\n"


def _written(value: Any, digits: int) -> Any:
    """The same with words for numbers that JSON lacks; characters that no file can hold are shown by their numbers."""
    match value:
        case float():
            return float(f"{value:.{digits}g}") if math.isfinite(value) else _word(value)
        case str():
            return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_written(name, digits): _written(part, digits) for name, part in value.items()}
        case list() | tuple():
            return [_written(part, digits) for part in value]
        case _:
            return value


def _word(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:g}"
