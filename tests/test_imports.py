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
