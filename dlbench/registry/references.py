"""References to a user's own code, `file.py:NAME` or `package.module:NAME`, and their objects.

A file is found from the folder in which the session was planned. An environment variable names it to a child, which
works in a temporary folder of its own. An error in the user's code is one line that names the user's file and line. An
object that is no model is refused by `adaptors.of_model`.
"""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from dlbench.errors import DlbenchError, SpecError, UnknownName, redaction, words

FOLDER_VARIABLE = "DLBENCH_MODEL_FOLDER"
"""The environment variable that holds the folder of the session."""
REFERENCE = re.compile(r"(?P<place>[^:]+):(?P<name>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_NO_MEMORY = re.compile(
    r"\bMemoryError\b|can.?t allocate|unable to allocate|out of memory|\bOOM\b|RESOURCE_EXHAUSTED", re.IGNORECASE
)
_FIRST_LINES = 500
"""Characters of an error's text that stand in a message."""


class Reference(NamedTuple):
    """A place, which is a file or a module, and the name of an object in it, which may have dots."""

    place: str
    name: str

    @property
    def is_file(self) -> bool:
        """True if the place is a file, rather than a module that can be imported."""
        return self.place.endswith(".py")

    @property
    def text(self) -> str:
        """The reference as it was typed."""
        return f"{self.place}:{self.name}"


def planned_folder() -> Path:
    """The folder from which files are seen: the session's in a child, the current one elsewhere."""
    return Path(os.environ.get(FOLDER_VARIABLE) or Path.cwd())


def path_of(place: str, folder: Path | None = None) -> Path:
    """The file of a place, as a record holds it, on this machine; seen from the session's folder unless absolute."""
    return ((planned_folder() if folder is None else folder) / redaction.local(place)).resolve()


def portable(text: str) -> str:
    """A file, or a reference to something in one, as a record may hold it: no home folder and no name of an account."""
    if not text:
        return text
    place, in_file, name = text.partition(".py:")
    path = Path(f"{place}.py" if in_file else text)
    near = path.is_absolute() and path.is_relative_to(Path.cwd())
    stored = redaction.portable(str(path.relative_to(Path.cwd()) if near else path))
    return f"{stored}:{name}" if in_file else stored


def same_object(one: str, other: str) -> bool:
    """True for equal references, and for two that name one file by other ways and one NAME.

    Such ways are `./`, `..`, a link, and the module that the file is.
    """
    if one == other:
        return True
    if not (is_reference(one) and is_reference(other)):
        return False
    sides = [parse(text) for text in (one, other)]
    if sides[0].name != sides[1].name or not any(side.is_file for side in sides):
        return False
    files = [path_of(side.place) if side.is_file else _file_of_module(side.place) for side in sides]
    return files[0] == files[1]


def _file_of_module(name: str) -> Path | None:
    """The file that importing a module would run; nothing is imported. None if it is not found, or has no file."""
    places: list[str] = [*sys.path, str(planned_folder())]
    found = None
    for part in name.split("."):
        found = PathFinder.find_spec(part, places)
        if found is None:
            return None
        places = list(found.submodule_search_locations or ())
    return Path(found.origin).resolve() if found is not None and found.has_location and found.origin else None


def parse(text: str) -> Reference:
    """Read `file.py:NAME` or `package.module:NAME`. Raises SpecError."""
    match = REFERENCE.fullmatch(text)
    if match is None or not is_reference(text):
        raise SpecError(f"{text!r} is no reference; give file.py:NAME or package.module:NAME")
    return Reference(match["place"], match["name"])


def is_reference(text: str) -> bool:
    """True if a text has the form of a reference."""
    match = REFERENCE.fullmatch(text)
    return match is not None and (match["place"].endswith(".py") or MODULE.fullmatch(match["place"]) is not None)


