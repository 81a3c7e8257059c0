"""Arms under their profilers: those that were measured at once take turns."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import bare_run, spec

from dlbench.api import profiled
from dlbench.record.explanation import Profile
from dlbench.workers.child import ChildError
from dlbench.workers.protocol import Returned

pytestmark = pytest.mark.untimed
ONE, OTHER, THIRD = (spec(plugin=f"{name}.mlp") for name in ("one", "other", "third"))


class Child:
    """A child whose profile takes so many turns; it dies in the last of them if it is to."""

    def __init__(self, of, turns, said, *, dies=False):
        self.of, self.turns, self.said, self.dies = of, turns, said, dies

    def begin(self, order):
        if order.function.endswith("build_first"):
            self.said.append((self.of.plugin.partition(".")[0], "begins"))

    def request(self, order, _):
        name = order.function.rpartition(".")[2]
        self.said.append((self.of.plugin.partition(".")[0], name))
        if name == "profile_to_file":
            known = msgspec.json.decode(order.arguments["bandwidth"], type=float)
            self.said.append((self.of.plugin.partition(".")[0], f"knows {known:g}"))
            return Returned(value=msgspec.Raw(msgspec.json.encode(Profile(spec=self.of, bandwidth=known or 7.0))))
        if name == "build_first":
            if self.turns < 0:
                raise ChildError("unsupported", "it cannot be built")
            return Returned(value=msgspec.Raw(b"null"))
        self.turns -= 1
        if self.dies and not self.turns:
            raise ChildError("error", "it died")
        return Returned(value=msgspec.Raw(b"true" if self.turns >= 0 else b"false"))

    def wait_until_idle(self):
        return True

    def close(self):
        self.said.append((self.of.plugin.partition(".")[0], "close"))


def test_arms_take_turns_until_each_has_its_profile():
    said = []
    children = {ONE: Child(ONE, 2, said), OTHER: Child(OTHER, 1, said), THIRD: Child(THIRD, 1, said, dies=True)}
    found = profiled.in_turns(dict.fromkeys(children, "trace.json"), children.__getitem__)
    assert {one: profile.reason for one, profile in found.items()} == {ONE: "", OTHER: "", THIRD: "it died"}
    assert [name for name, what in said if what == "take_turn"] == ["one", "other", "third", "other", "one", "one"]
    assert [name for name, what in said if what == "profile_to_file"] == ["other", "one"]
    assert [what for _, what in said if what.startswith("knows")] == ["knows 0", "knows 7"]
    assert [name for name, what in said if what == "close"] == ["third", "other", "one"]
    assert said.index(("other", "close")) < max(at for at, one in enumerate(said) if one == ("one", "take_turn"))


def test_arms_build_at_once_and_one_that_cannot_spoils_no_other():
    said = []
    children = {ONE: Child(ONE, 1, said), OTHER: Child(OTHER, -1, said), THIRD: Child(THIRD, 1, said)}
    found = profiled.in_turns(dict.fromkeys(children, "trace.json"), children.__getitem__)
    assert [name for name, what in said[:3] if what == "begins"] == ["one", "other", "third"]
    assert found[OTHER].reason == "it cannot be built"
    assert ("other", "take_turn") not in said
    assert said.index(("other", "close")) < said.index(("one", "take_turn"))
    assert not found[ONE].reason
    assert not found[THIRD].reason


def test_an_arm_that_cannot_be_started_spoils_no_other():
    said = []

    def start(spec):
        if spec == ONE:
            raise ChildError("crashed", "no process could be started")
        return Child(spec, 1, said)

    found = profiled.in_turns(dict.fromkeys((ONE, OTHER), "trace.json"), start)
    assert [found[one].reason for one in (ONE, OTHER)] == ["no process could be started", ""]


def test_an_interruption_closes_the_arms_that_are_left_and_each_once():
    said = []
    children = {ONE: Child(ONE, 1, said), OTHER: Child(OTHER, 2, said)}

    def interrupt():
        if said[-1] == ("other", "take_turn") and said.count(said[-1]) == 2:
            raise KeyboardInterrupt

    children[OTHER].wait_until_idle = interrupt
    with pytest.raises(KeyboardInterrupt):
        profiled.in_turns(dict.fromkeys(children, "trace.json"), children.__getitem__)
    assert sorted(name for name, what in said if what == "close") == ["one", "other"]


def test_arms_that_memory_did_not_hold_at_once_are_not_profiled_at_once():
    runs = [bare_run(spec=ONE), bare_run(spec=OTHER), bare_run(spec=THIRD, part=1), bare_run(spec=ONE, group=1, part=1)]
    assert list(map(list, profiled._beside(runs))) == [[ONE, OTHER], [THIRD]]
    larger = msgspec.structs.replace(OTHER, batch_size=2 * OTHER.batch_size)
    assert list(map(list, profiled._beside([bare_run(spec=ONE), bare_run(spec=larger)]))) == [[ONE], [larger]]
