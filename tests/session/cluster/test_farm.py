"""Groups on the nodes of a cluster in virtual time: one at a time on each, none lost and none twice."""

import itertools
from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from schedules import Children, Diary, plan

from dlbench.errors import DlbenchError, SpecError
from dlbench.record import journal
from dlbench.record.reading import read_runs
from dlbench.record.schema import Plan
from dlbench.session import schedule
from dlbench.session.cluster import farm
from dlbench.session.cluster.demand import Node
from dlbench.session.listener import Quiet
from dlbench.session.machine import Machine
from dlbench.spec import Policy
from studies.cluster.simulated import SimulatedCluster

pytestmark = pytest.mark.untimed

POLICY = Policy(processes=6, samples=2, latency_steps=1, timeout_seconds=10)
TWO = [Node("a" * 8, "10.0.0.1", 2), Node("b" * 8, "10.0.0.2", 2)]


def runs_there(plan, group, node):
    runs = Machine(plan, Quiet(), Children()).measure(group)
    return [msgspec.structs.replace(run, machine=node.id) for run in runs]


def cluster(nodes=TWO, seconds=lambda group, node: 5.0, runs=runs_there, **faults):
    return SimulatedCluster(nodes, seconds, runs, **faults)


class Notes(Diary):
    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def record_on(found, folder, policy=POLICY, diary=None, enough=lambda _: False, **axes):
    planned = plan(policy, threads=[1], **axes)
    specs = tuple(dict.fromkeys(spec for group in planned for spec in group.specs))
    with journal.begin(folder, Plan(session="s", specs=specs, policy=policy)) as book:
        return schedule.record(planned, book, diary or Notes(), farm.on(found), enough)


def twelve(found, folder, **more):
    """Two workloads of six groups of two arms."""
    runs = record_on(found, folder, phase=["train", "predict"], **more)
    counts = Counter((run.spec.phase, run.group, run.spec.plugin) for run in runs)
    assert set(counts.values()) == {1}, "a Run twice"
    assert len(counts) == 24
    assert read_runs(folder / "runs.jsonl") == runs
    return runs


def test_a_node_measures_one_group_at_a_time_and_all_are_busy(tmp_path):
    found = cluster()
    runs = twelve(found, tmp_path)
    for node in TWO:
        spans = sorted(span[1:3] for span in found.measured if span[0] == node.id)
        assert len(spans) == 6
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    assert found.now < 6 * 5 + 5
    assert {run.attempt for run in runs} == {1}
    assert not any(lease.held for lease in found.leases)


def test_arms_that_are_compared_share_a_node(tmp_path):
    groups = {}
    for run in twelve(cluster(), tmp_path):
        groups.setdefault((run.spec.phase, run.group), set()).add(run.machine)
    assert all(len(machines) == 1 for machines in groups.values())
    assert {machine for machines in groups.values() for machine in machines} == {node.id for node in TWO}


def test_runs_stand_in_the_order_of_the_plan_whichever_group_ended_first(tmp_path):
    slow = cluster(seconds=lambda group, node: 100.0 if group.number == 0 else 1.0)
    runs = twelve(slow, tmp_path)
    assert [(run.group, run.arm) for run in runs if run.spec.phase == "train"] == [
        (g, a) for g in range(6) for a in (0, 1)
    ]


def test_what_is_finished_is_on_the_disk_before_groups_that_began_earlier(tmp_path):
    written = []

    class Looking(Notes):
        def finished(self, run):
            written.append((run.group, len(read_runs(tmp_path / "runs.jsonl"))))

    record_on(cluster(seconds=lambda group, node: 50.0 if group.number == 0 else 1.0), tmp_path, diary=Looking())
    assert written[0] == (1, 2)
    assert [group for group, _ in written[-2:]] == [0, 0]


def test_a_group_whose_node_dies_is_measured_again_elsewhere_and_says_so(tmp_path):
    diary = Notes()
    found = cluster(lost_at={TWO[0].id: 8.0})
    runs = twelve(found, tmp_path, diary=diary)
    again = {(run.spec.phase, run.group) for run in runs if run.attempt == 2}
    assert len(again) == 1
    assert all(run.machine == TWO[1].id for run in runs if run.attempt == 2)
    assert diary.notes == [
        "node aaaaaaaa: the process that measured it was lost (the node died); the group is measured once more"
    ]


def lossy(wanted, times):
    """Runs of a cluster that loses this group so often."""
    left = Counter({wanted: times})

    def runs(plan, group, node):
        if left[group.number] > 0:
            left[group.number] -= 1
            raise farm.Lost("killed by signal 9")
        return runs_there(plan, group, node)

    return runs


def test_a_group_that_is_lost_twice_has_runs_that_say_so_and_the_others_go_on(tmp_path):
    runs = record_on(cluster(runs=lossy(3, 2)), tmp_path)
    lost = [run for run in runs if not run.ok]
    assert [(run.group, run.status, run.attempt) for run in lost] == [(3, "crashed", 2)] * 2
    assert "was lost (killed by signal 9) on node" in lost[0].reason
    assert lost[0].reason.endswith("attempt 2 of 2")
    assert len(runs) == 12


def test_an_error_of_the_program_is_raised_and_not_tried_again(tmp_path):
    def runs(plan, group, node):
        raise SpecError("--isolation fork needs Linux")

    found = cluster(runs=runs)
    with pytest.raises(SpecError, match="fork needs Linux"):
        record_on(found, tmp_path)
    assert len(found.measured) <= 2
    assert not any(lease.held for lease in found.leases)


