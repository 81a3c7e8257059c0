"""A page of HTML as elements, for tests of its structure; a page that is not well formed is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link"}
ALONE = "/"


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str = "") -> list[Element]:
        """Elements within, in order; all of them without a name."""
        found = [self] if name in ("", self.name) else []
        return found + [one for child in self.children for one in child.all(name)]

    @property
    def words(self) -> str:
        """Its text with that of the elements within."""
        return " ".join([self.text, *(child.words for child in self.children)]).strip()


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        new = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(new)
        if tag not in VOID:
            self.open.append(new)

    def handle_startendtag(self, tag, attrs):
        assert tag == "path", f"{tag} ends itself"
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        last = self.open.pop()
        assert last.name == tag, f"{tag} ends {last.name}"

    def handle_data(self, data):
        self.open[-1].text += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data}")

    def handle_pi(self, data):
        raise AssertionError(f"an instruction: {data}")


def parsed(text: str) -> Element:
    """The document. Raises AssertionError for elements that are not closed in their order."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert parser.open == [parser.root], f"not closed: {[one.name for one in parser.open]}"
    return parser.root
