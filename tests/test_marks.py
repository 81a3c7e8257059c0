"""Marks: what needs an accelerator is skipped with a reason where there is none; what times nothing has its mark."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.untimed


def test_what_needs_a_gpu_is_skipped_without_one_and_says_what_was_found(pytestconfig):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "gpu",
        "-k",
        "events",
        "plugins/dlbench-torch/tests/test_torch_gpu.py",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pytestconfig.rootpath)
    assert done.returncode == 0, done.stdout
    skipped = "1 skipped" in done.stdout and "needs a GPU; the framework of torch.mlp finds cpu here" in done.stdout
    assert skipped or "1 passed" in done.stdout, done.stdout


def test_the_tests_of_plugin_packages_time_nothing():
    """The tests that time something are run one by one, those of `tests` alone: others would import both frameworks."""
    files = sorted((Path(__file__).parents[1] / "plugins").glob("*/tests/test_*.py"))
    every = re.compile(r"^pytestmark = .*(untimed|gpu)", re.MULTILINE)
    assert [file.name for file in files if not every.search(file.read_text())] == []
    assert len(files) > 10


FRAMEWORKS = {
    "torch",
    "tensorflow",
    "keras",
    "jax",
    "torch_nets",
    *(f"dlbench_{name}" for name in ("torch", "tf", "jax")),
}


def imported(file):
    """Top-level names that a file imports as soon as it is imported."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


def test_what_collects_the_tests_imports_no_framework(tmp_path):
    """Every process of pytest collects every test: a framework costs it seconds, and each collection of garbage."""
    files = sorted(Path(__file__).parent.rglob("test_*.py"))
    assert {file.name: found for file in files if (found := FRAMEWORKS & set(imported(file)))} == {}
    (tmp_path / "planted.py").write_text("import torch.nn\nfrom dlbench_tf import plugin\ndef f():\n    import jax\n")
    assert set(imported(tmp_path / "planted.py")) == {"torch", "dlbench_tf"}
