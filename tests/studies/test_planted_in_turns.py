"""Two arms in one process, profiled in turns, for the study of planted differences."""

from __future__ import annotations

import msgspec
import pytest

from dlbench.measure.profiling import profile
from dlbench.spec import Spec
from studies.explain import turns

pytestmark = pytest.mark.untimed
SPEC = Spec(plugin="fake.linear", path="eager", phase="train", task="line", size="small", batch_size=4, threads=1)


def test_each_arm_has_its_profile(monkeypatch):
    monkeypatch.setattr(turns, "ROUNDS", 2)
    monkeypatch.setattr(profile, "SETTLE_SECONDS", 0.0)
    specs = [SPEC, msgspec.structs.replace(SPEC, seed=7)]
    found = turns.in_turns(specs)
    assert [one.spec for one in found] == specs
    for one in found:
        assert {op.name for op in one.ops} >= {"product", "Python"}
        assert one.cost is not None
        assert one.plain > 0.0


def test_an_arm_without_a_profile_is_a_row_with_its_reason():
    (found,) = turns.profiled([msgspec.structs.replace(SPEC, plugin="fake.minimal")])
    assert "has no profile()" in found.reason
    assert "\n" not in found.reason
