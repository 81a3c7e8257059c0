"""The clauses that a plugin of the tests keeps and breaks, examined in this process."""

from dlbench import registry
from dlbench.conformance.examine import NAMES, Examination
from dlbench.spec import Spec

SPEC = Spec(plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)
TIMED = (
    "nothing_is_kept_from_a_batch_that_was_seen",
    "nothing_is_left_until_it_is_read",
    "the_barrier_holds",
    "no_work_outlives_the_barrier",
    "nothing_leaks",
)
"""Clauses that look at the clock, or repeat steps for a while."""
UNTIMED = tuple(clause for clause in NAMES if clause not in TIMED)


def findings(factory, monkeypatch, spec=SPEC, clauses=NAMES):
    """The findings on a plugin made by this factory."""
    monkeypatch.setattr(registry, "load", lambda _: factory())
    return [*map(Examination(spec).look, clauses)]


def problems(*args, **more):
    """The clauses that it breaks, with the text on each."""
    return {finding.clause: finding.why for finding in findings(*args, **more) if finding.verdict == "broken"}
