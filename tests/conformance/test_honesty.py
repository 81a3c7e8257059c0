"""Cheats of `studies.cheats`: each is named by the clause that is made for it, and the honest model by none."""

from __future__ import annotations

import gc
import time

import msgspec
import pytest
from cheating import ALONE, ANEW, CHEATS, CLOCKS, READ, SEEN, WHOLE
from examined import SPEC, findings, problems
from offenders import Accelerated

from dlbench.conformance.clauses import CLAUSES
from dlbench.measure import timing
from studies.cheats import programs


@pytest.fixture(autouse=True)
def clocks(monkeypatch):
    """Puts back what some of them change."""
    for of, names in (
        (time, ("perf_counter", "perf_counter_ns", "monotonic_ns")),
        (timing, ("perf_counter_ns", "monotonic_ns")),
        (gc, ("collect",)),
    ):
        for name in names:
            monkeypatch.setattr(of, name, getattr(of, name))


@pytest.mark.parametrize(("cheat", "clause"), CHEATS, ids=[cheat.__name__ for cheat, _ in CHEATS])
def test_a_cheat_is_named(cheat, clause, monkeypatch):
    assert problems(cheat, monkeypatch, clauses=[clause])[clause]


@pytest.mark.parametrize(
    ("plugin", "spec"),
    [(programs.Honest, SPEC), (Accelerated, msgspec.structs.replace(SPEC, device="gpu:0"))],
)
def test_who_is_honest_is_not_named(plugin, spec, monkeypatch):
    clauses = [ANEW, SEEN, READ, WHOLE, ALONE, CLOCKS]
    found = findings(plugin, monkeypatch, spec, clauses)
    assert {one.clause: one.why for one in found if one.verdict == "broken"} == {}
    assert set(clauses) < set(CLAUSES)
