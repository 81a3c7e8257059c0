"""Advice on broken clauses: one for each, three lines of code that compile; and skips that grew stale."""

from __future__ import annotations

import textwrap
import threading
import time
import tomllib

import msgspec
import pytest
from command import answered, dlbench
from examined import SPEC, findings

from dlbench import conformance, registry
from dlbench.api.check import Examined
from dlbench.cli.check import Shown, _Printed
from dlbench.cli.heartbeat import Heartbeat
from dlbench.conformance.examine import NAMES, Finding
from dlbench.conformance.hints import (
    CAUSES,
    ENDED,
    HINTS,
    LOADING,
    RAISED,
    REFUSED,
    RETURNS,
    SIGNATURES,
    SLOW,
    Hint,
    hint,
)
from dlbench.errors import UnknownName, Unsupported
from dlbench.registry import entry_points
from dlbench.registry.entry_points import Entry
from dlbench.workers.child import ChildError
from dlbench_fake.linear import LinearPlugin

pytestmark = pytest.mark.untimed


def broken(clause, cause=""):
    return Finding(clause=clause, verdict="broken", cause=cause)


def test_each_clause_has_its_advice_and_no_other_has():
    assert set(HINTS) == set(NAMES)
    assert hint(broken(conformance.EVERYTHING_ELSE)) == []


@pytest.mark.parametrize("clause", NAMES)
def test_advice_is_a_sentence_and_three_lines_of_code_that_compile(clause):
    found = HINTS[clause]
    assert found.mend.endswith(".")
    assert len(found.code.splitlines()) == 3
    compile(f"def within():\n{textwrap.indent(found.code, '    ')}", clause, "exec")
    assert max(map(len, hint(broken(clause)))) < 200


def test_hints_stand_below_the_broken_clause_if_they_are_asked_for(monkeypatch, tmp_path):
    arguments = ("check", "naughty.linear", "--path", "eager")
    plain = dlbench(*arguments, cwd=tmp_path, misdeed="import:raise")
    found = dlbench(*arguments, "--fix-hints", cwd=tmp_path, misdeed="import:raise")
    assert plain.returncode == found.returncode == 1
    added = [line for line in found.stdout.splitlines() if line not in plain.stdout.splitlines()]
    assert [line.strip() for line in added] == [line.strip() for line in hint(broken("", "raised"))]


def of(method, does):
    """A plugin with this method of its own."""
    return type("Plugin", (LinearPlugin,), {method: does})


def raises(error):
    def method(self, *_):
        raise error

    return method


def built(**lies):
    """A plugin whose ModelInfo says this."""

    def build(self, request):
        return msgspec.structs.replace(LinearPlugin.build(self, request), **lies)

    return of("build", build)


OTHERS = {
    "an exception of the plugin": (of("train_step", raises(ValueError("no good"))), RAISED),
    "a missing attribute": (of("train_step", lambda self, batch: self.nothing), RAISED),
    "a call within the plugin": (of("train_step", lambda self, batch: self.predict()), RAISED),
    "a wrong signature": (of("build", lambda self: None), SIGNATURES),
    "a dictionary of build": (of("build", lambda self, request: {}), RETURNS),
    "no loss": (of("train_step", lambda self, batch: None), RETURNS),
    "another precision": (built(precision="bf16"), HINTS["what_is_unsupported_is_raised"]),
    "another number of parameters": (built(parameter_count=1), REFUSED),
    "no parameters by name": (of("export_parameters", lambda self: 3), REFUSED),
    "refused too late": (of("train_step", raises(Unsupported("no"))), HINTS["what_is_unsupported_is_raised"]),
}
"""Faults that are met under the second clause of all, of which each has other advice than that clause."""


@pytest.mark.parametrize("kind", OTHERS)
def test_a_fault_that_is_none_of_its_clause_has_advice_of_its_own(kind, monkeypatch):
    plugin, wanted = OTHERS[kind]
    _, found = findings(plugin, monkeypatch, clauses=NAMES[:2])
    assert (found.clause, found.verdict) == ("build_is_repeatable", "broken")
    assert hint(found)[0] == wanted.mend
    assert hint(found)[0] != HINTS[found.clause].mend


def starts_a_thread():
    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    return LinearPlugin()


def loaded(value):
    """A factory that loads this entry point."""
    return lambda: entry_points.load(Entry("acme.wide", "acme", "1.0", value), registry.GROUP, ())


