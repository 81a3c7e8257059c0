"""Differences between the sessions of a pool and those of `dlbench run --adaptive`, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlbench.analysis.steady_state import SERIES
from dlbench.spec import Policy
from studies.decision_quality.groups import arms
from studies.decision_quality.pool import Batch
from studies.decision_quality.rules import BUDGET
from studies.decision_quality.workloads import CYCLE, POLICY

_EFFORT: Mapping[str, str] = {
    "samples": "rounds a group",
    "turn_seconds": "s a turn",
    "settle_seconds": "s of warm-up at least",
    "settle_cap_seconds": "s of warm-up at most",
}
"""Fields of a policy that decide what a group is, in words."""
ANEW = f"rounds that follow from the noise so far, anew every {CYCLE} groups, and groups drawn in any order"


def render(pools: Mapping[str, Sequence[Batch]]) -> str:
    """A paragraph on every pool, and a line on each."""
    return f"""## What differs from `dlbench run --adaptive`

A group of a pool has more arms than the two of a user, and a session may take {BUDGET:g} s. Its seconds are those
of its processes. The start of the command, its checks and its report are not among them; `python -m
studies.decision_quality sessions` times sessions of the product from the prompt to the exit code. A turn of a pool has
100 steps or more, so that 1 % is a whole step, and may last longer than its policy says.

""" + "\n".join(f"- Pool `{name}`: {'; '.join(of(batches))}." for name, batches in pools.items())


def of(batches: Sequence[Batch]) -> list[str]:
    """The differences of this pool: its arms alone if its groups are the product's."""
    groups = [batch for batch in batches if batch.kind == "lockstep"]
    policies = list(dict.fromkeys(batch.policy for batch in groups))
    forked = list(dict.fromkeys(batch.workload for batch in groups if batch.isolation != POLICY.isolation))
    found = [f"{len(arms(batches))} arms a group ({', '.join(arms(batches))})"]
    found += [ANEW] if len({len(one.processes[0].nanoseconds) for one in groups}) > 1 else []
    found += [said for policy in policies for said in _effort(policy)]
    found += [f"forked processes instead of new ones ({', '.join(forked)})"] if forked else []
    found += [] if any(batch.pilot_seconds for batch in groups) else ["no pilot process"]
    found += [] if any(batch.in_full for batch in groups) else ["no process measured in full"]
    found += [] if judged(batches) else [f"no ratio is judged for steadiness, which takes {SERIES} rounds"]
    return found


def judged(batches: Sequence[Batch]) -> bool:
    """True if the ratios of these groups are judged for steadiness, as a session of the product judges its own."""
    return all(batch.policy.samples >= SERIES for batch in batches if batch.kind == "lockstep")


def _effort(policy: Policy) -> Iterator[str]:
    for field, words in _EFFORT.items():
        ours, theirs = getattr(policy, field), getattr(POLICY, field)
        if ours != theirs:
            yield f"{_said(ours)} {words} instead of {_said(theirs)}"


def _said(value: float | None) -> str:
    return "at least 0.02" if value is None else f"{value:g}"
