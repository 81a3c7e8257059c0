"""One Spec from order to record, with a child that follows a script."""

import itertools
import time

import msgspec
import pytest
from scripted import BUILT, SPEC, ScriptedChild

from dlbench.record.honesty import TICK
from dlbench.session import arm
from dlbench.session.arm import Arm
from dlbench.session.lockstep import measure_group
from dlbench.session.plan import Place
from dlbench.spec import Policy
from dlbench.system import cpus
from dlbench.workers.child import ChildError
from dlbench.workers.protocol import Built

pytestmark = pytest.mark.untimed

POLICY = Policy(samples=4, latency_steps=7)


def measured(child, spec=SPEC, policy=POLICY):
    arm = Arm(spec, policy, Place("session", 0, 1, 0, 1), lambda: child)
    measure_group([arm], 0, lambda stage, number: None)
    return arm.run()


def test_orders_come_in_this_order_and_samples_in_these_stages():
    child = ScriptedChild()
    run = measured(child)
    assert child.asked == ["Build", "First", "Settle", *["Take"] * 4, "Take", "Close"]
    assert [sample.stage for sample in run.samples] == ["warm-up"] * 3 + ["steady"] * 4 + ["latency"] * 7
    assert [(sample.round, sample.turn) for sample in run.samples if sample.stage == "steady"] == [
        (number, number) for number in range(4)
    ]
    assert run.status == "ok"
    assert [mark.phase for mark in run.memory] == ["import", "build", "first_step", "train"]
    assert [time.phase for time in run.times] == [
        "start",
        "import",
        "build",
        "first_step",
        "idle",
        "between",
        "closing",
    ]


def test_one_untimed_step_warms_the_caches_before_a_timed_sample():
    child = ScriptedChild()
    measured(child)
    steady = [order for order in child.orders if getattr(order, "stage", "") == "steady"]
    assert {(order.untimed, order.steps) for order in steady} == {(1, 10)}


@pytest.mark.parametrize(("isolation", "again"), [("fresh", True), ("fork", False), ("none", False)])
def test_only_a_fresh_process_compiles_again_for_a_figure_that_is_read_from_those_alone(isolation, again):
    child = ScriptedChild()
    arm = Arm(SPEC, POLICY, Place("session", 0, 1, 0, 1, isolation), lambda: child)
    measure_group([arm], 0, lambda stage, number: None)
    assert child.orders[-1].compile_again is again


@pytest.mark.parametrize(
    ("adaptive", "group", "in_full"), [(True, 2, True), (True, 3, False), (True, 44, False), (False, 5, True)]
)
def test_what_no_verdict_reads_is_measured_in_the_first_groups_of_an_adaptive_session_alone(adaptive, group, in_full):
    """As many as an interval of use takes, in every part of a group."""
    child, policy = ScriptedChild(), Policy(samples=4, latency_steps=7, adaptive=adaptive)
    arm = Arm(SPEC, policy, Place("session", group, 45, 0, 1), lambda: child)
    measure_group([arm], 0, lambda stage, number: None)
    stages = {sample.stage for sample in arm.run().samples}
    assert ("latency" in stages) is in_full
    assert "steady" in stages
    assert (child.orders[-1].compile_again, child.orders[-1].multiply) == (in_full, in_full)


def test_latencies_fit_into_their_time():
    child = ScriptedChild(step_seconds=0.5)
    run = measured(child)
    assert len([sample for sample in run.samples if sample.stage == "latency"]) == 4


def test_what_never_settled_is_flagged():
    assert measured(ScriptedChild(settled=False)).flags == ("not_settled",)
    assert measured(ScriptedChild(quiet=False)).flags == ("not_quiet",)
    assert measured(ScriptedChild()).flags == ()


