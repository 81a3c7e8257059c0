"""Several workers in a session: what is planned and refused, and the one-worker programs that take turns with them."""

from __future__ import annotations

import msgspec
import pytest
from scripted import SPEC, ScriptedChild

from dlbench.analysis.scaling import efficiency, efficiency_beside, exchange_share
from dlbench.errors import SpecError
from dlbench.session import models
from dlbench.session.arm import Arm
from dlbench.session.lockstep import measure_group
from dlbench.session.models import Subjects
from dlbench.session.plan import Place
from dlbench.session.together import OVERLAPPING, TogetherArm
from dlbench.spec import Policy, workers
from dlbench.stats.estimates import Estimate
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed

POLICY = Policy(samples=4)


def planned(policy=POLICY, **axes):
    selection = {"plugin": ["fake.linear"], "threads": [1], **axes}
    return models.expand(Subjects(selection), policy)


def test_one_worker_is_the_plain_spec_and_workers_train_unless_a_phase_is_named():
    found = planned(workers=[1, 2, 4])
    assert [spec.workers for spec in found] == [msgspec.UNSET, 2, 4]
    assert {spec.phase for spec in found} == {"train"}
    assert found[0] == planned(phase=["train"])[0]
    assert {spec.phase for spec in planned(workers=[1])} == {"train", "predict", "converge"}


def test_one_worker_scales_in_no_way():
    found = planned(workers=[1, 2], scaling=["weak", "strong"])
    assert [(spec.workers, spec.scaling) for spec in found] == [
        (msgspec.UNSET, msgspec.UNSET),
        (2, msgspec.UNSET),
        (2, "strong"),
    ]


@pytest.mark.parametrize(
    ("axes", "reason"),
    [
        ({"workers": [0]}, r"workers is 0: it must be between 1 and 4096"),
        ({"workers": [-2]}, r"workers is -2"),
        ({"workers": [2], "phase": ["predict"]}, r"phase is 'predict': it must be train for 2 workers"),
        ({"workers": [2], "phase": ["converge"]}, r"phase is 'converge'"),
        ({"workers": [3], "scaling": ["strong"]}, r"batch size is 32: it must be a multiple of 3"),
        ({"scaling": ["strong"]}, r"scaling is 'strong': .* --workers 2 or more"),
        ({"scaling": ["strange"]}, r"scaling is 'strange': it must be one of weak, strong"),
        ({"workers": [2], "device": ["gpu:1"]}, r"device is 'gpu:1': it must be cpu or gpu"),
        ({"workers": [2], "device": ["auto"]}, r"device is 'auto'"),
    ],
)
def test_workers_that_cannot_be_are_refused(axes, reason):
    with pytest.raises(SpecError, match=reason):
        planned(**axes)


@pytest.mark.parametrize("isolation", ["none", "fork"])
def test_workers_are_fresh_processes(isolation):
    with pytest.raises(SpecError, match=f"--isolation {isolation} and --workers 2"):
        planned(Policy(isolation=isolation), workers=[2])


@pytest.mark.parametrize("scaling", ["weak", "strong"])
def test_a_setting_makes_workers_devices_and_programs_beside_them_do_without_it(scaling):
    plain, held = planned(workers=[2], scaling=[scaling], variant=["plain=", "one=place:devices,speed:fast"])
    assert not plain.in_one_process
    assert held.in_one_process
    assert (plain.process_threads, held.process_threads) == (1, 2)
    size = held.batch_size
    assert workers.gathered(held).batch_size == (2 * size if scaling == "weak" else size)
    assert workers.gathered(held).settings == held.settings
    for program in (workers.share(held), workers.whole(held)):
        assert program.settings == {"speed": "fast"}
        assert not program.in_one_process
        assert program.process_threads == 1


def test_a_setting_of_several_workers_does_not_apply_to_one():
    together, alone = planned(workers=[1, 2], variant=["one=place:devices"])
    assert alone.variant is msgspec.UNSET
    assert together.in_one_process


