"""Statuses and flags of Runs: the properties of each status, and the sentence that a reader gets for each flag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

StatusName = Literal["ok", "unsupported", "out-of-memory", "timeout", "crashed", "diverged", "error"]

FlagName = Literal[
    "unstable",
    "drifted",
    "not_settled",
    "graph_breaks",
    "left_to_python",
    "cache_not_empty",
    "cache_unknown",
    "recompiled",
    "not_quiet",
    "low_priority",
    "helped",
    "fork_hung",
    "not_loaded",
    "not_tried",
]


class Status(NamedTuple):
    """Properties of a status.

    A `failed` Run makes the command fail. The training of a `trained` one counts as far as it came, even if it was
    ended. A `final` status is the same in every process, so that the Spec is not tried again.
    """

    ok: bool = False
    failed: bool = True
    trained: bool = False
    final: bool = False


STATUSES: Mapping[StatusName, Status] = {
    "ok": Status(ok=True, failed=False, trained=True),
    "unsupported": Status(failed=False, final=True),
    "out-of-memory": Status(),
    "timeout": Status(trained=True),
    "crashed": Status(),
    "diverged": Status(trained=True),
    "error": Status(),
}

FLAGS: Mapping[FlagName, str] = {
    "unstable": "slowed down or never had a steady state, so no time is read from them, and a ratio only where it "
    "is steady itself; see their samples",
    "drifted": "had no steady state, and one process cannot tell whether program or machine changed; give more of them",
    "not_settled": "did not reach a steady state within the cap; their steady samples may still be warming up",
    "graph_breaks": "ran a step that was compiled in parts, with Python between them",
    "left_to_python": "left parts of a training step to Python, outside of compiled code",
    "cache_not_empty": "found compiled code in a cache on the disk, so no compile time is read from them",
    "cache_unknown": "used a compile cache that cannot be looked at, so no compile time is read from them",
    "recompiled": "compiled again after warm-up; their steady samples may hold compiling",
    "not_quiet": "kept using a core after their turn, by threads or processes; they may have slowed the others down",
    "low_priority": "had a lower priority than the command that measured them, so that any other program on their node "
    "came first; start Ray with RAY_worker_niceness=0",
    "helped": "had processes of their own at work beside their steps, such as workers that load data: CPU time of "
    "those is in no figure, and the cores that they took were taken from this arm and the others",
    "fork_hung": "were measured in fresh processes after a forked one hung; use --isolation fresh",
    "not_loaded": "could not load the plugin, so nothing else of it was tried",
    "not_tried": "were not tried, as an earlier process had shown that they cannot run",
}
"""The sentence of each flag, after `3 of 5 processes`, in the order in which a report shows them."""

HELPED = 0.05
"""CPU seconds of a plugin's other processes, for each second of its steps, above which a Run is flagged `helped`."""