class Timekeeping(ScriptedChild):
    """Says with each reply what its clock shows, which goes at this rate of the parent's."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def request(self, order, kind):
        reply = super().request(order, kind)
        known = hasattr(reply, "clock")
        return msgspec.structs.replace(reply, clock=7.0 + self.rate * arm.time.perf_counter()) if known else reply


@pytest.mark.parametrize(("rate", "status"), [(1.0, "ok"), (0.5, "error")])
def test_a_clock_that_goes_otherwise_than_the_parents_gives_no_figure(rate, status, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(arm.time, "perf_counter", lambda: float(next(ticks)))
    run = measured(Timekeeping(rate))
    assert run.status == status
    assert ("somebody changed a clock" in run.reason) == (status == "error")


@pytest.mark.parametrize(("seconds", "flags"), [(0.01, ()), (0.03, ("helped",))])
def test_cpu_time_of_helpers_is_that_of_the_turns_and_flagged_when_it_matters(seconds, flags):
    child = ScriptedChild()
    child.helpers, child.helper_step = 100.0, seconds  # 100 s of compilers before the first turn are no matter
    run = measured(child)
    timed = sum(sample.seconds for sample in run.samples if sample.stage in ("steady", "latency"))
    assert run.load.helper_cpu == pytest.approx((seconds - TICK) / timed, abs=1e-9)
    assert run.flags == flags


@pytest.mark.parametrize(("fails_at", "samples"), [("Build", 0), ("First", 0), ("Settle", 0), ("Close", 14)])
def test_a_failure_ends_the_orders_and_keeps_what_was_measured(fails_at, samples):
    child = ScriptedChild(fails_at=fails_at, error=ChildError("crashed", "ended by SIGSEGV"))
    run = measured(child)
    assert child.asked[-1] == fails_at
    assert (run.status, run.reason, run.output_tail) == ("crashed", "ended by SIGSEGV", "last words")
    assert len(run.samples) == samples


def test_a_plugin_that_did_not_load_is_flagged():
    child = ScriptedChild(fails_at="Build", error=ChildError("error", "no module", loading=True))
    assert measured(child).flags == ("not_loaded",)


def test_training_is_evaluated_at_fixed_steps_and_the_first_step_counts():
    child = ScriptedChild(step_seconds=0.01)
    run = measured(child, msgspec.structs.replace(SPEC, phase="converge"))
    assert "Settle" not in child.asked
    assert [evaluation.steps for evaluation in run.evaluations] == [50, 100, 120]
    assert [sample.steps for sample in run.samples] == [49, 50, 20]
    assert run.evaluations[-1].seconds == pytest.approx(2.0 + 119 * 0.01)


def test_a_loss_that_diverges_keeps_the_curve_so_far():
    error = ChildError("diverged", "the training loss became nan")
    child = ScriptedChild(fails_at="Take", error=error, after=2)
    run = measured(child, msgspec.structs.replace(SPEC, phase="converge"))
    assert run.status == "diverged"
    assert len(run.evaluations) == 2


def test_turns_of_training_cover_the_budget():
    arm = Arm(msgspec.structs.replace(SPEC, phase="converge"), POLICY, Place("s", 0, 1, 0, 1), ScriptedChild)
    arm.build()
    assert arm.turns == 3
    assert isinstance(BUILT, Built)


def test_training_in_calls_of_several_steps_counts_what_was_trained():
    spec = msgspec.structs.replace(SPEC, phase="converge", steps_per_call=3)

    class Rounding(ScriptedChild):
        def _take(self, order):
            return super()._take(msgspec.structs.replace(order, steps=-(-order.steps // 3) * 3))

    child = Rounding()
    run = measured(child, spec)
    assert [order.steps for order in child.orders if type(order).__name__ == "Take"] == [47, 49, 18]
    assert [at.steps for at in run.evaluations] == [51, 102, 120]


def test_processes_of_which_verdicts_alone_are_read_start_together_and_take_their_turns_on_the_same_processors():
    """The time of their start is one, and is no figure of their import or build."""
    children, policy = [ScriptedChild(), ScriptedChild()], Policy(samples=4, latency_steps=7, adaptive=True)
    arms = [
        Arm(SPEC, policy, Place("session", 3, 45, number, 2), lambda child=child: child)
        for number, child in enumerate(children)
    ]
    measure_group(arms, 0, lambda stage, number: None)
    assert [[type(order).__name__ for order in child.begun] for child in children] == [["Build", "First"]] * 2
    assert [[time.phase for time in arm.run().times] for arm in arms] == [["beside", "idle", "between", "closing"]] * 2
    settles = [order for child in children for order in child.orders if type(order).__name__ == "Settle"]
    assert {order.processors for order in settles} == {tuple(cpus.choose(SPEC.threads, cpus.usable()))}
    assert all(order.in_turns for order in settles)


@pytest.mark.parametrize(("group", "isolation"), [(2, "fresh"), (3, "fork")])
def test_a_process_whose_start_is_read_or_that_is_forked_starts_alone(group, isolation):
    child, policy = ScriptedChild(), Policy(samples=4, latency_steps=7, adaptive=True)
    arm = Arm(SPEC, policy, Place("session", group, 45, 0, 1, isolation), lambda: child)
    measure_group([arm], 0, lambda stage, number: None)
    assert not child.begun
    assert [time.phase for time in arm.run().times[:3]] == ["start", "import", "build"]


def test_a_reply_that_waited_while_another_process_started_accuses_no_clock():
    class Waited(ScriptedChild):
        def request(self, order, kind):
            reply, late = super().request(order, kind), 100.0 if type(order).__name__ == "First" else 0.0
            return (
                msgspec.structs.replace(reply, clock=time.perf_counter() - late) if hasattr(reply, "clock") else reply
            )

    policy = Policy(samples=2, adaptive=True)
    beside, alone = (Arm(SPEC, policy, Place("session", group, 45, 0, 1), Waited) for group in (3, 0))
    measure_group([beside], 0, lambda stage, number: None)
    assert beside.run().status == "ok"
    measure_group([alone], 0, lambda stage, number: None)
    assert "somebody changed a clock" in alone.run().reason
