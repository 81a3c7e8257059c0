"""Proof of compilation: the duties of a Run on the path jit, and its flags if breaks are allowed."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import good_run
from scripted import SPEC, ScriptedChild

from dlbench.analysis.compare import counts
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import Pair
from dlbench.errors import ContractViolation
from dlbench.measure import reported
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.model import MeasuredModel
from dlbench.plugin import PARTS, Compilation
from dlbench.record.proof import flags as flags_of
from dlbench.record.schema import PhaseTime
from dlbench.report import FORMATS, summarize
from dlbench.session.arm import Arm
from dlbench.session.lockstep import measure_group
from dlbench.session.plan import Place
from dlbench.spec import Policy, Spec
from dlbench.workers.backends import Starter
from dlbench.workers.protocol import Build, Close, First, Settle
from dlbench.workers.worker import Worker
from dlbench_fake.linear import JIT_VARIABLE, LinearPlugin

pytestmark = pytest.mark.untimed

JIT = {"plugin": "fake.linear", "phase": "train", "path": "jit", "size": "small", "task": "line", "batch_size": 32}


def compiled_run(plugin="torch.transformer", **said):
    """A Run of a session whose plugin said this of its compilation."""
    base = Compilation(graphs=1, breaks=0, recompilations=0)
    run = good_run(plugin, compilation=msgspec.structs.replace(base, **said))
    return msgspec.structs.replace(run, spec=msgspec.structs.replace(run.spec, allow_breaks=True))


def proof(monkeypatch, warm, end, steps=0, **changes):
    """The proof of a model whose compiler reported `warm` after warm-up and `end` at the end, after `steps` steps."""
    monkeypatch.setenv(JIT_VARIABLE, warm)
    spec = Spec(**JIT | changes, threads=1)
    prepared = prepare(spec, LinearPlugin())
    build_checked(prepared.plugin, prepared.request)
    subject = MeasuredModel(spec, prepared)
    subject.warmed_up()
    subject.ready(steps)
    monkeypatch.setenv(JIT_VARIABLE, end)
    return subject.compilation()


def test_what_is_compiled_again_during_warm_up_is_counted_and_no_fault(monkeypatch):
    found = proof(monkeypatch, "1,0,2", "1,0,2")
    assert found == Compilation(graphs=1, breaks=0, recompilations=2, late=0, parts=PARTS)


@pytest.mark.parametrize(
    ("warm", "end", "said"),
    [
        ("1,1,0", "1,1,0", "1 graphs, 1 breaks, 0 recompilations after warm-up; --allow-breaks"),
        ("1,0,0", "1,1,0", "1 graphs, 1 breaks, 0 recompilations after warm-up; --allow-breaks"),
        ("1,0,1", "1,0,2", "1 graphs, 0 breaks, 1 recompilations after warm-up; --allow-breaks"),
        ("1,1,0 reasons=print", "1,1,0 reasons=print", r"flags it \(breaks: print\)"),
        ("1,0,0 parts=forward+backward", "1,0,0 parts=forward+backward", r"flags it \(left to Python: optimizer\)"),
        ("1,0,0 parts=", "1,0,0 parts=", r"flags it \(compilation\(\) does not say which parts of a step"),
    ],
)
def test_a_break_or_a_late_recompilation_is_an_error_unless_it_is_allowed(warm, end, said, monkeypatch):
    with pytest.raises(ContractViolation, match=said):
        proof(monkeypatch, warm, end)
    assert proof(monkeypatch, warm, end, allow_breaks=True).graphs == 1


@pytest.mark.parametrize(
    ("warm", "end", "said"),
    [
        ("0,0,0", "0,0,0", "compiled nothing: 0 graphs"),
        ("1,-1,0", "1,-1,0", "returned a value that makes no sense: .*breaks"),
        ("1,0,0", "1,0,-3", "returned a value that makes no sense: .*recompilations"),
        ("1,0,5", "1,0,4", "said recompilations=5 and later recompilations=4"),
        ("1,0,0 parts=sideways", "", "returned a value that makes no sense: Invalid enum value 'sideways'"),
        ("1,0,0 cache=warm", "", "returned a value that makes no sense: Invalid enum value 'warm'"),
        ("1,0,0 calls=1", "1,0,0 calls=1", "not called in every step: 0 calls a step"),
        ("1,0,0 calls=1", "1,0,0 calls=3", "not called in every step: 0.5 calls a step"),
    ],
)
def test_what_proves_nothing_is_an_error_in_any_case(warm, end, said, monkeypatch):
    for allowed in (False, True):
        with pytest.raises(ContractViolation, match=said):
            proof(monkeypatch, warm, end, steps=4, allow_breaks=allowed)


def test_calls_of_compiled_graphs_are_counted_a_step(monkeypatch):
    assert proof(monkeypatch, "1,0,0 calls=5", "1,0,0 calls=13", steps=4).calls_per_step == 2.0


def test_a_prediction_has_one_part(monkeypatch):
    assert proof(monkeypatch, "1,0,0 parts=", "1,0,0 parts=", phase="predict").graphs == 1


def test_reasons_are_single_lines_and_bounded(monkeypatch):
    said = [f"{number} {'x' * 300}\nExplanation: long\x1b" for number in range(9)]
    monkeypatch.setattr(
        LinearPlugin, "compilation", lambda _: Compilation(graphs=2, breaks=9, recompilations=0, reasons=tuple(said))
    )
    found = reported.compilation("fake.linear", LinearPlugin()).reasons
    assert len(found) == 5
    assert all(reason.startswith(str(number)) and len(reason) < 250 for number, reason in enumerate(found))
    assert all("\n" not in reason and "\x1b" not in reason for reason in found)


def test_a_plugin_that_proves_nothing_at_all_says_what_to_add(monkeypatch):
    good = LinearPlugin

    class Silent:
        def __init__(self):
            plugin = good()
            self.build, self.train_step, self.predict = plugin.build, plugin.train_step, plugin.predict

    monkeypatch.setattr(f"{__name__}.LinearPlugin", Silent)
    with pytest.raises(ContractViolation, match=r"the path jit must be proven; add compilation\(\)"):
        proof(monkeypatch, "", "")


@pytest.mark.parametrize("found", ["1,1,0", "0,0,0", "1,0,0 parts=forward"])
def test_what_is_not_proven_after_the_first_step_costs_no_measurement(found, monkeypatch):
    monkeypatch.setenv(JIT_VARIABLE, found)
    with Starter() as starter:
        spec = Spec(**JIT, threads=1)
        arm = Arm(spec, Policy(), Place("session", 0, 1, 0, 1), lambda: starter(spec, Policy()))
        measure_group([arm], 0, lambda stage, number: None)
        arm.kill()
    run = arm.run()
    assert run.status == "error"
    assert "path jit" in run.reason or "not compiled whole" in run.reason
    assert run.samples == (), "refused before warm-up"


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
    assert [one.seconds for one in run.times if one.phase == "first_step_warm"] == [1.0]
    assert run.peak_flop_rate == 1e9


@pytest.mark.parametrize(
    ("path", "again", "phases"), [("jit", True, ["first_step_warm"]), ("jit", False, []), ("eager", True, [])]
)
def test_the_warm_compilation_and_the_peak_are_taken_at_the_end(path, again, phases, monkeypatch):
    monkeypatch.setenv(JIT_VARIABLE, "1,0,0")
    worker = Worker()
    worker.handle(Build(spec=Spec(**JIT | {"path": path}, threads=1)))
    worker.handle(First())
    worker.handle(Settle(policy=Policy(settle_seconds=0.01, sample_seconds=0.001)))
    closed = worker.handle(Close(compile_again=again))
    assert [time.phase for time in closed.times] == phases
    assert closed.peak_flop_rate > 1e6


@pytest.mark.parametrize(
    ("more", "flags"),
    [
        ({}, []),
        ({"parts": ("forward", "backward")}, ["left_to_python"]),
        ({"parts": ()}, ["left_to_python"]),
        ({"cache": "empty"}, []),
        ({"cache": "not empty"}, ["cache_not_empty"]),
        ({"cache": "unknown"}, ["cache_unknown"]),
    ],
)
def test_parts_that_were_left_and_caches_that_were_warm_are_flagged(more, flags):
    found = Compilation(**{"graphs": 1, "breaks": 0, "recompilations": 0, "parts": PARTS} | more)
    assert flags_of(Spec(**JIT, threads=1, allow_breaks=True), found) == flags


@pytest.mark.parametrize(("cache", "cold"), [("", True), ("empty", True), ("not empty", False), ("unknown", False)])
def test_no_compile_time_is_read_from_a_compiler_that_found_compiled_code(cache, cold):
    run = compiled_run(cache=cache)
    assert (METRICS["compile_time"].of(run) is not None) == cold
    assert METRICS["first_step_time"].of(run) is not None


def test_a_report_says_what_is_compiled_and_why_not_more():
    whole, partly = (
        compiled_run(parts=PARTS),
        compiled_run(
            plugin="tf.transformer",
            graphs=2,
            breaks=1,
            parts=("forward", "backward"),
            reasons=("print is not compiled",),
            calls_per_step=2.0,
        ),
    )
    text = FORMATS["markdown"].render(
        summarize([whole, msgspec.structs.replace(partly, flags=("graph_breaks", "left_to_python"))])
    )
    assert "graphs 1 (forward, backward, optimizer), breaks 0, recompiled 0 |" in text
    assert "graphs 2 (forward, backward), breaks 1, recompiled 0, 2 calls of graphs a step |" in text
    assert "with Python between them: print is not compiled" in text
    assert "outside of compiled code: optimizer" in text
    assert "| ≠ compiled parts | – | forward, backward, optimizer | forward, backward |" in text


@pytest.mark.parametrize(("parts", "names"), [(PARTS, []), (("forward",), ["compiled parts"]), ((), [])])
def test_compiled_parts_are_counted_where_both_sides_say_them(parts, names):
    sides = [[compiled_run(parts=each)] for each in (PARTS, parts)]
    pair = Pair(sides[0][0].spec, sides[1][0].spec, *sides)
    assert [one.name for one in counts([pair])] == names
