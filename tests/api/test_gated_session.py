"""`dlbench run --fail-on`: the arms of one session under a gate, from Runs to the report and the exit code."""

from __future__ import annotations

import io
import json
import re

import msgspec
import pytest
from command import answered
from example_runs import full_session, spec
from rich.console import Console

from dlbench.analysis import gate, gate_refusals, judge
from dlbench.analysis.gate import GateRequest
from dlbench.api import render, request
from dlbench.cli import run as command
from dlbench.errors import RecordError, SpecError
from dlbench.record.schema import Plan
from dlbench.report import FORMATS, summarize, terminal
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

BASELINE, CANDIDATE = spec("tf.transformer"), spec("torch.transformer")


def question(*texts, **more):
    return GateRequest(conditions=gate.parse(texts), **more)


def runs():
    """Two arms that trained in lockstep, the second 40 % slower, and a control of each that is a little noisy."""
    found = [run for run in full_session() if run.spec.phase == "train"]
    return [*found, *(_control(run, 1 + 0.001 * run.group) for run in found)]


def _control(run, factor):
    samples = [msgspec.structs.replace(one, seconds=one.seconds * factor) for one in run.samples]
    return msgspec.structs.replace(run, control=True, samples=tuple(samples))


def judged(specs, found, *texts):
    return judge.session(specs, found, question(*texts))


def test_the_first_arm_as_planned_is_the_baseline_of_the_others():
    (slower,) = judged([BASELINE, CANDIDATE], runs(), "slower:2%").outcomes
    (faster,) = judged([CANDIDATE, BASELINE], runs(), "slower:2%").outcomes
    assert (slower.result, slower.pair) == (
        "regression",
        "train, torch.transformer jit against tf.transformer jit",
    )
    assert (faster.result, faster.pair) == ("passed", "train, tf.transformer jit against torch.transformer jit")
    assert judged([BASELINE, CANDIDATE], runs()) is None


@pytest.mark.parametrize("absent", [BASELINE, CANDIDATE], ids=["baseline", "candidate"])
def test_what_did_not_run_cannot_pass(absent):
    found = [
        msgspec.structs.replace(run, status="unsupported", reason="no gpu") if run.spec == absent else run
        for run in runs()
    ]
    said = judged([BASELINE, CANDIDATE], found, "slower:2%")
    assert (said.outcomes, said.exit_code) == ((), 2)
    assert said.refused == f"train, {absent.label} did not run (unsupported: no gpu); leave it out or make it run"


def test_arms_that_never_took_turns_are_not_gated():
    found = [run for run in runs() if (run.group < 2) == (run.spec == BASELINE)]
    assert "never took turns" in judged([BASELINE, CANDIDATE], found, "slower:2%").refused


def test_a_regression_outweighs_a_run_that_failed_and_that_outweighs_a_pass():
    failed = [*runs(), msgspec.structs.replace(runs()[0], status="crashed", group=9)]
    unsupported = [*runs(), msgspec.structs.replace(runs()[0], status="unsupported", group=9)]
    assert [command.exit_code(failed, code) for code in (0, 1, 3)] == [2, 1, 2]
    assert [command.exit_code(unsupported, code) for code in (0, 1, 3)] == [0, 1, 3]


def test_outcomes_stand_in_every_rendering():
    report = summarize(runs(), (), judged([BASELINE, CANDIDATE], runs(), "slower:2%", "memory:5%").gate)
    written = io.StringIO()
    Console(file=written, width=200).print(terminal.render(report))
    for text in (FORMATS["markdown"].render(report), written.getvalue()):
        assert "slower:2%: 0 of 1 passed" in text
        assert re.search(
            r"regression of slower:2%, ratio 1[^:]*: train, torch.transformer jit against tf.transformer jit", text
        )
        assert "memory:5%: 1 of 1 passed" in text
    kept = json.loads(FORMATS["json"].render(report))["gate"]["outcomes"]
    assert [one["result"] for one in kept] == ["regression", "passed"]


@pytest.mark.parametrize(
    ("specs", "text"),
    [
        ([BASELINE], "tf.transformer jit is measured alone; name a second plugin, model, path or environment$"),
        (
            [spec(options=(("depth", depth),)) for depth in (2, 4)],
            "depth=2 and depth=4 are workloads of their own, .* not compared with each other; .* saved report",
        ),
        ([spec(batch_size=size) for size in (8, 16)], "batch 8 and batch 16 are workloads of their own"),
        ([spec(phase="converge"), spec("torch.transformer", "converge")], "of a timed phase"),
    ],
)
def test_what_could_never_gate_is_refused_before_anything_is_measured(specs, text):
    with pytest.raises(SpecError, match=text):
        gate_refusals.check_arms(specs, gate.parse(["slower:2%"]))
    gate_refusals.check_arms(specs, ())


