"""Functions that the parent calls in a child by their names: only those that are listed, with typed results."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dlbench.conformance.examine import examine_clause
from dlbench.measure.reported import list_devices
from dlbench.spec import Policy, Spec
from dlbench.workers import functions
from dlbench.workers.backends import InProcessChild, Starter
from dlbench.workers.calls import call
from dlbench.workers.child import ChildError, fresh_child
from dlbench.workers.protocol import Call, Failed, Returned
from dlbench.workers.worker import Worker, answer

pytestmark = pytest.mark.untimed

SPEC = Spec(
    plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1, device="cpu"
)


CALLED: list[str] = []


def planted() -> None:
    """A function that nobody has listed."""
    CALLED.append("planted")


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "dlbench.registry.load", "nowhere", ""])
def test_a_function_that_is_not_listed_is_refused_in_one_line(name: str) -> None:
    reply = answer(Worker(), msgspec.json.encode(Call(function=name, arguments={})))
    assert isinstance(reply, Failed)
    assert reply.status == "error"
    assert f"a child does not call {name!r}" in reply.reason
    assert "\n" not in reply.reason
    assert not reply.loading


def test_a_planted_function_that_nobody_has_listed_is_not_called() -> None:
    with pytest.raises(ChildError, match=r"a child does not call '[\w.]*planted'; it calls dlbench") as caught:
        call(InProcessChild(), planted)
    assert caught.value.status == "error"
    assert CALLED == []


def test_every_listed_function_is_one_of_dlbench_and_can_be_called_by_its_name() -> None:
    found = {f"{one.__module__}.{one.__qualname__}" for one in (examine_clause, list_devices)}
    assert found < set(functions.FUNCTIONS)
    assert all(name.startswith("dlbench.") for name in functions.FUNCTIONS)


def test_the_result_comes_as_the_type_of_the_function() -> None:
    for child in (InProcessChild(), fresh_child(1, 60.0)):
        finding = call(child, examine_clause, SPEC, "import_does_no_work")
        assert (finding.clause, finding.verdict) == ("import_does_no_work", "holds")
        child.close()


def test_a_forked_child_that_has_the_plugin_loaded_is_called_too() -> None:
    with Starter() as starter:
        child = starter(SPEC, Policy(isolation="fork"))
        assert call(child, list_devices, "fake.linear")["cpu"]
        child.close()


def test_a_result_of_another_type_is_an_error_of_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    child = InProcessChild()
    monkeypatch.setattr(child, "request", lambda *_: Returned(value=msgspec.Raw(b'["cpu"]')))
    with pytest.raises(ChildError, match=r"is no reply \(Expected `object`, got `array`") as caught:
        call(child, list_devices, "fake.linear")
    assert caught.value.status == "error"


def test_secrets_in_a_result_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "hush-4711-hush")
    child = InProcessChild()
    monkeypatch.setattr(child, "request", lambda *_: Returned(value=msgspec.Raw(b'{"cpu": "hush-4711-hush"}')))
    assert "hush" not in call(child, list_devices, "fake.linear")["cpu"]


def test_an_error_of_a_called_function_keeps_its_status() -> None:
    child = fresh_child(1, 60.0)
    with pytest.raises(ChildError, match=r"unknown plugin 'fake.nobody'") as caught:
        call(child, list_devices, "fake.nobody")
    child.close()
    assert caught.value.loading


def test_one_child_keeps_the_models_of_an_examination_from_clause_to_clause() -> None:
    first: Any = functions.importlib.import_module("dlbench.conformance.examine")._examination
    assert first(SPEC) is first(SPEC)
    assert first(SPEC) is not first(msgspec.structs.replace(SPEC, seed=1))


def test_a_call_that_takes_too_long_is_told_by_its_name() -> None:
    child = fresh_child(1, 0.01)
    with pytest.raises(ChildError, match=r"last asked to list devices"):
        call(child, list_devices, "fake.linear")
    child.close()