def test_a_frozen_node_is_noticed_by_the_deadline_and_left_out_when_it_does_not_come_back(tmp_path):
    diary = Notes()
    found = cluster()

    def seconds(group, node):
        if node == TWO[0]:
            found.frozen.add(node.id)
        return 5.0

    found.seconds = seconds
    runs = record_on(found, tmp_path / "out", diary=diary)
    assert len(runs) == 12
    assert [run.machine for run in runs if run.attempt == 2] == [TWO[1].id] * 2
    allowed = farm.GRACE + 2 * POLICY.timeout_seconds
    assert f"not done within the {allowed:g} s that its group may take" in diary.notes[0]


@pytest.mark.parametrize(
    ("more", "processes"),
    [
        ({}, 1),
        ({"discard": True}, 2),
        ({"isolation": "fork"}, 2),
        ({"workers": 2}, 4),
        ({"workers": 2, "discard": True}, 5),
        ({"workers": 2, "isolation": "fork"}, 8),
    ],
)
def test_a_group_has_the_time_outs_of_all_processes_that_it_may_need(more, processes):
    """Workers: they may start twice, and there are programs beside them and one alone."""
    workers = more.pop("workers", None)
    policy = msgspec.structs.replace(POLICY, **{"discard": False, **more})
    (group, *_) = plan(policy, plugin=["fake.linear"], threads=[1])
    (spec,) = group.specs
    if workers:
        spec = msgspec.structs.replace(spec, workers=workers)
        group = replace(group, members=(group.members[0]._replace(spec=spec),))
    planned = Plan(session="s", specs=(spec,), policy=policy)
    found = farm.Farm(cluster(), planned, Quiet())
    assert found._allowed(group) == farm.GRACE + processes * policy.timeout_seconds


def test_nodes_on_one_machine_are_said_once(tmp_path):
    def runs(plan, group, node):
        return [msgspec.structs.replace(run, machine="f00d") for run in runs_there(plan, group, node)]

    diary = Notes()
    record_on(cluster(runs=runs), tmp_path, diary=diary)
    (note,) = diary.notes
    assert {"aaaaaaaa", "bbbbbbbb"} <= set(note.split())
    assert "are on one machine and measure at the same time" in note


def test_a_group_that_is_overdue_twice_has_runs_with_a_time_out(tmp_path):
    found = cluster(seconds=lambda group, node: 1e9 if group.number == 2 else 5.0)
    runs = record_on(found, tmp_path)
    assert {run.group for run in runs if run.status == "timeout"} == {2}
    assert len(runs) == 12


def test_without_a_node_that_is_left_the_session_ends_and_goes_on_later(tmp_path):
    found = cluster(lost_at={node.id: 12.0 for node in TWO})
    with pytest.raises(DlbenchError, match=r"no node of the cluster is left .*--resume"):
        record_on(found, tmp_path)
    kept = read_runs(tmp_path / "runs.jsonl")
    assert 0 < len(kept) < 12
    again = cluster()
    with journal.resume(tmp_path) as book:
        runs = schedule.record(plan(POLICY, threads=[1]), book, Notes(), farm.on(again))
    assert [run for run in runs if run in kept] == kept
    assert sorted((run.group, run.arm) for run in runs) == sorted((g, a) for g in range(6) for a in (0, 1))
    assert len(again.measured) == 6 - len(kept) // 2


def test_a_node_that_cannot_measure_is_named_with_the_reason(tmp_path):
    with pytest.raises(DlbenchError, match=r"node aaaaaaaa has dlbench 0\.1 and the command is 0\.2"):
        record_on(cluster(fault="has dlbench 0.1 and the command is 0.2; install the same"), tmp_path)


def test_an_adaptive_session_begins_no_group_that_its_interim_analysis_may_make_superfluous(tmp_path):
    policy = msgspec.structs.replace(POLICY, adaptive=True)
    four = [Node(letter * 8, "10.0.0.4", 2) for letter in "abcd"]
    found = cluster(four)

    def enough(runs):
        return len({run.group for run in runs}) == 10

    runs = record_on(found, tmp_path, policy=policy, enough=enough)
    assert {run.group for run in runs} == set(range(10))
    assert len(found.measured) == 10
    first_wave = max(end for _, _, end, group in found.measured if group.number < 6)
    assert all(begin >= first_wave for _, begin, _, group in found.measured if group.number >= 6)


def test_no_more_nodes_are_leased_than_there_are_groups(tmp_path):
    many = [Node(f"{number:08d}", "10.0.0.5", 2) for number in range(50)]
    found = cluster(many)
    record_on(found, tmp_path)
    assert len({node for node, *_ in found.measured}) == 6
    assert len(found.leases) == 6


def test_an_interruption_gives_every_node_back(tmp_path):
    class Stopping(Notes):
        def finished(self, run):
            raise KeyboardInterrupt

    found = cluster()
    with pytest.raises(KeyboardInterrupt):
        record_on(found, tmp_path, diary=Stopping())
    assert len(read_runs(tmp_path / "runs.jsonl")) == 2
    assert not any(lease.held for lease in found.leases)


def test_a_node_that_somebody_else_uses_is_waited_for_and_said(tmp_path):
    diary = Notes()
    found = cluster(frozen={TWO[0].id}, seconds=lambda group, node: 100.0)
    runs = record_on(found, tmp_path, diary=diary, policy=msgspec.structs.replace(POLICY, timeout_seconds=100))
    assert {run.machine for run in runs} == {TWO[1].id}
    assert diary.notes == ["waiting for node aaaaaaaa: something else has its CPUs"]