def load_reference(text: str, folder: Path | None = None) -> Any:
    """The object that a reference names.

    The folder of a file can be imported from, as when Python runs that file. Raises SpecError for a missing file or
    module, or one that cannot be imported, and UnknownName for a NAME that it lacks.
    """
    reference = parse(text)
    module = load_module(reference, folder)
    found: Any = module
    for part in reference.name.split("."):
        if not hasattr(found, part):
            raise UnknownName(f"name in {reference.place}", reference.name, _public(found))
        found = getattr(found, part)
    return found


def load_module(reference: Reference, folder: Path | None = None) -> ModuleType:
    """The module of a reference, imported once in this process. Raises SpecError."""
    folder = planned_folder() if folder is None else folder
    with users_errors(reference.text):
        return _file_module(reference, folder) if reference.is_file else _named_module(reference, folder)


@contextmanager
def users_errors(of: str) -> Iterator[None]:
    """Whatever the user's code raises inside becomes one line with the user's file, line and text.

    Raises SpecError; errors of dlbench itself, and interruptions, are left as they are.
    """
    try:
        yield
    except (DlbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        said = words.reason(error, _FIRST_LINES).partition("\n")[0]
        advice = "; it does not fit into memory: choose a smaller one" if _NO_MEMORY.search(said) else ""
        raise SpecError(f"{of}: {_where(error)}{said}{advice}") from error


def _where(error: BaseException) -> str:
    """`net.py, line 3, "import nothing": `, of the last line in the user's own code; empty if there is none."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _line(error.filename, error.lineno, error.text or "")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_foreign(frame.filename)]
    return _line(own[-1].filename, own[-1].lineno or 0, own[-1].line or "") if own else ""


def _line(file: str, number: int, text: str) -> str:
    text = (text or linecache.getline(file, number)).strip()
    return f"{Path(file).name}, line {number}, {text!r}: "


def _is_foreign(file: str) -> bool:
    """True if a frame is of dlbench, of a package of adaptors, of Python or of an installed package."""
    path = Path(file)
    roots = (Path(__file__).resolve().parents[1], Path(os.__file__).parent, *_folders_of_adaptors())
    installed = "site-packages" in path.parts or "dist-packages" in path.parts
    compiled = path.suffix != ".py"  # such as NumPy's _common.pyx, without its folder, or <frozen importlib>
    return compiled or installed or any(path.is_relative_to(root) for root in roots)


def _folders_of_adaptors() -> set[Path]:
    """The folders of the imported packages that have adaptors, which may be installed to be edited."""
    from dlbench.registry import adaptors  # reads metadata, which only an error needs

    packages = (sys.modules.get(entry.value.partition(":")[0].partition(".")[0]) for entry in adaptors.entries())
    return {Path(package.__file__).parent for package in packages if package is not None and package.__file__}


def _file_module(reference: Reference, folder: Path) -> ModuleType:
    """A file under its own name, or under a free one if that is taken."""
    path = path_of(reference.place, folder)
    if not path.is_file():
        advice = (
            "folders are separated by /" if "\\" in reference.place else "give its path from there, or the whole path"
        )
        raise SpecError(f"{reference.text}: there is no file {reference.place} in the folder of the session; {advice}")
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(path):
            return module
    name = path.stem if path.stem not in sys.modules else f"dlbench_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ImportError) and "attempted relative import" in error.msg:
            wanted = f"{path.parent.name}.{path.stem}:{reference.name}"
            error.msg = f"{error.msg}; a file alone is of no package: give {wanted}, from the folder above"
        raise
    return module


def _named_module(reference: Reference, folder: Path) -> ModuleType:
    make_importable(folder)
    try:
        return importlib.import_module(reference.place)
    except ModuleNotFoundError as error:
        if error.name and f"{reference.place}.".startswith(f"{error.name}."):
            error.msg = (
                f"{error.msg}; install it, run from the folder that holds it, or give the path of a file, ending in .py"
            )
        raise


def make_importable(folder: Path) -> None:
    """Have Python find the modules of a folder, after those that are installed: two environments have each its own."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _public(found: object) -> list[str]:
    return [name for name in vars(found) if not name.startswith("_")] if hasattr(found, "__dict__") else []
