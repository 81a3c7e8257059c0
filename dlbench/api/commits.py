"""Two commits of a Git repository, each checked out and installed in a Python environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlbench.api import gate_folders
from dlbench.errors import SpecError
from dlbench.workers.environments.commands import Place, do

Say = Callable[[str], object]


@dataclass(frozen=True)
class Recipe:
    """Commands that make an environment: pip installs the requirement `dlbench`, then `install` runs in the checkout.

    An empty requirement is for commands that bring dlbench themselves; others find it in the variable DLBENCH.
    """

    dlbench: str
    install: Sequence[str]


def commit(folder: Path, name: str) -> str:
    """The full hash of a commit by any of its names. Raises SpecError if this clone lacks it."""
    found = _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") if name[:1] != "-" else None
    if found is not None and found.returncode:
        _checked(folder, "rev-parse", "--git-dir")
    if found is None or found.returncode:
        raise SpecError(f"commit {name!r} is not in this clone{_remedy(folder, name)}")
    return found.stdout.strip()


def is_changed(folder: Path, file: str) -> bool:
    """True if this file is not as the commit that is checked out has it, or Git does not keep it."""
    found = _git(folder, "status", "--porcelain", "--ignored", "--", file)
    return found.returncode != 0 or bool(found.stdout.strip())


def changed(folder: Path) -> list[str]:
    """Files of the commit that is checked out that are changed here, and so are not measured."""
    return [line[3:] for line in _git(folder, "status", "--porcelain", "--untracked-files=no").stdout.splitlines()]


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
    DlbenchError naming the commit, the whole command that failed, its last line, and what to do next.
    """
    top = Path(_checked(folder, "rev-parse", "--show-toplevel"))
    within = folder.resolve().relative_to(top.resolve())
    with gate_folders.held() as made:
        _forget_removed(top)
        try:
            pythons = {}
            for name, one in hashes.items():
                say(f"installing {name} (commit {one[:12]}) in an environment of its own")
                begun = time.monotonic()
                _checked(top, "worktree", "add", "--detach", "--force", str(Path(made, name)), one)
                side = f"{name} (commit {one[:12]})"
                pythons[name] = _installed(side, Path(made, name, within), Path(made, f"{name}-environment"), recipe)
                say(f"installed {name} in {time.monotonic() - begun:.0f} s")
            yield pythons
        finally:
            for name in hashes:
                _git(top, "worktree", "remove", "--force", "--force", str(Path(made, name)))


def _forget_removed(top: Path) -> None:
    """Have the repository forget the checkouts of gates that were killed; those of its user stay as they are."""
    words = _git(top, "worktree", "list", "--porcelain", "-z").stdout.split("\0")
    for place in (Path(word.removeprefix("worktree ")) for word in words if word.startswith("worktree ")):
        if gate_folders.is_gone(place):
            _git(top, "worktree", "remove", "--force", "--force", str(place))


def _installed(side: str, checkout: Path, environment: Path, recipe: Recipe) -> str:
    """The Python of a new environment in which the recipe has run."""
    programs = environment / "bin"
    python = str(programs / "python")
    variables = {**os.environ, "VIRTUAL_ENV": str(environment), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    variables |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "DLBENCH": recipe.dlbench}
    if not checkout.is_dir():
        raise SpecError(f"{side} has no folder {checkout.name}; run the gate in a folder that both commits have")
    place = Place(side, checkout, variables)
    do(place, [sys.executable, "-m", "venv", str(environment)], "install Python with its module venv")
    if recipe.dlbench:
        install_dlbench(place, python, recipe.dlbench)
    for line in recipe.install:
        do(place, ["sh", "-euc", line], "run it in a checkout of the commit, and mend it or `install`")
    return python


def install_dlbench(place: Place, python: str, requirement: str) -> None:
    """Have the pip of this Python install dlbench. Raises DlbenchError."""
    cure = (
        "give --dlbench another requirement or the folder of a checkout of dlbench, or '' if `install` brings dlbench"
    )
    do(place, [python, "-m", "pip", "install", "--quiet", requirement], cure)


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
