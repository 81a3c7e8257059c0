"""Memory fit: arms that are alive together, and arms that memory does not hold."""

import math

import msgspec
import pytest
from schedules import Children, Diary, plan
from scripted import BUILT, ScriptedChild

from dlbench.analysis import compare, pairs
from dlbench.record import journal
from dlbench.record.schema import PhaseMemory, PhaseTime, Plan
from dlbench.report import summarize
from dlbench.session import pilot, schedule
from dlbench.session.machine import here
from dlbench.session.pilot import SHARE, MemoryUse, split
from dlbench.session.plan import members
from dlbench.session.remaining import missing_groups
from dlbench.spec import Member, Policy, Spec
from dlbench.workers import worker
from dlbench.workers.child import ChildError
from dlbench.workers.protocol import Build, Stepped

pytestmark = pytest.mark.untimed
BASE, *OTHERS = (
    Spec(plugin=f"{name}.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)
    for name in "abcd"
)
ALL = [BASE, *OTHERS]


def parts(sizes, room, specs=ALL):
    uses = {spec: MemoryUse(size) for spec, size in zip(specs, sizes, strict=True)}
    found = split_specs(specs, uses, MemoryUse(room))
    return ["".join(spec.plugin[0] + "@" * bool(spec.python) for spec in part) for part in found]


def split_specs(specs, sizes, room):
    return [tuple(one.spec for one in part) for part in split(members(specs, ()), sizes, room)]


@pytest.mark.parametrize(
    ("sizes", "room", "expected"),
    [
        ([1, 1, 1, 1], 4, ["abcd"]),
        ([1, 1, 1, 1], 3, ["abc", "ad"]),
        ([2, 3, 1, 3], 5, ["ab", "ac", "ad"]),
        ([1, 9, 1, 1], 3, ["acd", "b"]),
        ([9, 1, 1, 1], 3, ["a", "b", "c", "d"]),
        ([0, 0, 0, 0], 0, ["abcd"]),
    ],
)
def test_parts_fit_and_hold_the_baseline(sizes, room, expected):
    assert sorted(parts(sizes, room)) == sorted(expected)


def test_an_arm_stays_with_itself_in_the_first_environment_and_a_control_with_its_arm():
    ours = [msgspec.structs.replace(BASE, python=name) for name in ("base", "head")]
    theirs = [msgspec.structs.replace(OTHERS[0], python=name) for name in ("base", "head")]
    found = split_specs([*ours, *theirs], dict.fromkeys([*ours, *theirs], MemoryUse(1)), MemoryUse(3))
    assert any({*theirs} <= {*part} for part in found)
    first, *_ = split(members(ALL, [BASE]), dict.fromkeys(ALL, MemoryUse(1)), MemoryUse(2))
    assert {Member(BASE), Member(BASE, control=True)} <= {*first}


def test_what_trains_to_a_target_does_so_once_a_seed():
    training = [msgspec.structs.replace(spec, phase="converge") for spec in ALL]
    assert parts([1, 1, 1, 1], 2, training) == ["ab", "cd"]


def test_a_device_is_shared_too():
    sizes = dict.fromkeys(ALL, MemoryUse(1, device=4))
    assert len(split_specs(ALL, sizes, MemoryUse(100, device=16))) == 1
    assert [len(part) for part in split_specs(ALL, sizes, MemoryUse(100, device=8))] == [2, 2, 2]
    assert [len(part) for part in split_specs(ALL, sizes, MemoryUse(100, device=7))] == [1, 1, 1, 1]
    assert len(split_specs(ALL, sizes, MemoryUse(100, device=math.inf))) == 1


def test_what_an_arm_takes_is_the_most_of_any_phase_and_on_a_device_what_the_driver_saw():
    marks = [
        PhaseMemory(phase="build", peak_bytes=9, resident_bytes=1, device_peak_bytes=3),
        PhaseMemory(phase="first_step", peak_bytes=5, resident_bytes=1, device_peak_bytes=4, driver_bytes=7),
    ]
    assert pilot._most(marks) == MemoryUse(9, 7)
    assert pilot._most([PhaseMemory(phase="build", peak_bytes=9, resident_bytes=1)]) == MemoryUse(9, 0)


def test_the_room_is_a_share_of_what_is_free(monkeypatch):
    monkeypatch.setattr(pilot.nvml, "free_bytes", lambda device: 1000 if device == "gpu:1" else None)
    assert pilot.available_memory("gpu:1").device == SHARE * 1000
    assert pilot.available_memory("cpu").device == math.inf
    assert 0 < pilot.available_memory("cpu").host < pilot.psutil.virtual_memory().total


class Large(ScriptedChild):
    def _first(self, order):
        memory = PhaseMemory(phase="first_step", peak_bytes=1000, resident_bytes=1)
        return Stepped(time=PhaseTime(phase="first_step", seconds=2.0), memory=memory, loss=1.0)


def session(folder, monkeypatch, room):
    monkeypatch.setattr(
        pilot.psutil, "virtual_memory", lambda: type("Memory", (), {"available": room / SHARE, "total": 2 * room})
    )
    policy = Policy(processes=2, samples=2, latency_steps=1, discard=True)
    planned = plan(policy, plugin=["fake.linear", "twin.linear"], path=["eager", "graph"])
    with journal.begin(folder, Plan(session="s", specs=planned[0].specs, policy=policy)) as book:
        return planned, schedule.record(planned, book, Diary(), here(Children(lambda spec: Large())))


def test_a_session_in_parts_pairs_each_arm_with_the_baseline_and_goes_on_where_it_stopped(monkeypatch, tmp_path):
    planned, runs = session(tmp_path, monkeypatch, 2001)
    assert [(run.part, run.arms, run.spec.label) for run in runs if run.group == 0] == [
        (0, 2, "fake.linear eager"), (0, 2, "fake.linear graph"),
        (1, 2, "fake.linear eager"), (1, 2, "twin.linear eager"),
        (2, 2, "fake.linear eager"), (2, 2, "twin.linear graph"),
    ]  # fmt: skip
    (found,) = compare.compare(runs).values()
    assert [one.ratio.n for one in found] == [2, 2, 2]
    assert [pairs.planned(of_arm) for of_arm in pairs.arms(runs).values()] == [6, 2, 2, 2]
    assert any("in 3 parts" in text for text in summarize(runs).warnings)
    start = Children(lambda spec: Large())
    with journal.resume(tmp_path) as book:
        assert schedule.record(planned, book, Diary(), here(start)) == runs
        assert start.made == []
        book.truncate(6)
        assert len(schedule.record(planned, book, Diary(), here(start))) == len(runs)
    with journal.resume(tmp_path) as book:
        assert book.runs[-1].spec == planned[0].specs[0], "of the last part the baseline is torn, others have it"
        book.truncate(len(runs) - 1)
        (left,) = missing_groups(planned, book)
        assert (left.number, len(book.runs)) == (1, 6)


def test_arms_that_fit_stay_together(monkeypatch, tmp_path):
    _, runs = session(tmp_path, monkeypatch, 4001)
    assert {(run.group, run.arms) for run in runs} == {(0, 4), (1, 4)}
    assert not any("parts" in text for text in summarize(runs).warnings)


def of_one_arm(error_at_first=None, status="out-of-memory"):
    found = pilot.PilotProcesses()
    error = ChildError(status, "no memory") if error_at_first else None
    found.measure([BASE], lambda spec, place: Large(fails_at="First" if error else "", error=error))
    return found


def test_an_arm_that_ran_out_of_memory_before_anything_was_measured_is_alone():
    sizes = of_one_arm("First").sizes(ALL) | dict.fromkeys(OTHERS, MemoryUse(1))
    assert split_specs([*OTHERS, BASE], sizes, MemoryUse(100)) == [tuple(OTHERS), (BASE,)]
    assert of_one_arm("First", status="error").sizes(ALL) == {}, "a fault of another kind says nothing of memory"
    assert of_one_arm().sizes(ALL) == {BASE: MemoryUse(1000)}


def test_an_arm_is_as_large_as_where_it_trains(tmp_path):
    policy = Policy(processes=2, samples=2, latency_steps=1, discard=True)
    planned, diary = plan(policy, plugin=["fake.linear"], phase=["predict", "train"]), Diary()
    specs = tuple(dict.fromkeys(spec for group in planned for spec in group.specs))
    with journal.begin(tmp_path, Plan(session="s", specs=specs, policy=policy)) as book:
        schedule.record(planned, book, diary, here(Children()))
    assert planned[0].specs[0].phase == "predict"
    assert [spec.phase for spec in diary.discarded] == ["train"]


@pytest.mark.parametrize(("discarded", "warned"), [(False, True), (True, False)])
def test_arms_that_lack_memory_together_are_told_when_their_sizes_were_not_known(discarded, warned, tmp_path):
    policy = Policy(processes=1, samples=2, latency_steps=1, discard=discarded)
    error = ChildError("out-of-memory", "no memory")
    start = Children(lambda spec: ScriptedChild(fails_at="Settle" if "twin" in spec.plugin else "", error=error))
    planned = plan(policy)
    with journal.begin(tmp_path, Plan(session="s", specs=planned[0].specs, policy=policy)) as book:
        runs = schedule.record(planned, book, Diary(), here(start))
    said = [text for text in summarize(runs).warnings if "sizes were not known" in text]
    assert bool(said) == warned
    assert all(text.startswith("train, twin.linear eager: out of memory") for text in said)


class OnGpu(ScriptedChild):
    """A model built on a GPU whatever the request, on which each arm takes 4 bytes."""

    def _build(self, order):
        info = msgspec.structs.replace(BUILT.info, device="gpu:0")
        return msgspec.structs.replace(BUILT, info=info)

    def _memory(self, phase):
        return PhaseMemory(phase=phase, peak_bytes=1, resident_bytes=1, device_peak_bytes=4)


def test_a_gpu_that_was_found_and_not_asked_for_is_shared_too(monkeypatch, tmp_path):
    monkeypatch.setattr(pilot.nvml, "free_bytes", lambda device: 7 / SHARE if device == "gpu:0" else None)
    policy = Policy(processes=2, samples=2, latency_steps=1, discard=True)
    planned = plan(policy, device=["auto"])
    with journal.begin(tmp_path, Plan(session="s", specs=planned[0].specs, policy=policy)) as book:
        runs = schedule.record(planned, book, Diary(), here(Children(lambda spec: OnGpu())))
    assert {run.spec.device for run in runs} == {"auto"}
    assert {run.arms for run in runs} == {1}


def test_a_gauge_looks_at_the_device_that_the_model_is_on(monkeypatch):
    found = []
    monkeypatch.setattr(worker, "GpuSampler", found.append)
    worker.Worker().handle(
        Build(spec=Spec(**msgspec.structs.asdict(BASE) | {"plugin": "fake.linear", "device": "auto"}))
    )
    assert found == ["cpu"]
