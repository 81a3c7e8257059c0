"""Device memory by the driver: this process on all devices, or nothing that was not said."""

from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace

import pytest

from dlbench.system import nvml as driver

pytestmark = pytest.mark.untimed


class Refused(Exception):
    """The exception of NVML."""


@pytest.fixture
def nvml(monkeypatch):
    """A driver with these processes on each device: (process, bytes)."""

    def install(*devices, refuses=""):
        def may(name, answer):
            def call(*arguments):
                if name == refuses:
                    raise Refused(name)
                return answer(*arguments)

            return call

        def processes(number):
            return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in devices[number]]

        module = ModuleType("pynvml")
        module.NVMLError = Refused
        module.closed = 0
        answers = {
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: setattr(module, "closed", module.closed + 1),
            "nvmlDeviceGetCount": lambda: len(devices),
            "nvmlDeviceGetHandleByIndex": lambda number: number,
            "nvmlDeviceGetHandleByUUID": lambda name: int(name.removeprefix("GPU-")),
            "nvmlDeviceGetComputeRunningProcesses": processes,
            "nvmlDeviceGetMemoryInfo": lambda number: SimpleNamespace(free=100 + number),
        }
        for name, answer in answers.items():
            setattr(module, name, may(name, answer))
        monkeypatch.setitem(sys.modules, "pynvml", module)
        return module

    return install


ME, OTHER = os.getpid(), os.getpid() + 1


def test_what_this_process_holds_on_all_devices_is_added_up(nvml):
    library = nvml([(OTHER, 5), (ME, 30)], [], [(ME, 4)])
    assert driver.device_bytes() == 34
    assert library.closed == 1


@pytest.mark.parametrize(
    ("devices", "refuses"),
    [
        ([[(OTHER, 5)]], ""),
        ([[(ME, None)]], ""),
        ([], ""),
        ([[(ME, 1)]], "nvmlInit"),
        ([[(ME, 1)]], "nvmlDeviceGetComputeRunningProcesses"),
    ],
)
def test_what_the_driver_does_not_say_is_not_zero(devices, refuses, nvml):
    nvml(*devices, refuses=refuses)
    assert driver.device_bytes() is None


def test_without_the_library_nobody_says(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert driver.device_bytes() is None


@pytest.mark.parametrize(
    ("device", "visible", "free"),
    [
        ("gpu", None, 100),
        ("gpu:1", None, 101),
        ("gpu:0", "3,1", 103),
        ("gpu:2", "3,1", None),
        ("gpu:1", "0, GPU-3", 103),
        ("gpu", "", None),
        ("cpu", None, None),
        ("auto", None, None),
    ],
)
def test_what_is_free_is_that_of_the_device_as_frameworks_number_it(device, visible, free, nvml, monkeypatch):
    nvml([], [], [], [])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert driver.free_bytes(device) == free
