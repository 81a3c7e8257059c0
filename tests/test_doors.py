"""Plugins, examples and pages use the public doors alone: everything else may change in any release."""

from __future__ import annotations

import ast
import difflib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import doors
import keywords_page
import pytest

import dlbench
import dlbench.conformance
import dlbench.plugin
from dlbench.api import scaffold

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[1]
DOORS = ("plugin", "plugin_kit", "precision", "tasks", "architectures", "conformance", "errors")
"""Modules and packages that are public as a whole; `dlbench` itself offers the names of `_HOMES`."""


def code(path: Path) -> Iterator[str]:
    """The Python of a module, of the cells of a notebook, or of the code blocks of a page."""
    text = path.read_text()
    match path.suffix:
        case ".py":
            yield text
        case ".ipynb":
            cells = json.loads(text)["cells"]
            yield from ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        case _:
            yield from re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def behind_doors(text: str) -> Iterator[str]:
    """Names of dlbench that this code imports, or reaches as `dlbench.NAME`, and that are not public."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            used = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            used = [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "dlbench":
            used = [("dlbench", node.attr)]
        else:
            continue
        yield from (f"{module} {name}".rstrip() for module, name in used if not public(module, name))


def public(module: str, name: str) -> bool:
    """True if a name comes through a door; one of `dlbench` may also be taken from the module that it lives in."""
    top, _, home = module.partition(".")
    if top != "dlbench" or (home.split(".")[0] in DOORS and not home.startswith("errors.")):
        return True
    offered = {name for name, lives in dlbench._HOMES.items() if home in ("", lives)}
    return name in offered or (home == "" and name in ("", "__version__", *DOORS))


def files() -> list[Path]:
    """Plugin packages without their tests, examples, and every page for users."""
    modules = [path for path in ROOT.glob("plugins/*/*/**/*.py") if "tests" not in path.parts]
    notebooks = [*ROOT.glob("examples/**/*.py"), *ROOT.glob("examples/**/*.ipynb")]
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md"), ROOT / "README.md"]
    return sorted(modules + notebooks + pages)


def test_plugins_examples_and_pages_use_public_names_alone():
    found = {
        str(path.relative_to(ROOT)): [one for text in code(path) for one in behind_doors(text)] for path in files()
    }
    assert {path: names for path, names in found.items() if names} == {}
    assert {path.suffix for path in files()} == {".py", ".ipynb", ".md"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("from dlbench.record.schema import Plan", "dlbench.record.schema Plan"),
        ("from dlbench.spec import grid", "dlbench.spec grid"),
        ("from dlbench import api", "dlbench api"),
        ("import dlbench.session.plan", "dlbench.session.plan"),
        ("import dlbench\ndlbench.cli.main()", "dlbench cli"),
    ],
)
def test_a_name_behind_the_doors_is_found(text, fault):
    assert list(behind_doors(text)) == [fault]


def test_public_names_are_not_faults():
    text = (
        "import dlbench\nfrom dlbench.spec import Spec\nfrom dlbench.plugin import Batch\ndlbench.run('a.b')\nimport os"
    )
    assert list(behind_doors(text)) == []


def test_names_and_signatures_of_the_doors_are_the_kept_ones():
    kept = (ROOT / "tests/golden/doors.txt").read_text()
    changed = list(difflib.unified_diff(kept.splitlines(), doors.listing().splitlines(), lineterm="", n=0))
    assert changed == [], (
        "the public doors changed: read docs/contract.md, raise dlbench.plugin.CONTRACT_VERSION if plugins see it, and "
        "renew the listing: python tests/support/doors.py > tests/golden/doors.txt"
    )


def test_a_changed_signature_shows_in_the_listing(monkeypatch):
    monkeypatch.setattr(dlbench.conformance, "assert_conforms", lambda plugin: None)
    monkeypatch.setattr(dlbench.plugin, "__all__", [name for name in dlbench.plugin.__all__ if name != "Batch"])
    lines = set((ROOT / "tests/golden/doors.txt").read_text().splitlines()) - set(doors.listing().splitlines())
    assert any("assert_conforms(" in line for line in lines)
    assert "  class Batch" not in doors.listing().partition("\ndlbench.plugin\n")[2]


@pytest.mark.parametrize("page", ["commands", "keywords"])
def test_a_page_that_is_made_from_the_program_is_that_of_the_program(page):
    words = [sys.executable, f"tests/support/{page}_page.py"]  # click remembers the options of commands that ran here
    made = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / f"docs/{page}.md").read_text() == made, f"renew it: python {words[1]} > docs/{page}.md"


def test_every_keyword_of_a_public_function_is_in_the_table():
    rows = [line for line in (ROOT / "docs/keywords.md").read_text().splitlines() if line.startswith("| `")]
    named = {(function, row.split("`")[1]) for row in rows for function in re.findall(r"`(\w+)`", row.split("|")[3])}
    for function, names in keywords_page.FUNCTIONS.items():
        assert {(function, name) for name in names} <= named, function


def test_what_a_new_package_imports_is_public_and_pinned():
    """Templates of `dlbench new` rest on the doors, and on `plugin` of the package of their framework."""
    listing = doors.listing()
    for framework in scaffold.frameworks():
        files = scaffold.rendered(scaffold.Wanted("acme", framework, task=True))
        texts = [text for name, text in files.items() if name.endswith(".py")]
        assert [one for text in texts for one in behind_doors(text)] == [], framework
        for package in {
            found for text in texts for found in re.findall(r"^from (dlbench_\w+) import", text, re.MULTILINE)
        }:
            assert package in listing, package
            assert package in (ROOT / "docs/contract.md").read_text(), package
