"""Other Python environments than that of dlbench itself: which they are, and whether a child can run there.

A child needs dlbench and the plugin in its environment, and to understand the same orders; all else may differ.
"""

from __future__ import annotations

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
from dlbench.workers.process import child_environment
from dlbench.workers.protocol import protocol

SHARED = ("PYTHONPATH", "PYTHONHOME")
"""Variables that give every interpreter the same code, whatever its environment holds."""
SECONDS = 120.0
"""How long an interpreter may take to say what it has."""
PROGRAM = """
import json, sys
said = {"python": list(sys.version_info[:2])}
try:
    import dlbench
    said["dlbench"] = getattr(dlbench, "__version__", "of unknown version")
    from dlbench.workers.protocol import protocol
    from dlbench.registry import entries
    said["protocol"] = protocol()
    said["plugins"] = {entry.name: entry.broken for entry in entries()}
except ImportError as error:
    said["lacks"] = str(error)
print(json.dumps(said))
"""


class Installed(msgspec.Struct, frozen=True):
    """What an interpreter has: its version, that of dlbench, its protocol, plugins with why they are broken."""

    python: tuple[int, int]
    dlbench: str = ""
    protocol: str = ""
    plugins: dict[str, str] = {}
    lacks: str = ""


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

    Raises SpecError naming the first environment in which a child could not run, and what to do.
    """
    _require_apart()
    have = {name: _examined(name, python) for name, python in pythons.items()}
    first = next(iter(have.values()))
    found: dict[str, None] = {}
    for pattern in asked:
        found |= dict.fromkeys([name for name in first.plugins if fnmatchcase(name, pattern)] or [pattern])
    for name, installed in have.items():
        for plugin in found:
            _require_plugin(f"the environment {name} ({pythons[name]})", plugin, installed.plugins)
    return list(found)


def _require_apart() -> None:
    for name in SHARED:
        if value := os.environ.get(name):
            raise SpecError(
                f"{name} is set ({value}): all environments of --env would import the same code from there; unset it, "
                "and install in each environment what it is to have"
            )


def _program(name: str, python: str) -> str:
    """The path from the root: a session may go on from another folder. A link stays one, for it has an environment."""
    program = shutil.which(python)
    if program is None:
        raise SpecError(f"--env {name}: there is no program {python}; give the path of a Python, as in NAME/bin/python")
    return str(Path(program).absolute())


def _examined(name: str, python: str) -> Installed:
    """What this interpreter has, when a child can run there."""
    said, where = _said(name, python), f"the environment {name} ({python})"
    install = f"{python} -m pip install dlbench=={__version__}"
    if said.python < (3, 11):
        raise SpecError(f"{where} has Python {'.'.join(map(str, said.python))}; dlbench needs 3.11 or newer")
    if not said.dlbench:
        raise SpecError(f"{where} cannot import dlbench ({said.lacks}); {install}")
    if said.protocol != protocol():
        raise SpecError(
            f"{where} has a dlbench ({said.dlbench}, protocol {said.protocol or 'unknown'}) that does not speak with "
            f"this one ({__version__}, protocol {protocol()}); {install}"
        )
    return said


def _said(name: str, python: str) -> Installed:
    try:
        done = subprocess.run(
            [python, "-c", PROGRAM],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=child_environment(os.environ, threads=1),
            timeout=SECONDS,
        )
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Installed)
    except (OSError, subprocess.TimeoutExpired, IndexError, msgspec.MsgspecError) as error:
        raise SpecError(f"--env {name}: {python} is not a Python that can be used; give the path of one") from error


def _require_plugin(where: str, plugin: str, have: Mapping[str, str]) -> None:
    if plugin not in have:
        known = ", ".join(sorted(have)) or "none"
        raise SpecError(f"{where} has no plugin {plugin!r} (it has: {known}); install its package there")
    if have[plugin]:
        raise SpecError(f"{where}: plugin {plugin} cannot be loaded: {have[plugin]}")
