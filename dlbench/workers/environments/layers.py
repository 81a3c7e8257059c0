"""An environment over another one: it has the packages in which they differ, and finds all others below.

A venv without pip has one `.pth` file that puts the folders of the environment below behind its own, with the `.pth`
files there (`site.addsitedir`), so that editable installs are found too. The installer then sees which requirements
are met below, and installs the others alone. A package of the upper environment stands in front of the same one below.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dlbench.errors import DlbenchError, SpecError, redaction
from dlbench.workers.environments.commands import Place, ended

BELOW = "_below.pth"
LINES = 3
"""Lines of an installer's output that an error shows: the last ones."""
READ_BACK = """
import importlib.metadata, importlib.util, json, sys
found = {}
for word in sys.argv[1:]:
    one = importlib.metadata.distribution(word)
    tops = (one.read_text("top_level.txt") or "").split()
    tops = tops or sorted({str(f).split("/")[0].removesuffix(".py") for f in one.files or () if str(f).endswith(".py")})
    specs = [importlib.util.find_spec(top) for top in tops if top.isidentifier()]
    found[word] = [one.version, [spec.origin or "" for spec in specs if spec is not None]]
print(json.dumps(found))
"""
"""Program that prints, of each distribution, the version and the files that its modules are imported from."""


class NothingInstallable(SpecError):
    """No environment can be made here: the disk is full, or there is no installer."""


class NotInstallable(DlbenchError):
    """Requirements that cannot be installed, or are not what is imported afterwards: the reason, and the last lines."""


@dataclass(frozen=True)
class Recipe:
    """Requirements of an environment, as pip reads them, and how they are found.

    With `find_links` nothing but these folders is looked at: no network is needed. Without `build_isolation` a build
    uses what is installed. Without `dependencies` nothing but the requirements is installed.
    """

    words: tuple[str, ...]
    find_links: tuple[str, ...] = ()
    build_isolation: bool = True
    dependencies: bool = True

    @property
    def sources(self) -> tuple[str, ...]:
        """Requirements that say where a package comes from: a wheel, or a commit of a repository."""
        return tuple(word for word in self.words if word.endswith(".whl") or "://" in word)

    @property
    def options(self) -> list[str]:
        """Options of the installer."""
        links = [word for folder in self.find_links for word in ("--find-links", str(Path(folder).absolute()))]
        return [
            *(["--no-index", *links] if links else []),
            *([] if self.build_isolation else ["--no-build-isolation"]),
            *([] if self.dependencies else ["--no-deps"]),
        ]