def test_one_process_gates_counts_alone():
    with pytest.raises(SpecError, match="never gates"):
        gate_refusals.check_processes(Policy(processes=1), gate.parse(["counts", "slower:2%"]))
    gate_refusals.check_processes(Policy(processes=1), gate.parse(["counts"]))


@pytest.mark.parametrize("text", ["memory:5%", "compile:20%"])
def test_what_only_fresh_processes_tell_is_gated_in_them_alone(text):
    with pytest.raises(SpecError, match=f"{text} needs fresh processes .* give --isolation fresh"):
        gate_refusals.check_processes(Policy(processes=5, isolation="fork"), gate.parse([text]))
    gate_refusals.check_processes(Policy(processes=5, isolation="fork"), gate.parse(["slower:2%", "counts"]))
    gate_refusals.check_processes(Policy(processes=5), gate.parse([text]))


@pytest.mark.parametrize("path", ["graph", "jit"])
def test_compile_time_is_gated_where_any_arm_may_compile(path):
    gate_refusals.check_compiled([spec(path="eager"), spec(path=path)], gate.parse(["compile:20%"]))
    gate_refusals.check_compiled([spec(path="eager")], gate.parse(["slower:2%", "counts"]))
    trained = [spec(path="eager"), spec(phase="converge")]
    with pytest.raises(SpecError, match="every arm is eager; leave it out, or give --path jit"):
        gate_refusals.check_compiled(trained, gate.parse(["slower:2%", "compile:20%"]))


def test_the_words_of_a_gate_can_be_given_again(tmp_path):
    given = {"fail_on": ("counts", "slower:2%"), "confirm": True, "strict": False, "allow": ("session",)}
    words = request._words({**given, "history": (tmp_path / "a b",), "against": None})
    assert request.resume_command(tmp_path, tuple(words)) == (
        f"dlbench run --resume {tmp_path} --fail-on counts --fail-on slower:2% --confirm --allow session "
        f"--history '{tmp_path}/a b'"
    )


def test_a_gate_on_figures_needs_a_plan_with_controls(tmp_path):
    plan = Plan(session="s", specs=(BASELINE, CANDIDATE), policy=Policy(processes=2))
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(plan))
    done = answered("run", "--resume", ".", "--fail-on", "slower:2%", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "was planned without a gate on figures and has no A/A control" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_what_the_gate_said_is_kept_beside_the_runs(tmp_path):
    said = judged([BASELINE, CANDIDATE], runs(), "slower:2%", "counts")
    render.keep(said.gate, tmp_path)
    assert render.kept(tmp_path) == said.gate
    render.keep(None, tmp_path)
    assert render.kept(tmp_path) is None
    (tmp_path / render.GATE_FILE).write_text("{")
    with pytest.raises(RecordError, match="remove it to read the Runs alone"):
        render.kept(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--fail-on", "slower:2%"), "measured alone"),
        (("--fail-on", "slower"), "must be a percentage above 0%"),
        (("--fail-on", "slower:-2%"), "must be a percentage above 0%"),
        (("--fail-on", "slower:2"), "must be a percentage above 0%"),
        (("--fail-on", "slower:nan%"), "must be a percentage above 0%"),
        (("--fail-on", "counts:2%"), "leave the threshold out"),
        (("--fail-on", "slow:2%"), "did you mean slower"),
        (("--fail-on", "slower:2%,slower:3%"), "given 2 times"),
        (("--strict",), "there is no gate"),
        (("--quick", "--fail-on", "slower:2%"), "never gates"),
        (("--isolation", "fork", "--fail-on", "memory:5%"), "give --isolation fresh"),
        (("--fail-on", "compile:20%"), "compile:20% needs a compiled arm, and every arm is eager"),
        (("--allow", "session"), "--allow is about another report; give --against REPORT"),
        (("--against", "nowhere"), "nowhere: cannot be read"),
    ],
)
def test_a_gate_that_makes_no_sense_is_one_line_and_leaves_nothing(arguments, text, tmp_path):
    done = answered("run", "--plugin", "fake.linear", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
