"""Text from a plugin, made safe to keep: readable without an error, bounded in length, printable.

A plugin may raise anything: an error without a readable text, one that is its own cause, or one of 50 MB.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from functools import partial

from dlbench.errors import DlbenchError, redaction

LONGEST = 2000
"""Characters of a reason; of a longer one the beginning and the end are kept."""
_END = 500
_FOLLOWED = 100
"""Errors that are followed along causes and into groups."""
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def reason(error: BaseException, longest: int = LONGEST) -> str:
    """The error in one text: its type and message, with the errors in a group; for our own errors the message alone."""
    text = _text(error)
    if not isinstance(error, DlbenchError):
        text = f"{type_name(error)}: {text}" if text.strip() else type_name(error)
    if isinstance(error, BaseExceptionGroup):
        parts = [f"{type_name(one)}: {bounded(_text(one), _END)}" for one in related(error) if one is not error]
        text = f"{text} [{'; '.join(parts)}]"
    return bounded(text, longest)


def shown(value: object) -> str:
    """A value as Python writes it."""
    return bounded(_tried(lambda: repr(value), f"a value of type {type_name(value)} that cannot be shown"), _END)


def type_name(value: object) -> str:
    """Name of the type of a value."""
    return bounded(_tried(lambda: type(value).__name__, "error of an unknown type"), 200)


def class_names(error: BaseException) -> set[str]:
    """Names of the error's class and all its bases."""
    return {_tried(partial(getattr, base, "__name__"), "") for base in type.mro(type(error))}


def related(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes, and the members of groups, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting and len(seen) < _FOLLOWED:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]


def formatted_traceback(error: BaseException) -> str:
    """The traceback with causes, each of its parts bounded."""
    parts = _tried(lambda: "".join(bounded(part) for part in traceback.format_exception(error)), "")
    return parts or f"{reason(error)} (its traceback cannot be shown)\n"


def bounded(text: str, longest: int = LONGEST) -> str:
    """The text with control characters and lone surrogates as escapes; of a longer one the beginning and the end.

    Secrets go first, for one that is cut in half is not recognised.
    """
    if len(text) > longest:
        end = min(_END, longest // 4)
        left_out = len(text) - longest
        first, last = (redaction.text(part) for part in (text[: 2 * longest], text[-2 * longest :]))
        text = f"{first[: longest - end]} … ({left_out:,} characters left out) … {last[-end:]}"
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _text(error: BaseException) -> str:
    return _tried(lambda: str(error), "(its text cannot be read)")


def _tried(read: Callable[[], str], otherwise: str) -> str:
    """Result of a plugin's own code; a text of a class of its own becomes a plain one."""
    try:
        return str.__str__(read())
    except BaseException:
        return otherwise
