"""The conformance suite whole, with its clauses on time and memory, which wait and repeat steps for a while."""

from __future__ import annotations

import subprocess

import msgspec
import pytest
from command import DLBENCH
from examined import SPEC, TIMED, problems
from offenders import OFFENDERS, Accelerated, Escaping

from dlbench import conformance
from dlbench.conformance.clauses import CLAUSES
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    monkeypatch.setattr("dlbench.conformance.quiet.LEAK_SECONDS", 0.1)


@pytest.mark.parametrize(("plugin", "name"), [(LinearPlugin, "fake.linear"), (Minimal, "fake.minimal")])
def test_a_good_plugin_keeps_every_clause(plugin, name, monkeypatch):
    assert problems(plugin, monkeypatch, msgspec.structs.replace(SPEC, plugin=name)) == {}


def test_an_accelerator_may_add_in_another_order(monkeypatch):
    assert problems(Accelerated, monkeypatch, msgspec.structs.replace(SPEC, device="gpu:0")) == {}


@pytest.mark.parametrize(("offender", "clause"), [(one, clause) for one, clause in OFFENDERS if clause in TIMED])
def test_a_clause_catches_the_plugin_that_breaks_it(offender, clause, monkeypatch):
    if offender is Escaping:  # a machine that is busy with others needs longer to spend the time that escapes
        monkeypatch.setattr("dlbench.measure.escapes.PAUSE_SECONDS", 0.6)
    tries = (problems(offender, monkeypatch, clauses=[clause]).get(clause) for _ in range(5))
    assert any(tries)  # one reading without the fault acquits, and a busy machine can give it


def test_assert_conforms_lists_what_is_broken(monkeypatch):
    conformance.assert_conforms("fake.linear", "eager")
    monkeypatch.setenv("DLBENCH_FAKE", "train_step:print=5@12")
    with pytest.raises(AssertionError, match=r"naughty.linear on the path eager[\s\S]*nothing_is_printed"):
        conformance.assert_conforms("naughty.linear", "eager")


def check(*arguments, cwd):
    return subprocess.run([DLBENCH, "check", *arguments], check=False, cwd=cwd, capture_output=True, text=True)


def test_the_command_shows_every_clause_and_answers_by_its_exit_code(tmp_path, monkeypatch):
    good = check("fake.linear", cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    eager, graph = good.stdout.split("fake.linear graph")
    assert eager.count("  holds ") == len(CLAUSES)
    assert "  not looked at  jit_really_compiled: " in eager
    assert f"{len(CLAUSES)} hold, 0 broken, 1 not looked at" in eager
    assert "everything else: unsupported: path graph" in graph
    monkeypatch.setenv("DLBENCH_FAKE", "train_step:return=nan")
    bad = check("naughty.linear", "--path", "eager", cwd=tmp_path)
    assert bad.returncode == 1
    assert "  broken         the_loss_falls" in bad.stdout
