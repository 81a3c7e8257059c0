"""Python environments other than dlbench's own: their plugins, and the check that a child can run there.

A child needs dlbench and the plugin in its environment, and the same protocol; all else may differ.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from dlbench import __version__
from dlbench.errors import SpecError
from dlbench.workers.child_environment import child_environment
from dlbench.workers.protocol import Installed, protocol

SHARED = ("PYTHONPATH", "PYTHONHOME")
"""Variables that give every interpreter the same code, whatever its environment holds."""
SECONDS = 120.0
"""Longest time for an interpreter to report its packages."""
HANDSHAKE = "dlbench.workers.protocol"
"""Module that reports its interpreter's packages when run as a program."""
VERSION = "import sys; print(*sys.version_info[:2])"


def read(texts: Sequence[str]) -> dict[str, str]:
    """Interpreters by name from `NAME=PYTHON`, in the order given. Raises SpecError."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, python = text.partition("=")
        if not re.fullmatch(r"[\w.-]+", name) or not python:
            raise SpecError(f"--env {text!r} must be NAME=PYTHON, such as head=.venv/bin/python")
        if name in found:
            raise SpecError(f"--env {name} is given twice, for {found[name]} and {python}; give each a name of its own")
        found[name] = _program(name, python)
    return found


def plugins(pythons: Mapping[str, str], asked: Sequence[str]) -> list[str]:
    """The plugins that these names and patterns mean in the first environment; all environments must have them.

    Raises SpecError naming the first environment in which a child could not run, and a remedy.
    """
    require_apart()
    have = {name: _examined(name, python) for name, python in pythons.items()}
    first = next(iter(have.values()))
    found: dict[str, None] = {}
    for pattern in asked:
        found |= dict.fromkeys([name for name in first.plugins if fnmatchcase(name, pattern)] or [pattern])
    for name, installed in have.items():
        for plugin in found:
            _require_plugin(f"the environment {name} ({pythons[name]})", plugin, installed.plugins)
    return list(found)


def require_apart() -> None:
    """Raise SpecError if a variable gives all environments the same code."""
    for name in SHARED:
        if value := os.environ.get(name):
            raise SpecError(
                f"{name} is set ({value}): all environments of --env would import the same code from there; unset it, "
                "and install each environment's packages in it"
            )


def _program(name: str, python: str) -> str:
    """The path from the root: a session may go on from another folder. A link stays one: it has an environment."""
    program = shutil.which(python)
    if program is None:
        raise SpecError(f"--env {name}: there is no program {python}; give the path of a Python, as in NAME/bin/python")
    return str(Path(program).absolute())


def _examined(name: str, python: str) -> Installed:
    """Packages of this interpreter. Raises SpecError if no child can run there."""
    said, where = _said(name, python), f"the environment {name} ({python})"
    install = f"{python} -m pip install dlbench=={__version__}"
    if said.python < (3, 11):
        raise SpecError(f"{where} has Python {'.'.join(map(str, said.python))}; dlbench needs 3.11 or newer")
    if "No module named 'dlbench'" in said.lacks:
        raise SpecError(f"{where} cannot import dlbench ({said.lacks}); {install}")
    if said.protocol != protocol():
        has = f"dlbench ({said.dlbench or 'of unknown version'}, protocol {said.protocol or 'unknown'})"
        why = f": {said.lacks}" if said.lacks else ""
        raise SpecError(
            f"{where} has a {has} that does not speak with this one ({__version__}, protocol {protocol()}){why}; "
            f"{install}"
        )
    return said


def _said(name: str, python: str) -> Installed:
    """The answer to the handshake; of an interpreter that has none its version, and the last line of the error."""
    done = _run(name, python, "-m", HANDSHAKE)
    with contextlib.suppress(IndexError, msgspec.MsgspecError):
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Installed)
    try:
        major, minor = map(int, _run(name, python, "-c", VERSION).stdout.split())
    except ValueError as error:
        raise SpecError(_unusable(name, python)) from error
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return Installed(python=(major, minor), lacks=last)


def _run(name: str, python: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [python, *arguments],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=child_environment(os.environ, threads=1),
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SpecError(_unusable(name, python)) from error


def _unusable(name: str, python: str) -> str:
    return f"--env {name}: {python} is not a Python that can be used; give the path of one"


def _require_plugin(where: str, plugin: str, have: Mapping[str, str]) -> None:
    if plugin not in have:
        known = ", ".join(sorted(have)) or "none"
        raise SpecError(f"{where} has no plugin {plugin!r} (it has: {known}); install its package there")
    if have[plugin]:
        raise SpecError(f"{where}: plugin {plugin} cannot be loaded: {have[plugin]}")
