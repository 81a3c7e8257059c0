"""Members that are lost to a fault which may pass, and those that are lost for good."""

from __future__ import annotations

import math
from types import SimpleNamespace

import msgspec
import pytest
from example_runs import bare_run, spec

from dlbench.api.bisection import errors, groups, state
from dlbench.api.bisection.errors import Errors
from dlbench.api.bisection.members import Members
from dlbench.api.bisection.trials import Trials
from dlbench.parity import fidelity
from dlbench.record import journal
from dlbench.record.fidelity import Deviation, Fidelity
from dlbench.record.schema import Plan, Sample
from dlbench.spec import Policy
from dlbench.stats.bisection import decisions
from dlbench.stats.bisection.search import Exhausted, Trial, Unmeasurable, search
from dlbench.workers.environments.layers import NotInstallable, Recipe
from dlbench.workers.environments.ranges import Candidate, Found

pytestmark = pytest.mark.untimed

NAMES = ("1.0", "1.1", "1.2", "1.3")
ENDS = Trial(0, "ends", (0, 3), 3, decisions.ends(0, 3), 0.01)


def members(skipped, keep=lambda: None):
    """The four members, as one call of the command knows them."""
    found = Found("acme", ("acme",), tuple(Candidate(name, Recipe((f"acme=={name}",))) for name in NAMES))
    request = SimpleNamespace(policy=Policy(), subjects=SimpleNamespace(selection={}))
    return Members(found, request, SimpleNamespace(), SimpleNamespace(note=lambda _: None), skipped, keep)


@pytest.fixture(autouse=True)
def without_environments(monkeypatch):
    monkeypatch.setattr(Members, "python", lambda self, member: self.name(member))
    monkeypatch.setattr(Members, "specs", lambda _, pythons, __: [spec(python=name) for name in pythons])


def runs(name, number, status="ok"):
    """So many Runs of a member, a group each."""
    samples = tuple(Sample(stage="steady", steps=1, seconds=0.02, cpu_seconds=0.02, round=at) for at in range(20))
    of = {"samples": samples} if status == "ok" else {"reason": "SIGKILL", "info": None}
    return [bare_run(spec=spec(python=name), status=status, group=at, groups=45, arms=2, **of) for at in range(number)]


@pytest.mark.parametrize(
    ("number", "status", "final"),
    [(6, "crashed", False), (5, "crashed", None), (1, "unsupported", True), (1, "error", None)],
)
def test_a_member_is_lost_after_a_look_of_failures_and_at_once_where_it_never_can_run(number, status, final):
    found = groups.failure(runs("1.3", number, status), "1.3")
    assert (found and found.final) is final
    assert groups.failure([*runs("1.3", 6, status), *runs("1.3", 1)], "1.3") is None


def test_a_call_that_was_cut_short_after_one_killed_process_loses_no_member(tmp_path):
    trials = Trials(members({}), "step_time", tmp_path, None)
    assert trials._groups(ENDS, [*runs("1.0", 1), *runs("1.3", 1, "crashed")]) == []
    with pytest.raises(Unmeasurable, match=r"1\.3: crashed: SIGKILL"):
        trials._groups(ENDS, [*runs("1.0", 6), *runs("1.3", 6, "crashed")])


def test_a_member_that_was_lost_to_its_processes_is_measured_again_when_the_search_goes_on(tmp_path, monkeypatch):
    planned = Plan(
        session="s", specs=(spec(python="1.0"), spec(python="1.3")), policy=Policy(), pythons={"1.0": "a", "1.3": "b"}
    )
    with journal.begin(tmp_path / "01-ends-1.3", planned) as book:
        book.append([*runs("1.0", 6), *runs("1.3", 6, "crashed")])
    measured = []

    def measure(_, __, book, ___, look):
        measured.append((len(book.runs), look))
        book.append([*runs("1.0", look), *runs("1.3", look)])

    monkeypatch.setattr(Trials, "_measure", measure)
    assert len(Trials(members({}), "step_time", tmp_path, None)(ENDS)) == 6
    assert measured == [(0, 6)]
    with journal.resume(tmp_path / "01-ends-1.3") as book:
        assert [run.ok for run in book.runs] == [True] * 12


def test_a_member_that_stops_to_load_is_lost_for_this_call_and_tried_again_by_the_next(tmp_path, monkeypatch):
    broken = True

    def measure(_, __, book, ___, look):
        for group in range(book.runs[-1].group + 1 if book.runs else 0, look):
            fails = broken and group == 2
            flags = {"flags": ("not_loaded",)} if fails else {}
            last = msgspec.structs.replace(runs("1.3", group + 1, "error" if fails else "ok")[group], **flags)
            book.append([runs("1.0", group + 1)[group], last])
            if fails:
                return

    monkeypatch.setattr(Trials, "_measure", measure)
    skipped = {}
    with pytest.raises(Unmeasurable, match=r"1\.3: error: SIGKILL"):
        Trials(members(skipped), "step_time", tmp_path, None)(ENDS)
    broken = False
    assert skipped == {}
    assert len(Trials(members(skipped), "step_time", tmp_path, None)(ENDS)) == 6
    with journal.resume(tmp_path / "01-ends-1.3") as book:
        assert [run.ok for run in book.runs] == [True] * 12


