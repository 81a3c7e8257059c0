"""The documentation site: it is whole, and it builds without a warning and without a dead link."""

from __future__ import annotations

import html.parser
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import doors
import pytest
import yaml

from dlbench import __version__

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("wheels")]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def test_every_page_can_be_reached_and_every_door_has_its_reference():
    index = (DOCS / "index.md").read_text()
    listed = {line for block in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL) for line in block.split()}
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= listed
    reference = (DOCS / "python.md").read_text()
    for door in doors.MODULES:
        assert f".. automodule:: dlbench.{door}\n" in reference


@pytest.mark.parametrize("path", [*WORKFLOWS, *ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")], ids=lambda path: path.name)
def test_workflows_and_templates_can_be_read_and_call_targets_that_exist(path):
    text = path.read_text()
    assert yaml.safe_load(text)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = [word for line in re.findall(r"(?:run: make |target: )([a-z -]+)", text) for word in line.split()]
    assert set(called) <= targets


def test_a_release_keeps_no_token():
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert release["permissions"] == {"contents": "read"}
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text()


def test_a_citation_is_of_this_version():
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["version"] == __version__
    assert found["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]


class Anchors(html.parser.HTMLParser):
    """Links and names of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.names |= {found[name] for name in ("id", "name") if found.get(name)}
        self.links += [found[name] for name in ("href", "src") if found.get(name)]


def dead(folder):
    """Links within the site that lead nowhere, and those to the repository whose file is not there."""
    pages = {page: Anchors(page.read_text()) for page in folder.rglob("*.html")}
    for page, found in pages.items():
        for link in found.links:
            parts = urlsplit(link)
            target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
            if parts.scheme:
                inside = re.match(r"https://github\.com/dlbench/dlbench/(?:blob|tree)/main/([^#]+)", link)
                if inside and not (ROOT / inside[1]).exists():
                    yield f"{page.name}: {link}"
            elif not target.exists() or (
                parts.fragment and target in pages and parts.fragment not in pages[target].names
            ):
                yield f"{page.name}: {link}"


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a id="x" href="#x"></a><a href="#y"></a><a href="b.html"></a><img src="c.png">')
    assert sorted(dead(tmp_path)) == ["a.html: #y", "a.html: b.html", "a.html: c.png"]


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_without_a_dead_link(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(dead(tmp_path)) == []
    assert (tmp_path / "search.html").exists()
    reference = (tmp_path / "python.html").read_text()
    for name in ("dlbench.run", "dlbench.plugin.BuildRequest", "dlbench.conformance.assert_conforms"):
        assert f'id="{name}"' in reference
