"""Rounds of profiles: their cost, and those that cannot be true."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from dlbench.errors import ContractViolation
from dlbench.measure.profiling import rounds as module
from dlbench.measure.profiling.attribution import Account
from dlbench.measure.profiling.profile import _cost
from dlbench.measure.profiling.rounds import FAULTS, Round, Taken, rounds, take
from dlbench.measure.timing import Timing
from dlbench.plugin import STEP, ProfileEvent

pytestmark = pytest.mark.untimed


def pair(plain: tuple[float, float, float | None], taken: tuple[float, float, float | None]) -> Round:
    """A round of one step, each side with its wall, processor and waiting milliseconds."""
    before, after = ([None if one is None else one * 1e-3 for one in side] for side in (plain, taken))
    return Round(Taken([], *after), Timing(1, *before), Account((), 1))


def test_a_profiler_that_works_on_one_of_several_threads_costs_what_the_step_takes_longer() -> None:
    assert _cost([pair((10, 80, None), (20, 90, None))]) == pytest.approx(2)


def test_a_profiler_that_only_waits_shows() -> None:
    assert _cost([pair((10, 10, 0), (20, 10, 0))]) == pytest.approx(2)


def test_another_program_on_the_core_does_not_cost_the_profile_its_times() -> None:
    assert _cost([pair((10, 10, 0), (24, 12, 12))]) == pytest.approx(1.2)


def test_waits_that_one_side_alone_knows_are_taken_from_neither() -> None:
    assert _cost([pair((30, 10, None), (36, 12, 24))]) == pytest.approx(1.2)
    assert _cost([pair((30, 10, None), (36, 12, 24)), pair((10, 10, 0), (15, 15, 0))]) == pytest.approx(1.5)


class Profiler:
    """A profiler whose profiles are true or not, one after the other."""

    def __init__(self, *true: bool) -> None:
        self._true = list(true)

    def profile(self, step):
        start = time.perf_counter()
        step()
        seconds = time.perf_counter() - start
        true = self._true.pop(0) if self._true else False
        found = [
            ProfileEvent(name=STEP, category="Python", start=start, seconds=seconds),
            ProfileEvent(name="mm", category="matrix product", start=start, seconds=seconds / 2),
        ]
        return found if true else (found[1:] if true is False else None)


class Model:
    """A step that takes a millisecond."""

    def ready(self, calls):
        pass

    def step(self):
        time.sleep(1e-3)

    def barrier(self, result):
        pass

    def sampler(self, clock):
        return SimpleNamespace(take=lambda steps, **_: Timing(steps, 1e-3 * steps, 1e-3 * steps, 0.0))


SPEC = SimpleNamespace(plugin="a.b", steps_per_call=1)


def taken_with(*true):
    return list(rounds(SPEC, Profiler(*true), Model(), 3, on_cpu=True))[-1]


def test_rounds_that_are_true_stand_whatever_others_say() -> None:
    assert len(taken_with(True, True, False, True)) == 2


def test_the_last_contradiction_is_the_answer_if_none_is_true() -> None:
    with pytest.raises(ContractViolation, match="has 0"):
        taken_with(True, *[False] * FAULTS, True)


def test_the_first_use_of_a_profiler_may_fail_as_others_may(monkeypatch) -> None:
    said = iter([None, True, True])
    true = Profiler()
    monkeypatch.setattr(module, "ROUNDS", 1)
    true.profile, whole = lambda step: whole(step) if next(said, True) else [], true.profile
    true._true = [True] * 9
    assert len(list(rounds(SPEC, true, Model(), 3, on_cpu=True))[-1]) == 1


def test_time_between_turns_is_none_of_the_rounds(monkeypatch) -> None:
    going = rounds(SPEC, Profiler(*[True] * 9), Model(), 3, on_cpu=True)
    next(going)
    monkeypatch.setattr(module, "ROUNDS_SECONDS", 3600.0)
    now = time.perf_counter
    monkeypatch.setattr(module.time, "perf_counter", lambda: now() + 1e6)  # another arm had its turn for long
    assert [len(found) for found in going] == list(range(2, module.ROUNDS + 1))


LIES: list[dict[str, Any]] = [
    *({"flops": flops} for flops in (-1.0, float("nan"), float("inf"))),
    *({"seconds": seconds} for seconds in (float("nan"), float("inf"))),
    *({"shapes": shapes} for shapes in (((-3, 4),), ((10**400,),), ((2,) * 1000,), ("a",))),
    {"category": "flux"},
    {"count": -1},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: next(iter(lie)))
def test_an_event_that_none_can_be_is_refused_and_is_the_only_one_that_is_shown(lie: dict[str, Any]) -> None:
    def profile(step):
        step()
        true: dict[str, Any] = {"category": "loss", "start": 0.0, "seconds": 1.0}
        names = ("one", "liar", "other")
        return [ProfileEvent(**{**true, "name": name, **(lie if name == "liar" else {})}) for name in names]

    with pytest.raises(ContractViolation, match=r"profile\(\) returned a value that makes no sense") as refused:
        take("a.b", SimpleNamespace(profile=profile), lambda: 0.0)
    assert "'liar'" in str(refused.value)
    assert "'one'" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_profile_that_is_no_list_of_events_is_refused_by_name() -> None:
    class Silent:
        def profile(self, step):
            step()

    with pytest.raises(ContractViolation, match=r"plugin a\.b: profile\(\) returned None; return the events"):
        take("a.b", Silent(), lambda: 0.0)


def test_a_profile_says_how_long_its_thread_had_no_core() -> None:
    found = take("a.b", Profiler(True), lambda: float(sum(range(100_000))))
    assert found.waited_seconds is None or 0.0 <= found.waited_seconds <= found.seconds
