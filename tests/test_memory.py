"""Peaks by phase, with allocations of known size, each in a process of its own."""

import subprocess
import sys

import pytest

from dlbench import memory

MEGABYTE = 1 << 20
pytestmark = pytest.mark.skipif(not memory._can_reset(), reason="this kernel cannot reset the high-water mark")


def in_a_fresh_process(body):
    program = f"from dlbench import memory\nimport mmap\nmemory.mark('start')\n{body}"
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
