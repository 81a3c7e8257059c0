"""Peaks by phase, with allocations of known size, each in a process of its own."""

import subprocess
import sys

import msgspec
import pytest
from example_runs import bare_run, spec

from dlbench.analysis import leaks, metrics
from dlbench.record import journal
from dlbench.record.schema import Plan, Sample
from dlbench.report import summarize
from dlbench.session import schedule
from dlbench.session.listener import Quiet
from dlbench.session.machine import here
from dlbench.session.plan import Group
from dlbench.spec import Member, Policy, Spec
from dlbench.system import memory
from dlbench.workers.backends import Starter

MEGABYTE = 1 << 20
pytestmark = [
    pytest.mark.untimed,
    pytest.mark.skipif(not memory._can_reset(), reason="this kernel cannot reset the high-water mark"),
]


def in_a_fresh_process(body):
    program = f"from dlbench.system import memory\nimport mmap\nmemory.mark('start')\n{body}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [float(number) / MEGABYTE for number in done.stdout.split()]


TAKE = "block = mmap.mmap(-1, 200 << 20); [block.write(bytes(1 << 20)) for _ in range(200)]"


def test_a_spike_that_is_gone_again_is_seen_in_its_phase_alone():
    before, peak, after, later = in_a_fresh_process(
        f"""
base = memory.mark('before').resident_bytes
{TAKE}
block.close()
spike = memory.mark('spike')
calm = memory.mark('calm')
print(base, spike.peak_bytes, spike.resident_bytes, calm.peak_bytes)
"""
    )
    assert peak - before == pytest.approx(200, abs=4)
    assert after - before == pytest.approx(0, abs=4)
    assert later - before == pytest.approx(0, abs=4)


def test_what_is_held_is_resident_in_every_later_phase():
    before, held, later = in_a_fresh_process(
        f"""
base = memory.mark('before').resident_bytes
{TAKE}
print(base, memory.mark('hold').resident_bytes, memory.mark('later').peak_bytes)
"""
    )
    assert held - before == pytest.approx(200, abs=4)
    assert later - before == pytest.approx(200, abs=4)


def test_the_size_of_the_parent_is_not_inherited():
    hoard = bytearray(300 * MEGABYTE)
    (peak,) = in_a_fresh_process("print(memory.mark('only').peak_bytes)")
    assert len(hoard) > peak * MEGABYTE


GOOD = Spec(plugin="naughty.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)
POLICY = Policy(processes=1, samples=20, sample_seconds=0.0001, settle_seconds=0.0, settle_cap_seconds=0.1)


def measured(misdeed, tmp_path, monkeypatch):
    """A Run as it comes out of a session, whose plugin misbehaves."""
    monkeypatch.setenv("DLBENCH_FAKE", misdeed)
    group = Group(0, (Member(GOOD),), 1)
    policy = msgspec.structs.replace(POLICY, latency_steps=2)
    with journal.begin(tmp_path / "out", Plan(session="s", specs=group.specs, policy=policy)) as book, Starter() as new:
        (run,) = schedule.record([group], book, Quiet(), here(new))
    assert run.status == "ok", run.reason
    return run


@pytest.mark.parametrize(
    ("misdeed", "metric", "megabytes"),
    [
        ("train_step:spike=200@30!", "memory_steady", 200),
        ("train_step:spike=200!", "memory_first_step", 200),
        ("build:allocate=1024!", "memory_build", 1024),
    ],
)
def test_known_allocations_are_found_in_their_phase_of_a_run(misdeed, metric, megabytes, tmp_path, monkeypatch):
    calm = measured("", tmp_path / "calm", monkeypatch)
    run = measured(misdeed, tmp_path / "odd", monkeypatch)
    values = [metrics.METRICS[metric].of(one) / MEGABYTE for one in (calm, run)]
    assert values[1] - values[0] == pytest.approx(megabytes, rel=0.02, abs=2)
    assert metrics.METRICS["memory_peak"].of(run) / MEGABYTE == pytest.approx(megabytes + values[0], rel=0.02, abs=2)


def test_a_leak_is_found_step_by_step_and_the_report_says_so(tmp_path, monkeypatch):
    assert leaks.growth(measured("", tmp_path / "calm", monkeypatch)) is None
    run = measured("train_step:leak=1024", tmp_path / "odd", monkeypatch)
    assert leaks.growth(run) / MEGABYTE == pytest.approx(1.0, rel=0.02)
    (said,) = [line for line in summarize([run]).warnings if "leak" in line]
    assert "1.00 MiB a step in 1 of 1 processes" in said


def resident(values, isolation="fresh"):
    samples = [
        Sample(stage="steady", steps=10, seconds=0.1, cpu_seconds=0.1, resident_bytes=int(value)) for value in values
    ]
    return bare_run(spec=spec(), isolation=isolation, samples=tuple(samples))


def test_what_is_taken_once_or_goes_up_and_down_is_no_leak():
    once = [500 * MEGABYTE] * 6 + [700 * MEGABYTE] * 24
    swinging = [(500 + 100 * (number % 2)) * MEGABYTE for number in range(30)]
    little = [500 * MEGABYTE + 1000 * number for number in range(30)]
    assert [leaks.growth(resident(values)) for values in (once, swinging, little)] == [None, None, None]
    growing = [(500 + number) * MEGABYTE for number in range(30)]
    assert leaks.growth(resident(growing)) == pytest.approx(MEGABYTE / 11)
    assert leaks.growth(resident(growing, isolation="none")) is None
    assert leaks.growth(resident(growing[:9])) is None