def test_a_member_that_once_ran_is_not_lost_for_good():
    found = groups.failure([*runs("1.3", 2), runs("1.3", 3, "unsupported")[2]], "1.3")
    assert found is not None and not found.final


def test_groups_that_are_forgotten_leave_a_folder_that_can_be_resumed(tmp_path, monkeypatch):
    planned = Plan(
        session="s", specs=(spec(python="1.0"), spec(python="1.3")), policy=Policy(), pythons={"1.0": "a", "1.3": "b"}
    )
    with journal.begin(tmp_path / "01-ends-1.3", planned) as book:
        book.append([*runs("1.0", 6), *runs("1.3", 6, "crashed")])

    def killed(*_):
        raise Exhausted("killed")

    monkeypatch.setattr(Trials, "_measure", killed)
    for _ in range(2):
        with pytest.raises(Exhausted):
            Trials(members({}), "step_time", tmp_path, None)(ENDS)


def test_a_reason_is_kept_for_other_calls_only_if_it_is_final():
    skipped, kept = {}, []
    one = members(skipped, lambda: kept.append(dict(skipped)))
    for member, final in ((1, False), (2, True)):
        with pytest.raises(Unmeasurable):
            one.lose(member, "why", final=final)
        with pytest.raises(Unmeasurable, match="why"):
            one.require(member)
    assert (skipped, kept) == ({2: "why"}, [{2: "why"}])


def test_an_environment_that_cannot_be_made_is_tried_again_by_the_next_call(monkeypatch):
    monkeypatch.undo()
    skipped = {}
    one = members(skipped)

    def refuse(*_):
        raise NotInstallable("1.1 cannot be installed: no connection")

    one.cache.environment = refuse
    with pytest.raises(Unmeasurable, match="no connection"):
        one.python(1)
    assert skipped == {}


def check(of):
    """A check of errors that gives each member what `of` has, over what its precision explains."""
    return lambda specs, *_: [
        Fidelity(spec=one, deviations=(Deviation(what="outputs", error=of[one.python] * 1e-6, explained=1e-6),))
        if one.python in of
        else Fidelity(spec=one, reason="its worker was ended")
        for one in specs
    ]


def test_a_search_goes_on_another_way_when_a_member_that_it_stepped_around_can_be_measured(tmp_path, monkeypatch):
    of = {"1.0": 0.2, "1.1": 0.9, "1.2": 800.0, "1.3": 800.0}
    monkeypatch.setattr(fidelity, "check", check({name: error for name, error in of.items() if name != "1.1"}))
    (step,) = search(4, Errors(members({}), tmp_path, None), all_count=True).confirmed
    assert (step.before, step.after, step.skipped) == (0, 2, (1,))
    monkeypatch.setattr(fidelity, "check", check(of))
    (step,) = search(4, Errors(members({}), tmp_path, None), all_count=True).confirmed
    assert (step.before, step.after, step.skipped) == (1, 2, ())
    names = {one.name for one in tmp_path.iterdir()}
    assert {"04-confirmation-1.2", "04-confirmation-1.2-2"} <= names


def test_a_group_of_errors_that_lacks_one_is_measured_again(tmp_path, monkeypatch):
    of = {"1.0": 0.2, "1.3": 800.0}
    place = tmp_path / "01-ends-1.3" / errors.ERRORS_FILE
    specs = [spec(python="1.0"), spec(python="1.3")]
    errors._write(place, [check(of)(specs), check({"1.0": 0.2})(specs)])
    monkeypatch.setattr(fidelity, "check", check(of))
    found = Errors(members({}), tmp_path, None)(ENDS)
    assert [group[3] for group in found] == [math.log(800)] * 6


def test_a_trial_of_other_members_has_a_folder_of_its_own(tmp_path):
    trials = Trials(members({}), "step_time", tmp_path, None)
    places = []
    for ends in ((0, 3), (0, 1, 3), (0, 3)):
        with trials._journal(Trial(0, "ends", ends, 3, ENDS.rule, 0.01)) as book:
            places.append(book.folder.name)
            book.append(runs("1.0", 1))
    assert places == ["01-ends-1.3", "01-ends-1.3-2", "01-ends-1.3"]


def test_the_state_on_the_disk_names_nobody_and_is_whole_when_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/alice")
    kept = state.State(
        ["--lock", "/home/alice/old.txt"],
        list(NAMES),
        {1: "no wheel under /home/alice/wheels"},
        "/home/alice/project",
    )
    state.write(tmp_path, kept)
    assert "alice" not in (tmp_path / state.STATE_FILE).read_text()
    found = state.read(tmp_path)
    assert (found.words, found.begun_in) == (kept.words, kept.begun_in)
