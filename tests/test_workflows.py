"""Workflows on GitHub: they call what there is, the whole suite runs nightly, and a release is checked and whole."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlbench import __version__
from dlbench.api import scaffold
from dlbench.cli.main import cli

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("wheels")]

ROOT = Path(__file__).parents[1]
PATH = {"PATH": os.environ["PATH"]}
SITE = "https://dlbench.github.io/dlbench/"
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def called(workflow: str) -> set[str]:
    """Targets of make that the steps of a workflow call; a word of the matrix stands for each of its values."""
    found = set()
    for job in yaml.safe_load(workflow)["jobs"].values():
        rows = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
        for line in [line for step in job.get("steps", []) for line in step.get("run", "").splitlines()]:
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


def workflow(name: str) -> dict[Any, Any]:
    return dict(yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text()))


@pytest.mark.parametrize(
    ("tag", "other", "code"),
    [(f"v{__version__}", __version__, 0), ("v0.0.7", __version__, 1), (f"v{__version__}", "0.0.7", 1)],
)
def test_a_release_is_of_the_version_that_its_tag_names_in_every_package(tag, other, code, tmp_path):
    steps = [step.get("run", "") for step in workflow("release")["jobs"]["build"]["steps"]]
    (check,) = steps[steps.index("make dist") + 1 :][:1]
    (tmp_path / "dist").mkdir()
    for name, version in (("dlbench", __version__), ("dlbench_torch", other)):
        (tmp_path / "dist" / f"{name}-{version}.tar.gz").touch()
        (tmp_path / "dist" / f"{name}-{version}-py3-none-any.whl").touch()
    done = subprocess.run(["bash", "-ec", check], check=False, cwd=tmp_path, env={"GITHUB_REF_NAME": tag, **PATH})
    assert done.returncode == code


@pytest.mark.parametrize(
    ("changes", "cites", "code"),
    [
        ("## 0.2.0", "version: 0.2.0\ndate-released: 2026-12-01", 0),
        ("## 0.2.0 (2026-12-01)", "version: 0.2.0\ndate-released: 2026-12-01", 0),
        ("## 0.2.0rc1", "version: 0.2.0\ndate-released: 2026-12-01", 1),
        ("### 0.2.0", "version: 0.2.0\ndate-released: 2026-12-01", 1),
        ("## 0.2.01", "version: 0.2.0\ndate-released: 2026-12-01", 1),
        ("## 0x2.0", "version: 0.2.0\ndate-released: 2026-12-01", 1),
        ("## Unreleased", "version: 0.2.0\ndate-released: 2026-12-01", 1),
        ("## 0.2.0", "version: 0.1.0\ndate-released: 2026-12-01", 1),
        ("## 0.2.0", "version: 0.2.0", 1),
    ],
)
def test_a_release_is_dated_in_changelog_and_citation(changes, cites, code, tmp_path):
    (check,) = [step["run"] for step in workflow("release")["jobs"]["build"]["steps"] if "CITATION" in str(step)]
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{changes}\n")
    (tmp_path / "CITATION.cff").write_text(f"{cites}\n")
    done = subprocess.run(["bash", "-ec", check], check=False, cwd=tmp_path, env={"GITHUB_REF_NAME": "v0.2.0", **PATH})
    assert done.returncode == code


def test_every_package_has_the_version_of_the_core():
    projects = [tomllib.loads(path.read_text())["project"] for path in ROOT.glob("plugins/*/pyproject.toml")]
    assert {project["name"]: project["version"] for project in projects} == dict.fromkeys(
        scaffold.own_packages(), __version__
    )


def test_a_release_keeps_no_token():
    release = workflow("release")
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert release["permissions"] == {"contents": "read"}
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text()


def test_the_whole_suite_runs_every_night_and_before_a_release():
    """`test` leaves out the slow tests, which hold most of the pages and of the packages of strangers."""
    whole, jobs = workflow("whole"), workflow("release")["jobs"]
    assert set(whole[True]) == {"schedule", "workflow_call", "workflow_dispatch"}  # YAML reads `on` as a truth value
    assert called(yaml.safe_dump(whole)) == {"check", "docs", "test-all"}
    assert jobs["checks"]["uses"] == "./.github/workflows/whole.yml"
    assert (jobs["build"]["needs"], jobs["publish"]["needs"]) == ("checks", "build")


def test_workflows_and_the_action_use_one_version_of_each_action():
    template = scaffold.rendered(scaffold.Wanted("acme", task=True))[".github/workflows/ci.yml"]
    texts = [*(path.read_text() for path in (*WORKFLOWS, ROOT / "action.yml")), template]
    used = {found for text in texts for found in re.findall(r"uses: ([\w-]+/[\w/-]+)@(\S+)", text)}
    assert len(used) == len({name for name, _ in used}), sorted(used)


def test_every_job_has_an_end():
    for path in WORKFLOWS:
        for name, job in workflow(path.stem)["jobs"].items():
            assert "uses" in job or job["timeout-minutes"] <= 360, f"{path.name}: {name}"


def test_a_citation_is_of_this_version():
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["version"] == __version__
    assert found["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]


def test_the_site_is_published_and_the_metadata_of_every_package_leads_there():
    assert called((ROOT / ".github/workflows/site.yml").read_text()) == {"docs"}
    assert workflow("site")["jobs"]["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    for path in (ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")):
        assert tomllib.loads(path.read_text())["project"]["urls"]["Documentation"] == SITE
    assert SITE in (ROOT / "README.md").read_text()
