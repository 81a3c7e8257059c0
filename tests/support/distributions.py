"""Installed distributions as the registry finds them, and the remains of a broken one."""

from __future__ import annotations

from pathlib import Path

from dlbench import registry


def entry(name: str) -> registry.Entry:
    (found,) = [one for one in registry.entries() if one.name == name]
    return found


def leftover(folder: Path, name: str, **files: bytes) -> None:
    """Make the remains of a distribution that an installer or a disk may leave."""
    info = folder / f"{name}.dist-info"
    info.mkdir()
    for file, content in files.items():
        (info / (file if file == "METADATA" else f"{file}.txt")).write_bytes(content)
