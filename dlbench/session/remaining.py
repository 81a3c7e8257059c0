"""The groups that a resumed session has still to measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dlbench.errors import RecordError
from dlbench.record.journal import Journal
from dlbench.record.schema import RUNS_FILE, Run, Together
from dlbench.session.plan import Group
from dlbench.spec import Member, workload


def missing_groups(groups: Sequence[Group], journal: Journal) -> list[Group]:
    """The groups that the journal lacks; one that was cut short is forgotten, because its arms must run together.

    Raises RecordError when the journal holds Runs of other groups.
    """
    planned = {(member, group.number) for group in groups for member in group.members}
    have = [(run.member, run.group) for run in journal.runs]
    path = journal.folder / RUNS_FILE
    seen: set[tuple[Member, Together]] = set()
    for line, (key, run) in enumerate(zip(have, journal.runs, strict=True), start=1):
        this = run.member, run.together
        if key not in planned or run.session != journal.plan.session or this in seen:
            raise RecordError(f"{path}:{line}: this Run is not of the plan beside it; measure again with another --out")
        seen.add(this)
    whole = set(have) - _torn(journal.runs)
    missing = [group for group in groups if not all((member, group.number) in whole for member in group.members)]
    lacking = {(member, group.number) for group in missing for member in group.members}
    kept = next((place for place, key in enumerate(have) if key in lacking), len(have))
    if any(key not in lacking for key in have[kept:]):
        raise RecordError(
            f"{path}:{kept + 1}: a group is cut short and others follow; measure again with another --out"
        )
    journal.truncate(kept)
    return missing


def _torn(runs: Sequence[Run]) -> set[tuple[Member, int]]:
    """Specs and groups with a part that has fewer Runs than arms: another part may hold the same baseline."""
    found = Counter((workload(run.spec), run.together) for run in runs)
    return {(run.member, run.group) for run in runs if found[workload(run.spec), run.together] < run.arms}
