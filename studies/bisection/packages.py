"""A small plugin package in many versions or commits, one of which computes more: wheels that need no build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studies.gate.repository import git

PACKAGE, PLUGIN, PIECES = "acme-step", "acme.step", 100
"""The package, its plugin, and the equal pieces of work in a step."""
CODES = range(4)
"""Exit codes of a search that came to its end."""
PROGRAM = '''"""A step of equal pieces of work."""

import numpy as np

from dlbench.plugin import ModelInfo

{pieces}


class Step:
    """Products of two small matrices, one after the other."""

    def build(self, request):
        """Draw the matrices."""
        generator = np.random.default_rng(request.spec.seed)
        self._left, self._right = generator.random((2, 48, 48), np.float32)
        self._product = np.empty((48, 48), np.float32)
        self._outputs = np.zeros(request.signature.outputs.shape, np.float32)
        versions = {{"numpy": np.__version__, "{package}": "{version}"}}
        return ModelInfo(parameter_count=0, device="cpu", precision="fp32", path="eager", versions=versions)

    def train_step(self, batch):
        """The same work, and a loss that says nothing."""
        self.predict(batch.inputs)
        return 1.0

    def predict(self, _):
        """Work."""
        for _ in range(PIECES):
            np.matmul(self._left, self._right, out=self._product)
        return self._outputs
'''
STATED = "PIECES = {pieces}"
LOOKED_UP = """import json, pathlib

PIECES = json.loads(pathlib.Path({path!r}).read_text())[{version!r}]"""
PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{package}"
version = "{version}"

[project.entry-points."dlbench.plugins"]
"{plugin}" = "acme_step:Step"

[tool.hatch.build.targets.wheel]
packages = ["acme_step"]
"""


def wheels(folder: Path, pieces: Sequence[int]) -> list[str]:
    """Wheels of the versions 1.0, 1.1 and so on, whose steps have so many pieces; their versions."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = [f"1.{number}" for number in range(len(pieces))]
    for version, number in zip(versions, pieces, strict=True):
        wheel(folder, version, _program(number, version))
    return versions


def wheels_of_table(folder: Path, table: Path, number: int) -> list[str]:
    """Wheels of this many versions that find their number of pieces in a table, so that no search makes others."""
    versions = [f"1.{one}" for one in range(number)]
    for version in versions:
        lines = LOOKED_UP.format(path=str(table), version=version)
        wheel(folder, version, PROGRAM.format(pieces=lines, version=version, package=PACKAGE))
    return versions


def wheel(folder: Path, version: str, program: str) -> Path:
    """A wheel of one version with this text of its module."""
    of = f"acme_step-{version}.dist-info"
    texts = {
        "acme_step/__init__.py": program,
        f"{of}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n",
        f"{of}/WHEEL": "Wheel-Version: 1.0\nGenerator: acme\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{of}/entry_points.txt": f"[dlbench.plugins]\n{PLUGIN} = acme_step:Step\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"acme_step-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        archive.writestr(f"{of}/RECORD", "".join(f"{name},,\n" for name in [*texts, f"{of}/RECORD"]))
    return path


def repository(folder: Path, pieces: Sequence[int]) -> list[str]:
    """A repository with a commit for each number of pieces; their hashes."""
    (folder / "acme_step").mkdir(parents=True)
    git(folder, "init", "--quiet")
    for number, many in enumerate(pieces):
        (folder / "pyproject.toml").write_text(PROJECT.format(package=PACKAGE, plugin=PLUGIN, version=f"1.{number}"))
        (folder / "acme_step" / "__init__.py").write_text(_program(many, f"1.{number}"))
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", f"Change {number}")
    return git(folder, "log", "--reverse", "--format=%H").split()


def _program(pieces: int, version: str) -> str:
    return PROGRAM.format(pieces=STATED.format(pieces=pieces), version=version, package=PACKAGE)


def answer(words: Sequence[str], variables: Mapping[str, str]) -> tuple[int, dict[str, Any], str]:
    """Exit code, answer and last line of a search. Raises RuntimeError for one that was ended from outside."""
    done = subprocess.run(
        [sys.executable, "-m", "dlbench", "bisect", *words, "--json"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    said = done.stderr.strip().rpartition("\n")[2]
    if done.returncode not in CODES:
        raise RuntimeError(f"the search ended with {done.returncode} ({said}); it is not kept")
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, said
