"""Ranges to search: the versions of a package, the commits of a repository, or the packages of two lock files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from dlbench.errors import SpecError, redaction
from dlbench.workers.environments import layers, pins
from dlbench.workers.environments.commands import Place, ended
from dlbench.workers.environments.layers import Recipe

SHORT = 12
"""Letters of a commit's hash by which it is named."""


class Candidate(NamedTuple):
    """A member of a range: its name, its recipe, and the subject of a commit."""

    name: str
    recipe: Recipe
    title: str = ""


class Found(NamedTuple):
    """A range as requested: what varies, the packages as far as they are known, and its members, the old end first."""

    subject: str
    packages: tuple[str, ...]
    candidates: tuple[Candidate, ...]


def versions(text: str, recipe: Recipe) -> Found:
    """The versions of `package==1.0..1.5` that this Python can have, by the user's configuration of pip.

    Pre-releases are members if an end is one. Raises SpecError for ends that do not exist, that are equal, or the wrong
    way round.
    """
    match = re.fullmatch(r"([A-Za-z][\w.-]*(?:\[[\w,.-]+\])?)==(.+?)\.\.(.+)", text.replace(" ", ""))
    if match is None:
        raise SpecError(f"{text!r} is no range of versions; give PACKAGE==OLD..NEW, such as package==1.0..1.5")
    package, ends = match[1], [_version(text, word) for word in match.groups()[1:]]
    _check_order(text, ends[0] == ends[1], backwards=ends[0] > ends[1])
    known = _offered(package.partition("[")[0], recipe, pre=any(one.is_prerelease for one in ends))
    for end in ends:
        if end not in known:
            near = (
                ", ".join(str(one) for one in sorted(known, key=lambda one: _distance(known, one, end))[:3]) or "none"
            )
            raise SpecError(
                f"{package} has no version {end} for this Python, {sys.version.split()[0]}; nearest: {near}"
            )
    between = [one for one in sorted(known) if ends[0] <= one <= ends[1]]
    found = tuple(
        Candidate(
            re.sub(r"[^\w.-]", "-", str(one)), Recipe((f"{package}=={one}",), recipe.find_links, recipe.build_isolation)
        )
        for one in between
    )
    return Found(package, (package.partition("[")[0],), found)


def commits(repository: str, text: str, subdirectory: str, recipe: Recipe) -> Found:
    """The commits of `OLD..NEW` along the first parents of a local repository, each installed from it.

    Raises SpecError for a folder that is none, that has changes which are not committed, and for ends as `versions`.
    """
    folder = Path(repository).expanduser().absolute()
    top = _git(folder, "rev-parse", "--show-toplevel", fault="is no Git repository; give the folder of a clone")
    old, dots, new = text.partition("..")
    if not dots or not old or not new:
        raise SpecError(f"{text!r} is no range of commits; give OLD..NEW, such as v1.2..main")
    if changed := _git(folder, "status", "--porcelain", "--untracked-files=no"):
        first = changed.splitlines()[0]
        raise SpecError(f"{folder} has changes that are not committed ({first}); commit them, or give a clean clone")
    hashes = [_hash(folder, one) for one in (old, new)]
    backwards = _is_ancestor(folder, hashes[1], hashes[0])
    _check_order(text, hashes[0] == hashes[1], backwards=backwards)
    if not _is_ancestor(folder, hashes[0], hashes[1]):
        raise SpecError(f"{text}: {old} is no ancestor of {new}; give two commits of one branch")
    if subdirectory and not any(_has_folder(Path(top), one, subdirectory) for one in hashes):
        raise SpecError(f"{folder} has no folder {subdirectory} at {old} or {new}; give one within the repository")
    log = _git(folder, "log", "--first-parent", "--reverse", "--format=%H%x09%s", f"{hashes[0]}..{hashes[1]}")
    first = _git(folder, "log", "-1", "--format=%H%x09%s", hashes[0])
    lines = [line.partition("\t") for line in (first, *log.splitlines())]
    where = f"#subdirectory={quote(subdirectory)}" if subdirectory else ""
    found = tuple(
        Candidate(
            one[:SHORT],
            Recipe((f"git+{Path(top).as_uri()}@{one}{where}",), recipe.find_links, recipe.build_isolation),
            redaction.text(title),
        )
        for one, _, title in lines
    )
    return Found(f"{Path(top).name}{f'/{subdirectory}' if subdirectory else ''}", (), found)


