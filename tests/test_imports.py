"""Imports of dlbench: their cost, and the names on offer."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dlbench

pytestmark = pytest.mark.untimed

CORE = Path(__file__).parents[1] / "dlbench"
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")


def _loaded(code: str, *search: Path) -> set[str]:
    """The top-level modules that a fresh interpreter holds after this code, whatever it prints or exits with."""
    program = f"import sys\ntry:\n    exec({code!r})\nexcept SystemExit:\n    pass\nprint('\\n@', *sys.modules)"
    environment = {"PYTHONPATH": ":".join(map(str, search))}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
    )
    assert result.returncode == 0, result.stderr
    return {name.partition(".")[0] for name in result.stdout.rpartition("@")[2].split()}


def _count(code: str) -> int:
    """Modules that a fresh interpreter holds after this code, those within packages too."""
    program = f"import sys\ntry:\n    exec({code!r})\nexcept SystemExit:\n    pass\nprint('\\n@', len(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(result.stdout.rpartition("@")[2])


def _import(names: list[str]) -> str:
    return "\n".join(f"import {name}" for name in names)


def _all_modules() -> list[str]:
    parts = (path.relative_to(CORE.parent).with_suffix("").parts for path in sorted(CORE.rglob("*.py")))
    return [".".join(name).removesuffix(".__init__") for name in parts]


def test_importing_every_module_of_the_core_imports_no_framework() -> None:
    loaded = _loaded(_import(_all_modules()))
    assert "dlbench" in loaded
    assert not loaded & set(FRAMEWORKS)


HEAVY = {*FRAMEWORKS, "numpy", "scipy"}


@pytest.mark.parametrize(
    "code",
    [
        "import dlbench",
        "import dlbench.cli.main",
        "import dlbench.pytest_plugin",
        "from dlbench import Spec, Run, ModelPlugin, Unsupported",
        "sys.argv = ['dlbench', '--help']; from dlbench.cli.main import main; main()",
        "sys.argv = ['dlbench', 'run', '--help']; from dlbench.cli.main import main; main()",
        "sys.argv = ['dlbench', 'list']; from dlbench.cli.main import main; main()",
    ],
)
def test_what_must_start_at_once_imports_nothing_heavy(code: str) -> None:
    loaded = _loaded(code)
    assert "dlbench" in loaded
    assert not loaded & HEAVY


def test_listing_waits_for_no_judge_of_plain_requirements_and_no_parser_of_metadata() -> None:
    """Each costs a tenth of the time that `dlbench list` takes."""
    loaded = _loaded("sys.argv = ['dlbench', 'list']; from dlbench.cli.main import main; main()")
    assert not loaded & {"packaging", "csv", "rich"}


@pytest.mark.parametrize(("command", "most"), [("--help", 1.75), ("list", 2.5)])
def test_a_command_that_must_start_at_once_holds_few_modules_beside_those_of_click(command: str, most: float) -> None:
    """Time goes by modules here, and is at most 3 times that of click; `studies/startup.py` measures it."""
    code = f"sys.argv = ['dlbench', {command!r}]; from dlbench.cli.main import main; main()"
    assert _count(code) <= most * _count("import click")


def test_a_module_that_imports_a_framework_would_be_caught(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "planted.py").write_text("def later(): ...\nfrom torch import *\n")
    assert "torch" in _loaded(_import(["dlbench", "planted"]), tmp_path)


def test_the_public_names_are_sorted_complete_and_there() -> None:
    assert dlbench.__all__ == sorted(dlbench.__all__)
    assert set(dlbench.__all__) == set(dlbench._HOMES)
    for name, home in dlbench._HOMES.items():
        assert f"{getattr(dlbench, name).__module__}.".startswith(f"dlbench.{home}.")


def test_the_type_checker_sees_the_same_public_names() -> None:
    tree = ast.parse((CORE / "__init__.py").read_text())
    seen = {
        alias.name: (node.module or "").removeprefix("dlbench.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dlbench.")
        for alias in node.names
    }
    assert seen == dlbench._HOMES


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dlbench' has no attribute 'Runner'"):
        dlbench.Runner  # noqa: B018