@pytest.mark.parametrize(
    ("factory", "wanted"),
    [
        (loaded("acme_nowhere:Wide"), LOADING),
        (loaded("acme_wide:Wild"), LOADING),
        (loaded("acme_wide:Wide"), LOADING),
        (loaded("acme_lacking:Wide"), RAISED),
        (starts_a_thread, HINTS["import_does_no_work"]),
    ],
    ids=["no module", "no such class", "arguments needed", "a missing dependency", "a thread"],
)
def test_advice_on_an_import_tells_entry_points_from_the_plugins_own_code(factory, wanted, monkeypatch, tmp_path):
    (tmp_path / "acme_wide.py").write_text("class Wide:\n    def __init__(self, width): ...\n")
    (tmp_path / "acme_lacking.py").write_text("import no_such_thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    (found,) = findings(factory, monkeypatch, clauses=NAMES[:1])
    assert found.verdict == "broken"
    assert hint(found)[0] == wanted.mend


def test_a_request_that_does_not_fit_is_no_fault_that_the_plugin_raised(monkeypatch):
    spec = msgspec.structs.replace(SPEC, task="synthetic_inputs")
    _, found = findings(LinearPlugin, monkeypatch, spec, NAMES[:2])
    assert "inputs are not known" in found.why
    assert hint(found) == [REFUSED.mend]


@pytest.mark.parametrize(("status", "wanted"), [("timeout", SLOW), ("crashed", ENDED)])
def test_an_examination_that_ended_is_told_what_ends_one(status, wanted, monkeypatch):
    def ended(*_):
        raise ChildError(status, "so")

    monkeypatch.setattr(conformance, "call", ended)
    first, _ = conformance.check(SPEC)
    assert hint(first)[0] == wanted.mend


def test_advice_by_cause_is_a_sentence_with_code_that_compiles():
    for cause, found in CAUSES.items():
        assert isinstance(found, Hint)
        assert found.mend.endswith(".")
        if cause == "loading":
            (points,) = tomllib.loads(found.code)["project"]["entry-points"].values()
            assert points == {"acme.wide": "dlbench_acme.model:Wide"}
        else:
            compile(f"def within():\n{textwrap.indent(found.code or 'pass', '    ')}", cause, "exec")


def test_a_test_of_a_plugin_can_give_a_clause_more_time(monkeypatch):
    given = []
    monkeypatch.setattr(conformance, "check", lambda spec, timeout, announce: iter(given.append(timeout) or ()))
    conformance.assert_conforms("fake.linear", "eager", timeout=1200)
    assert given == [1200]


def listed(**verdicts):
    return [Finding(clause=name, verdict=verdict, why="so") for name, verdict in verdicts.items()]


@pytest.fixture
def found(monkeypatch):
    """An examination with one broken clause and one that holds."""
    seen = listed(nothing_leaks="holds", nothing_is_printed="broken")
    monkeypatch.setattr(conformance, "check", lambda *_: iter(seen))


def test_a_skip_lets_its_clause_be_broken_and_a_stale_one_is_told(found):
    conformance.assert_conforms("fake.linear", "eager", skips=["nothing_is_printed"])
    with pytest.raises(AssertionError, match="nothing_is_printed: so\n    Print nothing"):
        conformance.assert_conforms("fake.linear", "eager")
    with pytest.raises(AssertionError, match="nothing_leaks: stale skip: the clause holds now") as error:
        conformance.assert_conforms("fake.linear", "eager", skips=["nothing_is_printed", "nothing_leaks"])
    assert "nothing_is_printed" not in str(error.value)
    with pytest.raises(UnknownName, match="did you mean nothing_leaks"):
        conformance.assert_conforms("fake.linear", "eager", skips=["nothing_leak"])


def test_a_skip_that_met_nothing_is_a_line_and_no_failure(found, caplog):
    conformance.assert_conforms("fake.linear", "eager", skips=["nothing_is_printed", "settings_take_effect"])
    (line,) = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert line == "settings_take_effect: this skip met nothing: the clause was not looked at"


def test_a_clause_that_was_skipped_does_not_look_like_a_failure(capsys):
    skips = ("nothing_is_printed", "settings_take_effect")
    seen = listed(nothing_leaks="holds", nothing_is_printed="broken", gradients_are_the_slope="broken")
    printed = _Printed(Heartbeat(), Shown(hints=True, skips=skips))
    for one in seen:
        printed.decided(one)
    printed.ended(Examined(SPEC, "", tuple(seen), skips))
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "  holds          nothing_leaks: so",
        "  skipped        nothing_is_printed: so",
        "  broken         gradients_are_the_slope: so",
    ]
    assert HINTS["nothing_is_printed"].mend not in "".join(said)
    assert said[-2:] == [
        "  settings_take_effect: this skip met nothing: the clause was not looked at",
        f"  1 hold, 1 broken, 1 skipped, {len(NAMES) - 3} not looked at",
    ]


def test_a_skip_that_is_no_clause_is_one_line(tmp_path):
    wrong = answered("check", "fake.minimal", "--skip", "the_los_falls", cwd=tmp_path)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert "did you mean the_loss_falls" in wrong.stderr


@pytest.mark.slow
def test_a_stale_skip_of_the_command_is_exit_code_1(tmp_path):
    found = dlbench(
        "check", "fake.minimal", "--path", "eager", "--task", "line", "--skip", "the_loss_falls", cwd=tmp_path
    )
    assert found.returncode == 1
    assert "  the_loss_falls: stale skip: the clause holds now" in found.stdout
