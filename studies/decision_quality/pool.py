"""Raw times on the disk: one JSON line a batch, each a gzip member of its own, so that a pool can be appended to."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import Literal

import click
import msgspec

from dlbench.record.schema import Environment, Load, Run
from dlbench.session.plan import IN_FULL
from dlbench.spec import Isolation, Policy
from studies.decision_quality.workloads import FORMER_POLICY

Kind = Literal["lockstep", "sequential"]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One process: wall nanoseconds of each sample over its `nominal` steps; it executed `executed`.

    `held` counts the seconds in which it had the machine or was waited for: building, warming up, turns, hand-overs.
    `run` is the record that the product reads for a verdict, with the waits of each sample, over nominal steps; None in
    the first pools.
    """

    arm: str
    nominal: int
    executed: int
    held: float
    nanoseconds: list[int]
    flags: list[str] = []
    run: Run | None = None

    @property
    def slowdown(self) -> float:
        """The share that was planted, as it was executed."""
        return self.executed / self.nominal - 1


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Processes measured together: a group in lockstep, or one process of each arm, one after the other in this order.

    `import_seconds` is the time of importing the framework in the parent of forked processes, 0 for new ones;
    `neighbours` counts the programs that the study itself ran beside them, at work for a share `duty` of the time.
    `group` is the place of a group in a session, None in pools without sessions, and `pilot_seconds` is the time of the
    process that was thrown away before it, 0 if there was none.
    """

    kind: Kind
    workload: str
    number: int
    started: str
    processes: list[Taken]
    load: Load
    import_seconds: float
    environment: Environment
    neighbours: int = 0
    isolation: Isolation = "fork"
    duty: float = 0.5
    policy: Policy = FORMER_POLICY
    group: int | None = None
    pilot_seconds: float = 0.0

    @property
    def in_full(self) -> bool:
        """True if its processes were measured for all figures of a report, as the first ones of a session are."""
        return self.group is not None and self.group < IN_FULL

    @property
    def plan(self) -> tuple[Policy, Isolation]:
        """Effort and kind of its processes: batches of one pool share it."""
        return self.policy, self.isolation


MAGIC = b"\x1f\x8b"
"""The beginning of a gzip member."""
_decoder = msgspec.json.Decoder(Batch)


def append(path: Path, batches: list[Batch]) -> None:
    """Append batches and return when they are on the disk; a torn end that a kill left is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"".join(gzip.compress(msgspec.json.encode(batch) + b"\n", mtime=0) for batch in batches)
    whole = sum(map(len, _members(path.read_bytes()))) if path.exists() else 0
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(whole)
        file.seek(whole)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Batch]:
    """All batches of a pool in order; a batch that a kill left unfinished at its end is left out."""
    if not path.exists():
        return []
    data = path.read_bytes()
    if data and not data.startswith(MAGIC):
        raise click.UsageError(f"{path} is no pool: it is not compressed by gzip; collect one with another name")
    try:
        return [_decoder.decode(gzip.decompress(member)) for member in _members(data)]
    except msgspec.MsgspecError as error:
        raise click.UsageError(f"{path} holds a line that is no batch of a pool ({error})") from error


def _members(data: bytes) -> list[bytes]:
    """The whole gzip members at the start of these bytes."""
    found = []
    while data:
        reader = zlib.decompressobj(wbits=31)
        try:
            reader.decompress(data)
        except zlib.error:
            break
        if not reader.eof:
            break
        found.append(data[: len(data) - len(reader.unused_data)])
        data = reader.unused_data
    return found
