"""Advice on broken clauses: one for each, three lines of code that compile; and skips that grew stale."""

from __future__ import annotations

import textwrap

import pytest
from command import answered, dlbench

from dlbench import conformance
from dlbench.conformance.examine import NAMES, Finding
from dlbench.conformance.hints import HINTS, NO_WORD, SIGNATURES, SLOW, hint
from dlbench.errors import UnknownName

pytestmark = pytest.mark.untimed


def test_each_clause_has_its_advice_and_no_other_has():
    assert set(HINTS) == set(NAMES)
    assert hint(conformance.EVERYTHING_ELSE) == []


@pytest.mark.parametrize("clause", NAMES)
def test_advice_is_a_sentence_and_three_lines_of_code_that_compile(clause):
    found = HINTS[clause]
    assert found.mend.endswith(".")
    assert len(found.code.splitlines()) == 3
    compile(f"def within():\n{textwrap.indent(found.code, '    ')}", clause, "exec")
    assert max(map(len, hint(clause))) < 200


def test_hints_stand_below_the_broken_clause_if_they_are_asked_for(monkeypatch, tmp_path):
    arguments = ("check", "naughty.linear", "--path", "eager")
    plain = dlbench(*arguments, cwd=tmp_path, misdeed="import:raise")
    found = dlbench(*arguments, "--fix-hints", cwd=tmp_path, misdeed="import:raise")
    assert plain.returncode == found.returncode == 1
    added = [line for line in found.stdout.splitlines() if line not in plain.stdout.splitlines()]
    assert [line.strip() for line in added] == [line.strip() for line in hint("import_does_no_work")]


def test_a_wrong_signature_is_told_with_the_calls_that_there_are():
    assert hint("build_is_repeatable", "TypeError: build() takes 1 positional argument")[0] == SIGNATURES.mend
    assert hint("build_is_repeatable", "two builds differ")[0] == HINTS["build_is_repeatable"].mend
    compile(SIGNATURES.code, "signatures", "exec")


def test_a_clause_that_took_too_long_is_told_how_it_gets_more_time(monkeypatch):
    assert hint("build_is_repeatable", f"{NO_WORD} for 300 s")[0] == SLOW.mend
    compile(SLOW.code, "slow", "exec")
    given = []
    monkeypatch.setattr(conformance, "check", lambda spec, timeout, announce: iter(given.append(timeout) or ()))
    conformance.assert_conforms("fake.linear", "eager", timeout=1200)
    assert given == [1200]


def findings(**verdicts):
    return [Finding(clause=name, verdict=verdict, why="so") for name, verdict in verdicts.items()]


@pytest.fixture
def found(monkeypatch):
    """An examination with one broken clause and one that holds."""
    seen = findings(nothing_leaks="holds", nothing_is_printed="broken")
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