class Started:
    """Children of a session, by Spec and place; the arm's takes 4 ms a step, one beside others 3 and one alone 2."""

    def __init__(self, fails_at="", error=None, unsettled=None):
        self.of, self.fails_at, self.error, self.unsettled = [], fails_at, error, unsettled

    def __call__(self, spec, place):
        alone = len([one for one, *_ in self.of if one.workers is msgspec.UNSET]) == 2
        failing = {"fails_at": self.fails_at, "error": self.error} if alone else {}
        settled = len(self.of) != self.unsettled
        child = ScriptedChild(step_seconds=0.002 if alone else 0.003, settled=settled, **failing)
        self.of.append((spec, place, child))
        return child


def measured(spec, started, children=()):
    child = children or [ScriptedChild(step_seconds=0.004)]
    together = TogetherArm(
        lambda: Arm(spec, POLICY, Place("session", 0, 1, 0, 1), lambda: child.pop(0)), POLICY, started
    )
    measure_group([together], 0, lambda stage, number: None)
    together.kill()
    return together.run()


@pytest.mark.parametrize(
    ("scaling", "sizes", "against_one"), [(msgspec.UNSET, (32, 32), 0.5), ("strong", (16, 32), 0.25)]
)
def test_efficiency_is_read_from_programs_that_took_turns_with_the_arm(scaling, sizes, against_one):
    started = Started()
    run = measured(msgspec.structs.replace(SPEC, workers=2, scaling=scaling), started)
    beside, alone = sizes
    assert [(spec.batch_size, spec.workers, place) for spec, place, _ in started.of] == [
        (beside, msgspec.UNSET, 0),
        (beside, msgspec.UNSET, 1),
        (alone, msgspec.UNSET, 0),
    ]
    assert all(child.closed for *_, child in started.of)
    stages = [sample.stage for sample in run.samples]
    assert [stages.count(stage) for stage in ("steady", "beside", "alone", "latency")] == [4, 8, 4, 0]
    assert efficiency(run) == pytest.approx(against_one)
    assert efficiency_beside(run) == pytest.approx(0.75)
    assert exchange_share(Estimate(0.75, 0.7, 0.8, 3)) == Estimate(0.25, pytest.approx(0.2), pytest.approx(0.3), 3)


def test_programs_beside_one_another_are_timed_while_all_of_them_step():
    started = Started()
    measured(msgspec.structs.replace(SPEC, workers=2), started)
    counts = [{order.count for order in child.orders if type(order).__name__ == "Take"} for *_, child in started.of]
    assert counts == [{OVERLAPPING}, {OVERLAPPING}, {1}]


@pytest.mark.parametrize(("unsettled", "flags"), [(None, ()), (1, ("not_settled",)), (2, ("not_settled",))])
def test_a_program_that_never_became_steady_flags_the_arm_whose_efficiency_is_read_from_it(unsettled, flags):
    run = measured(msgspec.structs.replace(SPEC, workers=2), Started(unsettled=unsettled))
    assert run.status == "ok"
    assert tuple(flag for flag in run.flags if flag == "not_settled") == flags


def test_workers_start_again_if_somebody_listens_at_their_port():
    taken = ChildError("error", "RuntimeError: Failed to bind: Address already in use")
    clash = lambda: ScriptedChild(fails_at="Build", error=taken)  # noqa: E731
    spec = msgspec.structs.replace(SPEC, workers=2)
    assert measured(spec, Started(), [clash(), ScriptedChild(step_seconds=0.004)]).status == "ok"
    assert measured(spec, Started(), [clash(), clash()]).status == "error"


def test_a_program_that_fails_is_an_error_of_the_arm():
    started = Started("Take", ChildError("crashed", "the child was ended by SIGKILL"))
    run = measured(msgspec.structs.replace(SPEC, workers=2), started)
    assert run.status == "crashed"
    assert run.reason.startswith("a worker without others")