def locks(old: str, new: str, recipe: Recipe) -> Found:
    """The packages in which two requirement files differ, put from one to the other one after the other.

    A member has the first packages as the new file has them, by name, and the others as the old one; those that both
    pin alike are of every member, whatever the Python below has. Raises SpecError for a file that cannot be read or
    pins no versions, and for files that do not differ.
    """
    sides = [pins.read(Path(one)) for one in (old, new)]
    pins.require_alike(Path(old), Path(new))
    names = sorted(name for name in sides[0].keys() | sides[1].keys() if sides[0].get(name) != sides[1].get(name))
    if not names:
        raise SpecError(f"{old} and {new} pin the same versions; give two files that differ")
    alike = {name: pin for name, pin in sorted(sides[0].items()) if name not in names}
    found = []
    for count in range(len(names) + 1):
        chosen = {name: sides[place < count].get(name, "") for place, name in enumerate(names)}
        words = tuple(f"{name}{pin}" for name, pin in (chosen | alike).items() if pin)
        changed = names[count - 1] if count else ""
        before, after = (side.get(changed, "none").removeprefix("==") for side in sides)
        title = redaction.text(f"{changed} {before} → {after}") if changed else "as before"
        of = Recipe(words, recipe.find_links, recipe.build_isolation, dependencies=False)
        found.append(Candidate(f"{count}-{changed}" if changed else "0-old", of, title))
    return Found(f"{old} to {new}", tuple(names), tuple(found))


def requirements_of(names: Iterable[str], optional: int = 0) -> set[str]:
    """Every package that these require, directly or not; they themselves too.

    Optional requirements count in packages up to this distance: 1 is these alone, 2 also those that they require.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    left = deque((canonicalize_name(name), frozenset[str](), optional) for name in names)
    while left:
        name, extras, distance = left.popleft()
        if (name, extras) not in seen:
            seen.add((name, extras))
            for one in _required(name):
                if distance > 0 or _is_asked(one, extras):
                    left.append((canonicalize_name(one.name), frozenset(one.extras), distance - 1))
    return {name for name, _ in seen}


def _required(name: str) -> list[Requirement]:
    """Requirements of an installed package; none of one that is not."""
    try:
        return [Requirement(word) for word in distribution(name).requires or []]
    except PackageNotFoundError:
        return []


def _is_asked(one: Requirement, extras: frozenset[str]) -> bool:
    """True for a requirement of a package with these extras here."""
    return one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def _offered(package: str, recipe: Recipe, *, pre: bool) -> set[Version]:
    """Versions that pip offers this Python, with pre-releases or without. Raises SpecError."""
    place = Place(package, Path.cwd(), {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    layers.require_pip()
    links = [word for word in recipe.options if word not in ("--no-build-isolation", "--no-deps")]
    code, output = ended(
        place, [sys.executable, "-m", "pip", "index", "versions", *links, *(["--pre"] if pre else []), package]
    )
    said = redaction.text(output.decode(errors="replace"))
    match = re.search(r"^Available versions: (.+)$", said, re.MULTILINE)
    if code or match is None:
        lines = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()[-1:]
        raise SpecError(
            f"pip finds no version of {package} ({' | '.join(lines)}); check its name, or give --find-links"
        )
    return {Version(word) for word in re.split(r",\s*", match[1])}


def _version(text: str, word: str) -> Version:
    try:
        return Version(word)
    except InvalidVersion as error:
        raise SpecError(f"{text}: {word!r} is no version; give PACKAGE==OLD..NEW, such as package==1.0..1.5") from error


def _check_order(text: str, same: bool, *, backwards: bool) -> None:
    if same:
        raise SpecError(f"{text}: both ends are the same; give two that differ")
    if backwards:
        raise SpecError(f"{text}: the ends are the wrong way round; give the older one first")


def _distance(known: Iterable[Version], one: Version, end: Version) -> int:
    ordered = sorted({*known, end})
    return abs(ordered.index(one) - ordered.index(end))


def _is_ancestor(folder: Path, one: str, other: str) -> bool:
    done = subprocess.run(["git", "merge-base", "--is-ancestor", one, other], check=False, cwd=folder)
    return done.returncode == 0


def _has_folder(top: Path, commit: str, subdirectory: str) -> bool:
    words = ["git", "cat-file", "-t", f"{commit}:{subdirectory.rstrip('/')}"]
    return subprocess.run(words, check=False, cwd=top, capture_output=True, text=True).stdout.strip() == "tree"


def commit(folder: Path, word: str) -> str:
    """The hash of a commit of a local repository. Raises SpecError."""
    _git(folder, "rev-parse", "--git-dir", fault="is no Git repository; give the folder of a clone")
    return _hash(folder, word)


def _hash(folder: Path, word: str) -> str:
    fault = f"has no commit {word!r}; give a commit, a branch or a tag of it"
    return _git(folder, "rev-parse", "--verify", f"{word}^{{commit}}", fault=fault)


def _git(folder: Path, *words: str, fault: str = "") -> str:
    """Output of git. Raises SpecError."""
    try:
        done = subprocess.run(
            ["git", *words],
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},  # its words are read below
        )
    except OSError as error:
        raise SpecError(f"{folder}: {error.strerror}; give the folder of a clone, and install git") from error
    if found := re.search(r"dubious ownership in repository at '(.+)'", done.stderr):
        cure = f"git config --global --add safe.directory {shlex.quote(found[1])}"
        raise SpecError(f"{folder} is another user's; {cure} lets git read it")
    if done.returncode:
        said = fault or f"git {words[0]} failed ({done.stderr.strip().rpartition(chr(10))[2]})"
        raise SpecError(f"{folder} {said}")
    return done.stdout.strip()
