"""`dlbench doctor`: each framework is one row whatever is wrong with it, and the noise is judged as all else is."""

from __future__ import annotations

import json
import math
import sys

import msgspec
import pytest

from dlbench.api import doctor
from dlbench.api.doctor import Diagnosis
from dlbench.cli import doctor as command
from dlbench.record.schema import Load
from dlbench.registry import Entry
from dlbench.session import noise_floor
from dlbench.session.noise_floor import Noise
from dlbench.stats import decisions
from dlbench.stats.decisions import Paired
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed
QUIET = Noise(log_ratios=(0.0, 0.001, -0.001), smallest_change=0.012)
CALM = Load(cpu_pressure=0.01)


class Drifting:
    """Two programs on one machine that becomes slower with every sample; a step of each takes its own time."""

    def __init__(self, *seconds):
        self.samples, self.order = 0, []
        self.pair = [lambda steps, at=at, one=one: self._take(at, one * steps) for at, one in enumerate(seconds)]

    def _take(self, at, seconds):
        self.samples += 1
        self.order.append(at)
        return seconds * 1.001**self.samples


@pytest.mark.parametrize("slower", [1.0, 1.1])
def test_equal_programs_differ_by_nothing_and_a_slower_one_by_what_it_is_slower(slower, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(noise_floor.time, "monotonic", lambda: next(clock))
    programs = Drifting(1e-4, 1e-4 * slower)
    assert noise_floor.log_ratio(programs.pair, 0, 39) == pytest.approx(math.log(slower), abs=1e-6)
    turns = programs.order[4:]
    assert len(turns) == 80
    assert turns.count(0) == 40
    assert any(one == other for one, other in zip(turns[1::2], turns[2::2], strict=False)), "rounds are reversed"


def test_the_smallest_change_is_that_of_the_verdicts():
    log_ratios = [0.01, -0.02, 0.005, 0.0, -0.01]
    assert noise_floor.judged(log_ratios).smallest_change == decisions.minimum_detectable_change(Paired(log_ratios))


def test_real_processes_take_turns_and_are_gone_afterwards():
    found = noise_floor.probe(seconds=0.5)
    assert len(found.log_ratios) == noise_floor.GROUPS
    assert found.smallest_change > 0


@pytest.fixture
def found(monkeypatch):
    entries = [
        Entry("fake.linear", "dlbench-fake", "0.1", "x:y"),
        Entry("gone.mlp", "dlbench-gone", "1", "x:y", broken="needs a module that is not there"),
        Entry("sick.cnn", "dlbench-sick", "1", "x:y"),
        Entry("half.a", "dlbench-fake", "1", "x:y", broken="claimed twice"),
        Entry("half.b", "dlbench-fake", "1", "x:y"),
    ]

    def ask(plugin, timeout):
        if plugin == "sick.cnn":
            raise ChildError("crashed", "the child was ended by SIGSEGV\nwhile loading")
        return {"cpu": plugin}

    monkeypatch.setattr(doctor.registry, "entries", lambda: entries)
    monkeypatch.setattr(doctor, "ask_devices", ask)
    monkeypatch.setattr(doctor.noise_floor, "probe", lambda: QUIET)
    monkeypatch.setenv("SOME_TOKEN", "a secret")
    monkeypatch.setenv("MKL_VERBOSE", "0")
    return doctor.examine()


def test_a_framework_that_does_not_work_costs_one_row_with_the_reason(found):
    assert {one.name: one.broken for one in found.frameworks} == {
        "fake": "",
        "gone": "needs a module that is not there",
        "half": "",
        "sick": "the child was ended by SIGSEGV while loading",
    }
    assert {one.name: one.devices for one in found.frameworks}["half"] == {"cpu": "half.b"}
    assert found.frameworks[0].versions["numpy"][0].isdigit()


def test_of_the_variables_only_those_of_numerical_libraries_are_told(found):
    assert found.environment.variables["MKL_VERBOSE"] == "0"
    assert "a secret" not in msgspec.json.encode(found).decode()


def test_the_answer_for_machines_reads_back_and_that_for_people_has_every_row(found, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda: found)
    monkeypatch.setenv("COLUMNS", "200")
    command.show(as_json=True)
    said = capsys.readouterr().out
    assert msgspec.json.decode(said, type=Diagnosis) == found
    assert json.loads(said)["noise"]["smallest_change"] == 0.012
    command.show(as_json=False)
    said = capsys.readouterr().out
    for text in ("broken: the child was ended by SIGSEGV", "BLAS of NumPy", "OMP_NUM_THREADS", "CPU pressure", "1.2%"):
        assert text in said


def test_a_missing_compiler_is_said_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.cxx({}) == ""
    (said,) = doctor.advice(CALM, "", QUIET)
    assert said.endswith("install g++ or clang++")
    for tool, text in doctor.INSTALL.items():
        (tmp_path / tool).touch(mode=0o755)
        assert next(iter(doctor.advice(CALM, "", QUIET))).endswith(text)
        (tmp_path / tool).unlink()
    for name in ("g++", "mine"):
        (tmp_path / name).write_text(f"#!{sys.executable}\nprint('{name} 1.2')\n")
        (tmp_path / name).chmod(0o755)
    assert doctor.cxx({}) == f"{tmp_path / 'g++'}, g++ 1.2"
    assert doctor.cxx({"CXX": "mine"}) == f"{tmp_path / 'mine'}, mine 1.2"


def test_contention_and_noise_are_said_with_number_and_what_to_do():
    assert list(doctor.advice(CALM, "g++", QUIET)) == []
    busy, noisy = doctor.advice(Load(cpu_pressure=0.4), "g++", Noise(log_ratios=(0.1, -0.1), smallest_change=0.3))
    assert "CPU pressure) 40% of the time; other programs" in busy
    assert "from 30.0% on; end other programs" in noisy
