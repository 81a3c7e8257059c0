"""Limits of a race: arms leave with their reason, and what is not known is not kept."""

from __future__ import annotations

import pytest
from races import Told, arm, asked
from scripted import ScriptedChild

from dlbench.api.tune import folders, state
from dlbench.api.tune.limits import Limits
from dlbench.api.tune.session import tune
from dlbench.errors import SpecError
from dlbench.record.fidelity import Deviation, Fidelity

pytestmark = pytest.mark.untimed


def test_limits_let_arms_leave_with_the_reason(children, tmp_path):
    found = tune(asked(tmp_path, Limits(latency=0.0008)), Told())
    slow = arm(found, batch_size=64, threads=2, steps_per_call=4)
    assert (slow.left, slow.front) == ("limit", False)
    assert "is above --max-latency 800 µs" in slow.reason
    assert found.chosen
    assert arm(found, **dict(found_axes(found))).latency <= 0.0008


def found_axes(found):
    return next(one for one in found.arms if one.name == found.chosen).axes.items()


def test_a_limit_that_nothing_keeps_names_the_nearest(children, tmp_path):
    found = tune(asked(tmp_path, Limits(memory=1 << 20, latency=1e-6)), Told())
    assert found.status == "not measured"
    assert (
        "--max-latency 1.00 µs is met by none; the nearest is threads 2, batch size 8, steps per call 1" in found.reason
    )


def test_the_latency_is_that_of_a_call_with_all_its_steps(children, tmp_path):
    children.make = lambda spec: ScriptedChild(step_seconds=0.001)
    found = tune(asked(tmp_path, steps_per_call=(1, 4)), Told())
    latencies = {one.axes["steps_per_call"]: one.latency for one in found.arms}
    assert latencies == {"1": pytest.approx(0.001), "4": pytest.approx(0.004)}


def test_a_limit_on_what_is_not_known_is_not_kept(children, tmp_path, monkeypatch):
    monkeypatch.setattr("dlbench.api.tune.limits.memory", lambda run: None)
    found = tune(asked(tmp_path, Limits(memory=1 << 40), batch_size=(8, 64)), Told())
    assert found.status == "not measured"
    assert {one.left for one in found.arms} == {"limit"}
    assert "its memory is not known here; leave --max-memory out" in found.reason


def test_a_default_is_not_recommended_before_its_error_is_looked_at(children, tmp_path, monkeypatch):
    """The winner is not faster again; the default never led the race, and breaks the limit."""

    def make(spec):
        again = (tmp_path / folders.AGAIN).exists()
        return ScriptedChild(step_seconds=spec.batch_size * (0.001 if again or spec.batch_size == 32 else 0.0007))

    def check(specs, timeout, pythons):
        errors = {32: 0.1, 64: 1e-7}
        return [
            Fidelity(spec=one, deviations=(Deviation(what="outputs", error=errors[one.batch_size]),)) for one in specs
        ]

    children.make = make
    monkeypatch.setattr("dlbench.parity.fidelity.check", check)
    found = tune(asked(tmp_path, Limits(error=1e-3), batch_size=(32, 64)), Told())
    assert (found.status, found.recommended) == ("found", "batch size 64")
    assert arm(found, batch_size=32).left == "limit"
    assert "the default breaks a limit: 0.1 is above --max-error 0.001" in found.reason


def test_data_that_is_missing_leaves_no_race_behind(children, tmp_path, monkeypatch):
    def missing(tasks):
        raise SpecError(f"no data of {', '.join(tasks)}")

    with monkeypatch.context() as patched, pytest.raises(SpecError, match="no data of line"):
        patched.setattr("dlbench.api.tune.session.check_data", missing)
        tune(asked(tmp_path), Told())
    assert not (tmp_path / state.STATE_FILE).exists()


def test_the_limit_on_errors_is_looked_at_for_leaders_alone(children, tmp_path, monkeypatch):
    looked_at = []

    def check(specs, timeout, pythons):
        looked_at.extend(specs)
        return [
            Fidelity(spec=one, deviations=(Deviation(what="outputs", error=0.1 if one.batch_size == 64 else 1e-7),))
            for one in specs
        ]

    monkeypatch.setattr("dlbench.parity.fidelity.check", check)
    found = tune(asked(tmp_path, Limits(error=1e-3)), Told())
    assert "64" not in found.chosen.partition("batch size")[2].partition(",")[0]
    wrong = arm(found, batch_size=64, threads=2, steps_per_call=4)
    assert (wrong.left, wrong.error) == ("limit", 0.1)
    assert len(looked_at) < len(found.arms)
    assert len(looked_at) == len(set(looked_at))
