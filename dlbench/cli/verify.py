"""`dlbench verify`: a line a file, the digest of all, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlbench.api.verify import verify
from dlbench.cli import streams
from dlbench.errors import exit_codes
from dlbench.record import encoding


def show(source: Path, digest: str, *, as_json: bool) -> int:
    """Verify a report, print the state of its files, and return the exit code. Raises RecordError or SpecError."""
    found = verify(source, digest)
    if as_json:
        told = {"intact": found.intact, "digest": found.digest, "files": found.files, "not_verified": found.others}
        print(encoding.page(told), end="")  # noqa: T201
    else:
        width = max(len(one.file) for one in found.files)
        lines = [f"{one.file.ljust(width)}  {one.state}" for one in found.files]
        lines.append(f"{'digest'.ljust(width)}  {found.digest or 'cannot be read'}")
        print("\n".join([*lines, *_not_verified(found.others)]))  # noqa: T201 (the answer to the command)
    return exit_codes.FINE if found.intact else exit_codes.CHANGED


def _not_verified(names: Sequence[str]) -> list[str]:
    """A line for the files that `intact` does not speak of."""
    shown = (name if name.isprintable() else ascii(name) for name in names)
    said = f"not verified: {', '.join(shown)}; no digest is of them; `dlbench report` makes the pages of a report again"
    return [streams.fitted(said)] if names else []
