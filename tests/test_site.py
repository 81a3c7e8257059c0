"""The documentation site: it is whole, and it builds without a warning and without a dead link."""

from __future__ import annotations

import html.parser
import os
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
from dlbench.api import scaffold
from dlbench.cli.main import cli

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("wheels")]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PATH = {"PATH": os.environ["PATH"]}
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def test_every_page_can_be_reached_and_every_door_has_its_reference():
    index = (DOCS / "index.md").read_text()
    listed = {line for block in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL) for line in block.split()}
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= listed
    reference = (DOCS / "python.md").read_text()
    for door in doors.MODULES:
        assert f".. automodule:: dlbench.{door}\n" in reference


def called(workflow: str) -> set[str]:
    """Targets of make that the steps of a workflow call; a word of the matrix stands for each of its values."""
    found = set()
    for job in yaml.safe_load(workflow)["jobs"].values():
        rows = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
        for line in [line for step in job["steps"] for line in step.get("run", "").splitlines()]:
            for row in rows:
                said = re.sub(r"\$\{\{ *matrix\.(\w+) *\}\}", lambda word, row=row: str(row[word[1]]), line)
                for words in re.findall(r"(?:^|[;&|] *)make ([^;&|]*)", said.strip()):
                    found |= {word for word in words.split() if not re.match(r"-|\w+=", word)}
    return found


def targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_targets_that_exist(path):
    found = called(path.read_text())
    assert found
    assert found <= targets((ROOT / "Makefile").read_text())


def test_the_workflow_of_a_new_package_calls_targets_of_its_makefile():
    files = scaffold.rendered(scaffold.Wanted("acme", task=True))
    assert called(files[".github/workflows/ci.yml"]) == {"check", "test"} <= targets(files["Makefile"])


def test_a_target_that_does_not_exist_is_found():
    text = """
jobs:
  test:
    strategy: {matrix: {include: [{target: check test}, {target: nothing}]}}
    steps:
      - uses: actions/checkout@v5
      - run: make ${{ matrix.target }}
      - run: |
          make -j2 dist PYTHON=python3.12 && make docs
          echo make it so
"""
    assert called(text) == {"check", "test", "nothing", "dist", "docs"}


@pytest.mark.parametrize("path", sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")), ids=lambda path: path.stem)
def test_a_form_for_issues_asks_in_fields_that_github_knows_for_commands_that_exist(path):
    text = path.read_text()
    form = yaml.safe_load(text)
    if path.stem == "config":
        assert set(form) == {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= set(form)
    for field in form["body"]:
        assert field["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert field["attributes"].get("label") or field["type"] == "markdown"
    for command, options in re.findall(r"`dlbench (\w+)([^`]*)`", text):
        known = {flag for one in cli.commands[command].params for flag in one.opts}
        assert set(re.findall(r"--[\w-]+", options)) <= known


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), ("v0.0.7", 1)])
def test_a_release_is_of_the_version_that_its_tag_names(tag, code, tmp_path):
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    steps = [step.get("run", "") for step in release["jobs"]["build"]["steps"]]
    (check,) = steps[steps.index("make dist") + 1 :][:1]
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / f"dlbench-{__version__}.tar.gz").touch()
    done = subprocess.run(["bash", "-c", check], check=False, cwd=tmp_path, env={"GITHUB_REF_NAME": tag, **PATH})
    assert done.returncode == code


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
    public = {f"dlbench.{door}.{name}" for door in doors.MODULES for name in doors.described(door)}
    assert {"dlbench.plugin.BuildRequest", "dlbench.tasks.from_arrays"} <= public
    assert {name for name in {"dlbench.run", *public} if f'id="{name}"' not in reference} == set()
