"""Verification: the raw files of a report are as dlbench wrote them, by the digests beside them."""

from __future__ import annotations

from pathlib import Path

from dlbench.errors import RecordError, SpecError
from dlbench.record import digests, places
from dlbench.record.digests import DIGESTS_FILE, Checked, Verified
from dlbench.record.schema import RUNS_FILE


def verify(source: Path, digest: str = "") -> Verified:
    """Hold a report, a runs.jsonl or its folder, against its digests, and them against one that was kept elsewhere.

    Raises RecordError for a report that has none, and SpecError for a text that is no digest.
    """
    expected = digest.strip().lower()
    if expected and (len(expected) != 64 or set(expected) - set("0123456789abcdef")):
        raise SpecError(f"--digest {digest[:80]!r} is not one; give the 64 digits that `dlbench verify` printed")
    folder = places.folder_of(source)
    if not places.is_there(source):
        raise RecordError(f"{source}: is not there; give the folder of a report")
    if source.name != RUNS_FILE and folder != source:
        raise RecordError(f"{source}: is no report; give a {RUNS_FILE} or its folder")
    found = digests.verify(folder)
    if expected in ("", found.digest):
        return found
    others = tuple(one for one in found.files if one.file != DIGESTS_FILE)
    files = (Checked(file=DIGESTS_FILE, state="changed"), *others)
    return Verified(digest=found.digest, files=files, others=found.others)
