"""CPU time of a child that has nothing to do: none, so that its neighbours have the machine."""

import os
import time

import msgspec
import psutil
import pytest
from built import of_line

from dlbench.workers.protocol import (
    Build,
    Built,
    First,
    Stepped,
    Take,
    Taken,
    to_line,
)

SPEC = of_line("naughty.linear")


def test_an_idle_child_uses_no_cpu_and_a_busy_one_is_not_called_quiet(start):
    child = start()
    child.request(Build(spec=SPEC), Built)
    assert child.wait_until_idle()
    spinning = start("build:hang")
    os.write(spinning._orders, to_line(Build(spec=SPEC)))
    patience = time.monotonic() + 60
    while psutil.Process(spinning.process.pid).cpu_times().user < 2.0:
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert not spinning.wait_until_idle()


@pytest.mark.parametrize("plugin", ["torch.mlp", "tf.mlp"])
def test_a_child_that_waits_for_its_turn_uses_no_cpu_while_another_has_it(plugin, start):
    pytest.importorskip(f"dlbench_{plugin.partition('.')[0]}")
    values = {"plugin": plugin, "task": "digits", "batch_size": 64, "threads": 2}
    waiting, working = start(timeout=300.0), start(timeout=300.0)
    build = Build(spec=msgspec.structs.replace(SPEC, **values))
    for child in (waiting, working):
        child.begin(build)  # both import at once
    for child in (waiting, working):
        child.request(build, Built)
    for child in (waiting, working):
        child.request(First(), Stepped)
        assert child.wait_until_idle()
    before = cpu_seconds(waiting), cpu_seconds(working)
    while cpu_seconds(working) - before[1] < 1.0:
        working.request(Take(stage="steady", steps=50), Taken)
    assert working.wait_until_idle()
    assert cpu_seconds(waiting) - before[0] <= 0.02


def cpu_seconds(child):
    """CPU seconds of all threads of a child, in ticks of a hundredth."""
    times = psutil.Process(child.process.pid).cpu_times()
    return times.user + times.system
