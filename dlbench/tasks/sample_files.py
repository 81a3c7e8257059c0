"""Files of samples: `.npz`, `.npy` and `.csv` to arrays by key. Nothing in them is ever unpickled."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dlbench.errors import SpecError, words

Arrays = Mapping[str, npt.NDArray[Any]]
INPUTS, TARGETS, TEST = "inputs", "targets", "test_"
LONGEST_CAUSE = 300
"""Characters of NumPy's message about a file."""
STARTS = (b"\x80", b"\x93NUMPY", b"PK")
"""First bytes of a pickle (PROTO, from protocol 2 on), an .npy file and a zip file."""
_OBJECTS = re.compile(r"[Oo]bject arrays cannot be|pickled")
WANTED = "inputs (or inputs_0, inputs_1 ..., or inputs_NAME) and targets, and test_inputs and test_targets to hold out"


def read(path: Path) -> Arrays:
    """The arrays of a file by key. Raises SpecError that names the file and a remedy."""
    readers = {".npz": _numpy, ".npy": _numpy, ".csv": _csv}
    if path.suffix not in readers:
        raise SpecError(f"--data {path} is no .npz, .npy or .csv; save the samples as one of them")
    try:
        if path.stat().st_size == 0:
            raise SpecError(f"{path} is empty; save {WANTED} in it")
        return readers[path.suffix](path)
    except OSError as error:
        raise SpecError(
            f"{path} cannot be read ({error.strerror or error}); give the path of a file of samples"
        ) from error


def parts(arrays: Arrays, path: Path) -> tuple[tuple[Arrays, Any], tuple[Arrays, Any] | None]:
    """Inputs by name or place, and targets, of training; and of testing if there are some. Raises SpecError."""
    unknown = [key for key in arrays if _part(key)[1] == ""]
    if unknown:
        raise SpecError(f"{path} holds {', '.join(unknown)}, which is not known; it may hold {WANTED}")
    train, test = (_one_part(arrays, path, prefix) for prefix in ("", TEST))
    if train is None:
        raise SpecError(f"{path} holds {', '.join(arrays) or 'nothing'}, and no inputs; save {WANTED}")
    return train, test


def _one_part(arrays: Arrays, path: Path, prefix: str) -> tuple[Arrays, Any] | None:
    inputs = {_part(key)[2]: arrays[key] for key in arrays if _part(key)[:2] == (prefix, INPUTS)}
    targets = arrays.get(f"{prefix}{TARGETS}")
    if not inputs and targets is None:
        return None
    if not inputs or targets is None:
        missing = f"{prefix}{INPUTS if not inputs else TARGETS}"
        raise SpecError(f"{path} holds {', '.join(arrays)}, and no {missing}; save {WANTED}")
    return dict(sorted(inputs.items(), key=_place)), targets


def _part(key: str) -> tuple[str, str, str]:
    """Prefix, `inputs` or `targets` or nothing, and the name or place of an input."""
    prefix = TEST if key.startswith(TEST) else ""
    rest = key.removeprefix(prefix)
    if rest == TARGETS:
        return prefix, TARGETS, ""
    word, _, name = rest.partition("_")
    known = word == INPUTS and (name.isidentifier() or name.isdecimal() or rest == INPUTS)
    return prefix, INPUTS if known else "", name or "0"


def _place(item: tuple[str, object]) -> int:
    """Inputs by place in their order, those by name as they come."""
    return int(item[0]) if item[0].isdecimal() else 0


def _numpy(path: Path) -> Arrays:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return _fields(loaded, path)
        with loaded:
            return {key: _array(key, loaded[key], path) for key in loaded.files}
    except (SpecError, OSError):
        raise
    except MemoryError as error:
        raise SpecError(f"{path} does not fit into memory ({error}); save fewer samples") from error
    except Exception as error:  # for any content: NumPy, zip files and their decompressors raise their own
        said = words.reason(error, LONGEST_CAUSE).partition("\n")[0]
        if _OBJECTS.search(str(error)):
            if (start := _start(path)).startswith(STARTS):
                raise SpecError(
                    f"{path} holds Python objects, which are never loaded; save arrays of numbers"
                ) from error
            said = f"it starts with {start!r}"
        raise SpecError(f"{path} is no file of NumPy's ({said}); save it with numpy.savez") from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(20)


def _array(key: str, found: Any, path: Path) -> npt.NDArray[Any]:
    """The array of a key; NumPy returns the bytes of a member that is none."""
    if not isinstance(found, np.ndarray):
        raise SpecError(f"{path}: {key} is no array of NumPy's; save it with numpy.savez")
    return found


def _fields(array: npt.NDArray[Any], path: Path) -> Arrays:
    if array.dtype.names is None:
        raise SpecError(f"{path} holds one array without fields; save an .npz that holds {WANTED}")
    return {name: array[name] for name in array.dtype.names}


def _csv(path: Path) -> Arrays:
    """Features of the inputs in columns, but for `targets` or `targets_0` ..., and `test`, 1 in held-out rows."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SpecError(f"{path} is no text of comma-separated values ({error})") from error
    if len(lines) < 2:
        raise SpecError(f"{path} has no line below its header; give each sample a line")
    (_, header), *rows = lines
    columns = {name.strip(): _column(path, header, rows, place) for place, name in enumerate(header)}
    if len(columns) < len(header):
        raise SpecError(f"{path}: its header {','.join(header)} names a column twice; give each a name of its own")
    return _keys(columns, path)


def _column(path: Path, header: list[str], rows: list[tuple[int, list[str]]], place: int) -> npt.NDArray[np.float64]:
    """The numbers of a column, of rows with their lines."""
    values = np.empty(len(rows))
    for number, (line, row) in enumerate(rows):
        if len(row) != len(header):
            raise SpecError(
                f"{path}, line {line}: {len(row)} values, and the header has {len(header)} columns; give one for each"
            )
        try:
            values[number] = float(row[place])
        except ValueError:
            values[number] = math.nan
        if not math.isfinite(values[number]):
            raise SpecError(
                f"{path}, line {line}, column {header[place]}: {row[place][:40]!r} is no number; "
                "give one, or leave the line out"
            )
    return values


def _keys(columns: dict[str, npt.NDArray[np.float64]], path: Path) -> Arrays:
    """Targets that are all whole numbers are integers, which makes them classes."""
    test = columns.pop("test", None)
    targets = [columns.pop(name) for name in list(columns) if name.partition("_")[0] == TARGETS]
    if not targets or not columns:
        raise SpecError(
            f"{path} has no column {'targets' if not targets else 'of inputs'}; name one column targets, or several "
            "targets_0, targets_1 ..., and have features in the others"
        )
    wanted = targets[0] if len(targets) == 1 else np.stack(targets, axis=1)
    whole = bool((wanted == np.rint(wanted)).all())
    found = {INPUTS: np.stack(list(columns.values()), axis=1), TARGETS: wanted.astype(np.int64) if whole else wanted}
    if test is None:
        return found
    if set(np.unique(test)) != {0.0, 1.0}:
        raise SpecError(
            f"{path}, column test: it must be 1 for samples that are held out and 0 for others, both present"
        )
    split = {f"{TEST}{key}": array[test == 1] for key, array in found.items()}
    return {key: array[test == 0] for key, array in found.items()} | split
