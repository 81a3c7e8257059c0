"""Small local Git repositories of one plugin, that install without the network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BASE = "base"
INSTALL = """
import os, pathlib, sysconfig
found = [os.getcwd(), *os.environ["FOUND"].split(os.pathsep)]
pathlib.Path(sysconfig.get_path("purelib"), "found.pth").write_text("\\n".join(found) + "\\n")
"""
"""Installs a checkout: its environment finds it, and the packages of the folders in FOUND."""
PLUGIN, PLUGIN_FILE = "acme.net", "acme.py"


def git(folder: Path, *words: str) -> str:
    """Text that a command of Git prints. Raises CalledProcessError."""
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make(folder: Path, settings: str, texts: Mapping[str, str]) -> Path:
    """A repository whose pyproject.toml holds the settings, with a branch for each text of the plugin `acme.net`.

    The first branch is the parent of the others.
    """
    metadata = folder / "acme-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[dlbench.plugins]\n{PLUGIN} = acme:Net\n")
    (folder / "install.py").write_text(INSTALL)
    (folder / "pyproject.toml").write_text(settings)
    git(folder, "init", "--quiet")
    first = next(iter(texts))
    for name, text in texts.items():
        git(folder, "checkout", "--quiet", "-b", name, *([] if name == first else [first]))
        (folder / PLUGIN_FILE).write_text(text)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", name)
    return folder


def merged(folder: Path, branch: str) -> str:
    """Check out the merge of a branch into a base that went on, as GitHub does; its hash."""
    git(folder, "checkout", "--quiet", "--detach", BASE)
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "another")
    git(folder, "merge", "--quiet", "--no-ff", "--no-edit", branch)
    return git(folder, "rev-parse", "HEAD")


def pull_request(folder: Path, branch: str, number: int = 7) -> dict[str, object]:
    """The fields of GitHub's event that name the commits."""
    sides = {"base": {"sha": git(folder, "rev-parse", BASE)}, "head": {"sha": git(folder, "rev-parse", branch)}}
    return {"action": "synchronize", "number": number, "pull_request": {"number": number, **sides}}


def found() -> list[str]:
    """The folders that this Python imports from."""
    return [path for path in sys.path if Path(path).is_dir() and Path(path).name != "support"]
