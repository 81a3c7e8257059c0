"""Two commits of a Git repository, each checked out and installed in a Python environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlbench.errors import DlbenchError, SpecError, redaction

Say = Callable[[str], object]


@dataclass(frozen=True)
class Recipe:
    """Commands that make an environment: pip installs the requirement `dlbench`, then `install` runs in the checkout.

    An empty requirement is for commands that bring dlbench themselves.
    """

    dlbench: str
    install: Sequence[str]


def commit(folder: Path, name: str) -> str:
    """The full hash of a commit by any of its names. Raises SpecError if this clone lacks it."""
    found = _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") if name[:1] != "-" else None
    if found is None or found.returncode:
        raise SpecError(f"commit {name!r} is not in this clone{_remedy(folder, name)}")
    return found.stdout.strip()


def parents(folder: Path, name: str) -> list[str]:
    """The hashes of the parents of a commit that this clone has."""
    return _git(folder, "rev-list", "--parents", "-n", "1", name).stdout.split()[1:]


def fork_point(folder: Path, one: str, other: str) -> str:
    """The newest common ancestor of two commits; empty if this clone has none."""
    return _git(folder, "merge-base", one, other).stdout.strip()


@contextmanager
def environments(folder: Path, hashes: Mapping[str, str], recipe: Recipe, say: Say) -> Iterator[dict[str, str]]:
    """The Python of each commit's environment by the commit's name here; all of it is removed at the end.

    Each commit is installed by the recipe in its checkout, in the folder that corresponds to `folder`. Raises
    DlbenchError naming the commit and the command that failed, with its last line.
    """
    top = Path(_checked(folder, "rev-parse", "--show-toplevel"))
    within = folder.resolve().relative_to(top.resolve())
    with tempfile.TemporaryDirectory(prefix="dlbench-gate-") as made:
        try:
            pythons = {}
            for name, one in hashes.items():
                say(f"{name}: commit {one[:12]} is installed in an environment of its own")
                _checked(top, "worktree", "add", "--detach", "--force", str(Path(made, name)), one)
                pythons[name] = _installed(name, Path(made, name, within), Path(made, f"{name}-environment"), recipe)
            yield pythons
        finally:
            for name in hashes:
                _git(top, "worktree", "remove", "--force", "--force", str(Path(made, name)))


def _installed(name: str, checkout: Path, environment: Path, recipe: Recipe) -> str:
    """The Python of a new environment in which the recipe has run."""
    programs = environment / "bin"
    python = str(programs / "python")
    variables = {**os.environ, "VIRTUAL_ENV": str(environment), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    variables["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    if not checkout.is_dir():
        raise SpecError(f"{name} has no folder {checkout.name}; run the gate in a folder that both commits have")
    _do(name, [sys.executable, "-m", "venv", str(environment)], checkout, variables)
    if recipe.dlbench:
        _do(name, [python, "-m", "pip", "install", "--quiet", recipe.dlbench], checkout, variables)
    for line in recipe.install:
        _do(name, ["sh", "-euc", line], checkout, variables)
    return python


def _do(name: str, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        said = redaction.text(done.stdout.decode(errors="replace")).strip().rpartition("\n")[2]
        raise DlbenchError(
            f"the commit {name} could not be installed: {' '.join(command[-2:])!r} ended with exit code "
            f"{done.returncode} ({said or 'it said nothing'}); run it in a checkout, and mend it or `install`"
        )


def _remedy(folder: Path, name: str) -> str:
    if _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        return f", which is shallow; fetch it (git fetch --depth 1 origin {name}) or clone with fetch-depth: 0"
    return "; give --base and --head commits, branches or tags that it has"


def _checked(folder: Path, *words: str) -> str:
    done = _git(folder, *words)
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise SpecError(f"git {words[0]} failed ({said}); run the gate in a clone of the repository")
    return done.stdout.strip()


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *words], check=False, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except OSError as error:
        raise SpecError(f"git cannot be run ({error.strerror}); install it: the gate checks commits out") from error
