"""Dead links of a built site: within it, and to files of the repository.

    python tests/support/dead_links.py docs/_build

prints them and ends with 1 if there is one, or if the folder has no page.
"""

from __future__ import annotations

import html.parser
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
HOME = r"https://github\.com/dlbench/dlbench/(?:blob|tree|raw)/main/([^#]+)"


class Anchors(html.parser.HTMLParser):
    """Links and names of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.names |= {found[name] for name in ("id", "name") if name in found}
        self.links += [found[name] for name in ("href", "src") if name in found]


def dead(folder: Path) -> Iterator[str]:
    """Links within the site that lead nowhere, and those to the repository whose file is not there."""
    pages = {page.resolve(): Anchors(page.read_text(encoding="utf-8")) for page in folder.rglob("*.html")}
    for page, found in pages.items():
        for link in found.links:
            if not _lives(link, page, pages):
                yield f"{page.name}: {link}"


def _lives(link: str, page: Path, pages: dict[Path, Anchors]) -> bool:
    parts = urlsplit(link)
    if parts.scheme:
        inside = re.match(HOME, link)
        return inside is None or (ROOT / unquote(inside[1])).exists()
    target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
    named = not parts.fragment or target not in pages or parts.fragment in pages[target].names
    return target.exists() and named


if __name__ == "__main__":
    site = Path(sys.argv[1])
    if not any(site.rglob("*.html")):
        sys.exit(f"{site}: no page (*.html) is there; build the site first, with `make docs`")
    found = sorted(dead(site))
    print(*found, sep="\n", end="\n" if found else "")  # noqa: T201 (the answer to the command)
    sys.exit(bool(found) and f"{len(found)} dead links")
