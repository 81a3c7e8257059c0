"""`dlbench verify`: a line a file, the digest of all, and the exit code."""

from __future__ import annotations

from pathlib import Path

from dlbench.api.verify import verify
from dlbench.errors import exit_codes
from dlbench.record import encoding


def show(source: Path, digest: str, *, as_json: bool) -> int:
    """Verify a report, print the state of its files, and return the exit code. Raises RecordError or SpecError."""
    found = verify(source, digest)
    if as_json:
        print(encoding.page({"intact": found.intact, "digest": found.digest, "files": found.files}), end="")  # noqa: T201
    else:
        width = max(len(one.file) for one in found.files)
        lines = [f"{one.file.ljust(width)}  {one.state}" for one in found.files]
        print("\n".join([*lines, f"{'digest'.ljust(width)}  {found.digest or 'cannot be read'}"]))  # noqa: T201
    return exit_codes.FINE if found.intact else exit_codes.CHANGED
