"""Plugins, examples and pages use the five public doors alone: everything else may change in any release."""

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
import pytest

import dlbench
import dlbench.conformance
import dlbench.plugin

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[1]
DOORS = ("plugin", "plugin_kit", "precision", "tasks", "architectures", "conformance")
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
    if top != "dlbench" or home.split(".")[0] in DOORS:
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


def test_the_page_of_the_command_line_is_that_of_the_program():
    words = [sys.executable, "tests/support/commands_page.py"]  # click remembers the options of commands that ran here
    page = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/commands.md").read_text() == page, f"renew it: python {words[1]} > docs/commands.md"