def make(recipe: Recipe, folder: Path, side: str) -> dict[str, str]:
    """Make the environment in this folder; the versions of the packages that it has itself.

    Raises NotInstallable, and SpecError where neither uv nor pip is.
    """
    place = Place(side, folder.parent, {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    _run(place, [sys.executable, "-m", "venv", "--without-pip", str(folder)])
    paths = dict.fromkeys(path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))
    lines = [f"import site; site.addsitedir({path!r})" for path in paths]
    (site_packages(folder) / BELOW).write_text("\n".join(lines) + "\n", encoding="utf-8")
    _install(place, recipe, folder)
    return _read_back(place, recipe, folder)


def python(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin" / "python"


def site_packages(folder: Path) -> Path:
    """The folder of its own packages."""
    return folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def own_packages(folder: Path) -> dict[str, str]:
    """Versions of the packages that it has itself, by canonical name."""
    found = distributions(path=[str(site_packages(folder))])
    return {canonicalize_name(one.name): one.version for one in found if one.name}


def installer() -> str:
    """`uv` if it is on the path, else `pip`. Raises SpecError where neither is."""
    if shutil.which("uv"):
        return "uv"
    require_pip("uv is not on the path, and ")
    return "pip"


def require_pip(besides: str = "") -> None:
    """Raise SpecError if this Python has no pip."""
    if find_spec("pip") is None:
        raise NothingInstallable(f"{besides}{sys.executable} has no pip; {sys.executable} -m ensurepip installs it")


def _install(place: Place, recipe: Recipe, folder: Path) -> None:
    """Install sources first: an installer takes a package of the same version below for the one that a source names."""
    uv, target = installer() == "uv", str(python(folder))
    pip = [sys.executable, "-m", "pip", "--python", target, "install", "--quiet", "--no-compile"]
    into = ["uv", "pip", "install", "--python", target] if uv else pip
    alone = replace(recipe, dependencies=False).options  # uv refuses a flag that is given twice
    if recipe.sources:
        _run(place, [*into, *([] if uv else ["--force-reinstall"]), *alone, *recipe.sources])
        if len(own_packages(folder)) < len(recipe.sources):
            raise NotInstallable(f"{place.side}: {into[0]} installed none of {', '.join(recipe.sources)}")
    rest = [word for word in recipe.words if word not in recipe.sources]
    words = _differing(place, recipe, folder) if uv else [*rest, *_named(recipe.sources, folder)]
    if words:
        _run(place, [*into, *(alone if uv else recipe.options), *words])


def _differing(place: Place, recipe: Recipe, folder: Path) -> list[str]:
    """Requirements that uv would install below and that the environment has not itself. Raises NotInstallable."""
    below = ["uv", "pip", "install", "--dry-run", "--python", sys.executable, *recipe.options, *recipe.words]
    own, found = own_packages(folder), list[str]()
    for line in (one for one in _run(place, below).splitlines() if one.startswith(" + ")):
        match = re.fullmatch(r" \+ ([^\s=]+)(?:==(\S+))?(?: @ (\S+)| \(from (\S+)\))?", line.rstrip())
        if match is None:
            raise NotInstallable(
                f"{place.side}: uv says {line.strip()!r}, which is not understood; leave uv off the path"
            )
        name, version, *sources = match.groups()
        source = next(filter(None, sources), "")
        if canonicalize_name(name) not in own:
            found.append(f"{name} @ {source}" if source else f"{name}=={version}")
    return found


def _named(sources: Sequence[str], folder: Path) -> list[str]:
    """Packages that were installed from sources, by name: pip then installs what they require and builds none again."""
    extras = {name: one.extras for name, one in _asked(Recipe(tuple(sources))).items()}
    return [
        f"{name}[{','.join(sorted(extras[name]))}]=={version}" if extras.get(name) else f"{name}=={version}"
        for name, version in (own_packages(folder) if sources else {}).items()
    ]


def _read_back(place: Place, recipe: Recipe, folder: Path) -> dict[str, str]:
    """Versions of its own packages, each seen to be imported from there, and what was asked for seen to be there.

    Raises NotInstallable.
    """
    installed, asked = own_packages(folder), _asked(recipe)
    said = _run(place, [str(python(folder)), "-c", READ_BACK, *installed, *(asked.keys() - installed.keys())])
    for name, (version, files) in json.loads(said.strip().rpartition("\n")[2]).items():
        outside = [file for file in files if file and not Path(file).is_relative_to(folder)]
        if name in installed and (version != installed[name] or outside):
            why = f"{name} {version} is imported from {', '.join(outside) or 'elsewhere'}, not from {folder}"
            raise NotInstallable(f"{place.side}: {why}; a path of this Python stands before its packages")
        if name in asked and not asked[name].specifier.contains(version, prereleases=True):
            raise NotInstallable(f"{place.side}: {asked[name]} was asked for, and {name} {version} is there")
    return installed


def _asked(recipe: Recipe) -> dict[str, Requirement]:
    """The requirements that name their package, by its canonical name."""
    found: dict[str, Requirement] = {}
    for word in recipe.words:
        with contextlib.suppress(InvalidRequirement):
            one = Requirement(word)
            if one.marker is None or one.marker.evaluate():
                found[canonicalize_name(one.name)] = one
    return found


def _run(place: Place, command: Sequence[str]) -> str:
    """Output of a command. Raises NotInstallable with its last lines."""
    try:
        code, output = ended(place, command)
    except OSError as error:
        raise NotInstallable(f"{place.side}: {command[0]} cannot be run ({error.strerror})") from error
    said = redaction.text(output.decode(errors="replace")).strip()
    if code:
        last = " | ".join(_last_lines(said)) or f"exit code {code}"
        if os.strerror(errno.ENOSPC) in said:
            raise NothingInstallable(f"{place.side} cannot be installed: {last}; make room on the disk, and go on")
        raise NotInstallable(f"{place.side} cannot be installed: {last}")
    return said


def _last_lines(said: str) -> list[str]:
    """The last lines of an installer that failed, or of the build within it: pip says after those where they stand."""
    told = said.rpartition("[end of output]")[0] or said
    notices = ("[notice]", "WARNING: ", "hint: ", "Using Python ")
    lines = [line.strip() for line in told.splitlines() if line.strip(" ^~") and not line.startswith(notices)]
    return lines[-LINES:]
