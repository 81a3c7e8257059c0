"""Proof of compilation: what a Run on the path jit must show, and what is flagged where breaks are allowed."""

from __future__ import annotations

import pytest
from scripted import SPEC, ScriptedChild

from dlbench.arm import Arm, Place
from dlbench.errors import ContractViolation
from dlbench.lockstep import measure_group
from dlbench.orders import Build, Close, First, Settle
from dlbench.plugin import Compilation
from dlbench.prepare import build_checked, prepare
from dlbench.record import PhaseTime
from dlbench.spec import Policy, Spec
from dlbench.subject import Subject
from dlbench.worker import Worker
from dlbench_fake.linear import JIT_VARIABLE, LinearPlugin

JIT = {"plugin": "fake.linear", "phase": "train", "path": "jit", "size": "small", "task": "line", "batch_size": 32}


def proof(monkeypatch, warm, end, **changes):
    """What a model shows whose compiler said this when warm-up ended and that at the end."""
    monkeypatch.setenv(JIT_VARIABLE, warm)
    spec = Spec(**JIT, threads=1, **changes)
    prepared = prepare(spec, LinearPlugin())
    build_checked(prepared.plugin, prepared.request)
    subject = Subject(spec, prepared)
    subject.warmed_up()
    monkeypatch.setenv(JIT_VARIABLE, end)
    return subject.compilation()


def test_what_is_compiled_again_during_warm_up_is_counted_and_no_fault(monkeypatch):
    assert proof(monkeypatch, "1,0,2", "1,0,2") == Compilation(graphs=1, breaks=0, recompilations=2, late=0)


@pytest.mark.parametrize(
    ("warm", "end", "said"),
    [
        ("1,1,0", "1,1,0", "1 graphs, 1 breaks, 0 recompilations after warm-up; --allow-breaks"),
        ("1,0,1", "1,0,2", "1 graphs, 0 breaks, 1 recompilations after warm-up; --allow-breaks"),
    ],
)
def test_a_break_or_a_late_recompilation_is_an_error_unless_it_is_allowed(warm, end, said, monkeypatch):
    with pytest.raises(ContractViolation, match=said):
        proof(monkeypatch, warm, end)
    assert proof(monkeypatch, warm, end, allow_breaks=True).graphs == 1


def test_nothing_compiled_is_an_error_in_any_case(monkeypatch):
    for allowed in (False, True):
        with pytest.raises(ContractViolation, match="compiled nothing: 0 graphs"):
            proof(monkeypatch, "0,0,0", "0,0,0", allow_breaks=allowed)


@pytest.mark.parametrize(("found", "flags"), [((1, 0, 1, 0), ()), ((2, 1, 1, 1), ("graph_breaks", "recompiled"))])
def test_what_was_allowed_is_flagged(found, flags):
    names = ("graphs", "breaks", "recompilations", "late")

    class Compiling(ScriptedChild):
        def _close(self, order):
            closed = super()._close(order)
            return type(closed)(
                memory=closed.memory,
                load=closed.load,
                compilation=Compilation(**dict(zip(names, found, strict=True))),
                times=[PhaseTime(phase="first_step_warm", seconds=1.0)],
                peak_flop_rate=1e9,
            )

    arm = Arm(SPEC, Policy(samples=2), Place("session", 0, 1, 0, 1), Compiling)
    measure_group([arm], 0, lambda stage, number: None)
    run = arm.run()
    assert run.flags == flags
    assert (run.times[-1].phase, run.peak_flop_rate) == ("first_step_warm", 1e9)


@pytest.mark.parametrize(
    ("path", "again", "phases"), [("jit", True, ["first_step_warm"]), ("jit", False, []), ("eager", True, [])]
)
def test_the_warm_compilation_and_the_peak_are_taken_at_the_end(path, again, phases, monkeypatch):
    monkeypatch.setenv(JIT_VARIABLE, "1,0,0")
    worker = Worker()
    worker.obey(Build(spec=Spec(**JIT | {"path": path}, threads=1)))
    worker.obey(First())
    worker.obey(Settle(policy=Policy(settle_seconds=0.01, sample_seconds=0.001)))
    closed = worker.obey(Close(compile_again=again))
    assert [time.phase for time in closed.times] == phases
    assert closed.peak_flop_rate > 1e6
