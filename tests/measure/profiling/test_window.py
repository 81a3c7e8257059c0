"""A profile that cannot be true is refused, and a trace holds what a profile has."""

from __future__ import annotations

import json

import pytest
from profiled import account, event, step

from dlbench.errors import ContractViolation
from dlbench.measure.profiling.spans import window
from dlbench.measure.profiling.trace import trace
from dlbench.plugin import STEP

pytestmark = pytest.mark.untimed

LIES = [
    ([event("mm", "loss", 1, 2)], "has 0"),
    ([step(10), step(10)], "has 2"),
    ([step(10), event("mm", "loss", 5, 4)], "takes -0.001 s"),
    ([step(10), event("mm", "loss", 1, 99)], "longer than the step of 0.01 s"),
    ([step(10), event("mm", "loss", 1, float("nan"))], "takes nan s"),
    ([step(0), event("mm", "loss", -0.002, 0.002)], "'dlbench step' of its profile takes 0 s"),
    ([step(10)], "no event within the step"),
    ([step(10), event("mm", "loss", 11, 12)], "no event within the step"),
    ([step(10), event("a", "loss", 1, 5), event("b", "loss", 3, 8)], "'b' and 'a' of its profile overlap on thread 1"),
]


@pytest.mark.parametrize(("events", "said"), LIES, ids=[said for _, said in LIES])
def test_a_profile_that_cannot_be_true_is_refused(events, said: str) -> None:
    with pytest.raises(ContractViolation, match=said):
        account(events)


@pytest.mark.parametrize("seconds", [0.001, 0.1])
def test_a_step_that_our_own_clock_contradicts_is_refused(seconds: float) -> None:
    with pytest.raises(ContractViolation, match="says that the step took"):
        window("a.b", [step(10), event("mm", "loss", 1, 2)], seconds)


def test_a_trace_holds_every_event_in_microseconds() -> None:
    rows = json.loads(trace("a.b", [step(10), event("mm", "loss", 1, 3, 7, shapes=((2, 3),), layer="a")]))[
        "traceEvents"
    ]
    assert rows[1]["name"] == STEP
    assert {key: rows[2][key] for key in ("ph", "cat", "tid", "args")} == {
        "ph": "X",
        "cat": "loss",
        "tid": 2,
        "args": {"shapes": [[2, 3]], "count": 1, "layer": "a"},
    }
    assert rows[2]["ts"] == pytest.approx(1000)
    assert rows[2]["dur"] == pytest.approx(2000)


def test_no_event_of_a_trace_ends_after_the_one_around_it() -> None:
    inner, apart = event("mm", "loss", 1, 3.000312, 7), event("relu", "loss", 3.1, 4, 7)
    found = json.loads(trace("a.b", [inner, step(10), apart, event("linear", "dispatch", 0.5, 3, 7)]))["traceEvents"]
    rows = {one["name"]: one for one in found if one["ph"] == "X"}
    assert rows["mm"]["ts"] + rows["mm"]["dur"] == pytest.approx(rows["linear"]["ts"] + rows["linear"]["dur"], abs=1e-6)
    assert (rows["relu"]["ts"], rows["relu"]["dur"]) == (pytest.approx(3100), pytest.approx(900))
    assert rows[STEP]["tid"] != rows["mm"]["tid"]
