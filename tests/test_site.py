"""The documentation site: it is whole, and it builds without a warning and without a dead link."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import doors
import pytest
from browser import opened
from dead_links import dead

import dlbench
from dlbench import pytest_plugin

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("wheels")]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BEYOND = (
    "[...document.querySelectorAll('article *')]"
    ".filter((one) => !one.closest('.table-wrapper, pre, .highlight') && one.getBoundingClientRect().right > 391)"
)
"""Elements of a page, outside of the frames that scroll, which end beyond 390 pixels."""


def own_names() -> set[str]:
    """Names of `dlbench` that no other door has."""
    return set(dlbench.__all__) - {name for door in doors.MODULES for name in doors.described(door)}


def test_every_page_can_be_reached_and_every_door_has_its_reference():
    index = (DOCS / "index.md").read_text()
    listed = {line for block in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL) for line in block.split()}
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= listed
    reference = (DOCS / "python.md").read_text()
    for door in doors.MODULES:
        assert f".. automodule:: dlbench.{door}\n" in reference
    for name in own_names():
        assert f":: dlbench.{name}\n" in reference
    fixture = reference.partition("## The fixture of pytest")[2]
    assert {"plugin", "policy", *pytest_plugin._AXES} == set(re.findall(r"^\| `(\w+)`", fixture, re.MULTILINE))


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a id="x" href="#x"></a><a href="#y"></a><a href="b.html"></a><img src="c.png">')
    away = "https://github.com/dlbench/dlbench/blob/main/"
    (tmp_path / "d.html").write_text(f'<a href="{away}README.md#more"></a><a href="{away}nothing.md"></a>')
    found = sorted(dead(tmp_path))
    assert found == ["a.html: #y", "a.html: b.html", "a.html: c.png", f"d.html: {away}nothing.md"]
    command = [sys.executable, "tests/support/dead_links.py", str(tmp_path)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()) == (1, found)


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_a_site_without_a_page_is_no_site_without_dead_links(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "tests/support/dead_links.py", str(tmp_path / folder)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{tmp_path / folder}: no page (*.html) is there; build the site first" in done.stderr


def test_no_description_of_a_package_leads_to_a_page_that_only_the_site_can_show():
    """GitHub shows directives of Sphinx as raw text."""
    raw = [page.name for page in DOCS.glob("*.md") if re.search(r"^```\{|^:::\{", page.read_text(), re.MULTILINE)]
    assert "python.md" in raw
    for page in (ROOT / "README.md", *ROOT.glob("plugins/*/README.md")):
        assert [name for name in raw if f"/docs/{name}" in page.read_text()] == [], page


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_without_a_dead_link(site):
    assert list(dead(site)) == []
    assert (site / "search.html").exists()
    reference = (site / "python.html").read_text()
    public = {f"dlbench.{door}.{name}" for door in doors.MODULES for name in doors.described(door)}
    assert {"dlbench.plugin.BuildRequest", "dlbench.tasks.from_arrays"} <= public
    public |= {f"dlbench.{name}" for name in own_names()}
    public |= {f"dlbench.{home}.{name}" for home, names in doors.RETURNED.items() for name in names}
    public |= {f"{name}.plugin" if name != "dlbench_keras" else f"{name}.Backend.plugin" for name in doors.FRAMEWORKS}
    assert {"dlbench.run", "dlbench.Policy", "dlbench.errors.Unsupported", "dlbench.api.check.Examination"} <= public
    assert {name for name in public if f'id="{name}"' not in reference} == set()


@pytest.mark.slow
def test_no_page_of_the_site_is_wider_than_a_telephone(site):
    """Tables and code that are wider scroll in frames of their own."""
    pages = sorted(site.glob("*.html"))
    assert len(pages) > 30
    with opened() as browser:
        browser.window(390)
        browser.media()
        for page in pages:
            browser.open(page)
            assert browser.run("document.documentElement.scrollWidth") <= 390, page.name
            assert browser.run(f"{BEYOND}.map((one) => one.outerHTML.slice(0, 99))") == [], page.name


@pytest.mark.slow
def test_an_element_that_is_wider_than_a_telephone_is_found(tmp_path):
    page = tmp_path / "wide.html"
    page.write_text("<meta name=viewport content='width=device-width'><article><img style='width: 500px'></article>")
    with opened() as browser:
        browser.window(390)
        browser.open(page)
        assert browser.run(f"{BEYOND}.length") == 1
