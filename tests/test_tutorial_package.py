"""The tutorial of a published model: its models conform, and its tables name all that there is."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import get_type_hints

import pytest
from command import DLBENCH

from dlbench.plugin_kit import Stated
from dlbench.tasks import TASKS

PAGE = (Path(__file__).parents[1] / "docs/tutorial-package.md").read_text()
MODEL, AUTOENCODER = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MAKE = """
from dlbench_torch import plugin
from torch import nn


def make() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, 2, 1))


"""
"""A model before the call that the page shows."""

pytestmark = pytest.mark.untimed


def rows(head: str) -> str:
    """The table under a heading."""
    (found,) = [part for part in PAGE.split("\n## ") if part.partition("\n")[0].endswith(head)]
    return "\n".join(line for line in found.splitlines() if line.startswith("|"))


def test_every_keyword_of_a_plugin_stands_in_the_table():
    torch = pytest.importorskip("dlbench_torch.kit")
    first = [line.split("|")[1] for line in rows("What can be stated").splitlines()[2:]]
    named = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    # The annotations of slots are known to a type checker alone, so only their names are read.
    assert named == set(get_type_hints(Stated)) | set(torch.Stated.__annotations__)


def test_tasks_of_the_table_are_tasks():
    named = set(re.findall(r"`(\w+)`", "\n".join(rows("A task that fits").splitlines()[2:]))) - {"inputs", "targets"}
    assert named
    assert named <= set(TASKS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("resmlp", MODEL), ("autoencoder", MAKE + AUTOENCODER)])
def test_a_model_of_the_page_conforms(name, code, tmp_path, monkeypatch):
    pytest.importorskip("dlbench_torch")
    info = tmp_path / "dlbench_resmlp-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dlbench-resmlp\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[dlbench.plugins]\ntorch.{name} = dlbench_resmlp:{name}\n")
    (tmp_path / "dlbench_resmlp.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    words = [DLBENCH, "check", f"torch.{name}", "--path", "eager"]
    done = subprocess.run(words, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout
