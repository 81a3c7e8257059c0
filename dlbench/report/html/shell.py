"""The file around the parts of a page: head, style, script, contents, and the rule that nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from dlbench.report.html.markup import element, escaped
from dlbench.report.html.parts import Page


def document(title: str, page: Page) -> str:
    """The file."""
    main = [element("h1", escaped(title)), page.first, *page.sections]
    body = [
        '<a class="skip" href="#main">Skip to the report</a>',
        _contents(page.links),
        element("main", "\n".join(main), id="main", tabindex=-1),
        element("script", _file("page.js")),
    ]
    return f'<!DOCTYPE html>\n<html lang="en">\n{_head(title)}\n{element("body", _lines(body))}\n</html>\n'


def _head(title: str) -> str:
    """Its policy lets the page run its own style and script alone, and fetch nothing."""
    allowed = f"default-src 'none'; img-src data:; style-src {_digest('page.css')}; script-src {_digest('page.js')}"
    inner = [
        '<meta charset="utf-8">',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"{allowed}; base-uri 'none'; form-action 'none'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<link rel="icon" href="data:,">',
        element("title", escaped(title)),
        element("style", _file("page.css")),
    ]
    return element("head", _lines(inner))


def _contents(links: Sequence[str]) -> str:
    items = "".join(element("li", link) for link in links)
    return element("nav", element("details", element("summary", "Contents") + element("ol", items)))


def _lines(parts: Sequence[str]) -> str:
    return "\n" + "\n".join(parts) + "\n"


@cache
def _file(name: str) -> str:
    return (Path(__file__).with_name(name)).read_text(encoding="utf-8")


def _digest(name: str) -> str:
    """The only inline text of this kind that a browser runs."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(_file(name).encode()).digest()).decode()}'"
