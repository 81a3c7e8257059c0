"""Load of a machine, from texts that kernels have written, and GPU counters, from a library that plays NVML."""

from __future__ import annotations

import sys
import types

import pytest

from dlbench.record.schema import GpuLoad
from dlbench.system import load
from dlbench.system.nvml import GpuSampler

pytestmark = pytest.mark.untimed

PRESSURE = """some avg10=0.53 avg60=0.72 avg300=0.61 total=123456789
full avg10=0.00 avg60=0.00 avg300=0.00 total=4567
"""
STAT = (
    "4711 (a (b) c) R 1 4711 4711 0 -1 4194560 1043 88 17 3 12 7 0 0 20 0 1 0 5 26000 900 18446744073709551615 1 1 0 0"
    " 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0"
)
V2 = """usage_usec 7000000
user_usec 6000000
nr_periods 120
nr_throttled 40
throttled_usec 1500000
"""
V1 = "nr_periods 90\nnr_throttled 30\nthrottled_time 2500000000\n"


def put(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_pressure_is_the_time_in_which_some_task_waited(tmp_path):
    put(tmp_path, "proc/pressure/cpu", PRESSURE)
    assert load.pressure("cpu", tmp_path) == pytest.approx(123.456789)
    assert load.pressure("memory", tmp_path) is None


def test_major_faults_are_read_behind_whatever_name_a_process_has(tmp_path):
    put(tmp_path, "proc/self/stat", STAT)
    assert load.major_faults(tmp_path) == 17
    assert load.major_faults(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("groups", "where", "text", "periods"),
    [
        ("0::/user.slice/x\n", "sys/fs/cgroup/user.slice/x/cpu.stat", V2, (120, 40)),
        ("0::/not/mounted/here\n", "sys/fs/cgroup/cpu.stat", V2, (120, 40)),
        ("4:memory:/m\n3:cpu,cpuacct:/docker/y\n0::/\n", "sys/fs/cgroup/cpu/docker/y/cpu.stat", V1, (90, 30)),
        ("2:cpuacct:/\n1:cpu:/\n0::/\n", "sys/fs/cgroup/cpu/cpu.stat", V1, (90, 30)),
        ("0::/\n", "sys/fs/cgroup/cpu.stat", "usage_usec 7\n", (None, None)),
        ("", "sys/fs/cgroup/cpu.stat", V2, (None, None)),
    ],
    ids=["v2", "v2 in a container", "v1", "v1 at its root", "no quota", "no groups"],
)
def test_throttling_is_read_from_either_version_of_control_groups(groups, where, text, periods, tmp_path):
    put(tmp_path, "proc/self/cgroup", groups)
    put(tmp_path, where, text)
    assert load.quota(tmp_path) == periods


def test_a_group_that_is_stopped_in_every_period_is_throttled_all_of_the_time_on_any_number_of_cores(monkeypatch):
    monkeypatch.setattr(load, "quota", iter([(100, 40), (110, 50)]).__next__)
    assert load.LoadMeter().read().throttled == 1.0


def test_without_a_period_of_a_quota_nothing_is_said(monkeypatch):
    monkeypatch.setattr(load, "quota", lambda: (0, 0))
    assert load.LoadMeter().read().throttled is None


def test_a_meter_gives_what_happened_between_its_two_readings(monkeypatch):
    wall = iter([100.0, 110.0])
    seconds = {"cpu": iter([5.0, 8.0]), "memory": iter([None, 1.0])}
    monkeypatch.setattr(load.time, "monotonic", lambda: next(wall))
    monkeypatch.setattr(load, "pressure", lambda resource: next(seconds[resource]))
    monkeypatch.setattr(load, "quota", iter([(100, 5), (120, 7)]).__next__)
    monkeypatch.setattr(load, "major_faults", iter([7, 12]).__next__)
    found = load.LoadMeter().read()
    assert (found.cpu_pressure, found.memory_pressure, found.throttled) == (
        pytest.approx(0.3),
        None,
        pytest.approx(0.1),
    )
    assert found.major_faults == 5
    assert found.voluntary_switches >= 0
    assert found.gpu is None


class NvmlError(Exception):
    pass


def library(clocks=(1980,), reasons=(0,), broken=False):
    """A module that answers as pynvml does, one reading after the other."""
    clock, reason, asked = iter(clocks), iter(reasons), []

    def handle(kind):
        def get(name):
            if broken:
                raise NvmlError
            asked.append((kind, name))
            return "handle"

        return get

    return types.SimpleNamespace(
        NVMLError=NvmlError,
        NVML_CLOCK_SM=1,
        NVML_TEMPERATURE_GPU=0,
        asked=asked,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=handle("index"),
        nvmlDeviceGetHandleByUUID=handle("identifier"),
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda _: next(reason),
        nvmlDeviceGetClockInfo=lambda *_: next(clock),
        nvmlDeviceGetMaxClockInfo=lambda *_: 1980,
        nvmlDeviceGetTemperature=lambda *_: 61,
        nvmlDeviceGetPowerUsage=lambda _: 350_500,
        nvmlDeviceGetEnforcedPowerLimit=lambda _: 700_000,
    )


@pytest.fixture
def nvml(monkeypatch):
    def install(found):
        monkeypatch.setitem(sys.modules, "pynvml", found)
        return found

    return install


def test_a_gauge_sums_up_its_looks(nvml):
    nvml(library(clocks=(1980, 1410, 1700), reasons=(0x1, 0x4 | 0x20, 0x4)))
    gauge = GpuSampler("gpu", {})
    for _ in range(3):
        gauge.sample()
    assert gauge.summary() == GpuLoad(
        clock_mhz=1410,
        clock_limit_mhz=1980,
        temperature=61,
        power_watts=350.5,
        power_limit_watts=700.0,
        limited_by=("power cap", "temperature (driver)"),
    )


@pytest.mark.parametrize(
    ("device", "visible", "asked"),
    [
        ("gpu", None, ("index", 0)),
        ("gpu:1", None, ("index", 1)),
        ("gpu:1", "3,2", ("index", 2)),
        ("gpu", "GPU-abc,GPU-def", ("identifier", "GPU-abc")),
    ],
)
def test_the_gpu_is_the_one_that_the_framework_sees(device, visible, asked, nvml):
    found = nvml(library())
    GpuSampler(device, {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    assert found.asked == [asked]


def test_nothing_is_read_without_a_gpu_a_library_or_an_answer(nvml):
    for device, found, shown in (
        ("cpu", library(), "0"),
        ("gpu", None, "0"),
        ("gpu", library(broken=True), "0"),
        ("gpu", library(), ""),
        ("gpu:1", library(), "0"),
    ):
        nvml(found)
        gauge = GpuSampler(device, {"CUDA_VISIBLE_DEVICES": shown})
        gauge.sample()
        assert gauge.summary() is None
