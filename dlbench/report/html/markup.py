"""Elements of HTML and SVG. Whatever a plugin says is text: nothing reaches a page without `escaped`."""

from __future__ import annotations

from html import escape

from dlbench.report.markdown import plain


def escaped(text: str) -> str:
    """One line in which nothing is markup."""
    return escape(" ".join(_storable(text).split()))


def spoken(text: str) -> str:
    """A line of text in which what stands between backticks is code."""
    parts = escaped(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(element("code", part) if at % 2 else part for at, part in enumerate(parts))


def preformatted(text: str) -> str:
    """The same with its line breaks."""
    return escape(_storable(text))


def _storable(text: str) -> str:
    """Text without control characters, and without halves of characters, which no file can hold."""
    return plain(text).encode("utf-8", "replace").decode("utf-8")


def element(name: str, content: str, **attributes: str | int) -> str:
    """An element; `class_` is the attribute `class`, `aria_x` is `aria-x`. Values are escaped, content is markup."""
    return f"<{name}{_attributes(attributes)}>{content}</{name}>"


def _attributes(given: dict[str, str | int]) -> str:
    return "".join(f' {name.rstrip("_").replace("_", "-")}="{escaped(str(value))}"' for name, value in given.items())
