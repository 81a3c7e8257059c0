"""Facts that only an accelerator shows: its counters, the rounding of its products, and its name."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
import torch

from dlbench import registry
from dlbench.errors import Unsupported
from dlbench.measure.build import build_checked, prepare, stage
from dlbench.parity import check
from dlbench.spec import Policy, Spec
from dlbench.system import nvml
from dlbench.workers.child import fresh_child
from dlbench.workers.protocol import Build, Built, Close, Closed, First, Settle, Settled, Stepped, Take, Taken
from dlbench_torch import device

pytestmark = pytest.mark.gpu("torch.mlp")

SPEC = Spec(
    plugin="torch.mlp", phase="train", path="eager", size="small", task="digits", batch_size=32, device="gpu", threads=1
)
MEBIBYTE = 1 << 20


def changed(**changes):
    return msgspec.structs.replace(SPEC, **changes)


def built(spec):
    prepared = prepare(spec, registry.load(spec.plugin))
    return prepared, build_checked(prepared.plugin, prepared.request)


def losses(spec):
    prepared, info = built(spec)
    batches = [stage(prepared.plugin, spec, prepared.task.batch(0, step)) for step in range(8)]
    return info, np.array([float(prepared.plugin.train_step(batch)) for batch in batches])


def test_events_of_the_device_agree_with_the_clock_of_the_wall():
    """A step timed between two CUDA events takes as long as between two looks at the clock, or work escaped."""
    spec = changed(size="base", batch_size=4096)
    prepared, _ = built(spec)
    batch = stage(prepared.plugin, spec, prepared.task.batch(0, 0))
    for _ in range(10):
        float(prepared.plugin.train_step(batch))
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start = time.perf_counter()
    first.record()
    for _ in range(50):
        loss = prepared.plugin.train_step(batch)
    last.record()
    float(loss)
    seconds = time.perf_counter() - start
    torch.cuda.synchronize()
    assert first.elapsed_time(last) / 1000 == pytest.approx(seconds, rel=0.05)


def test_the_peak_is_that_of_a_known_allocation():
    prepared, _ = built(SPEC)
    prepared.plugin.reset_device_memory_peak()
    before = torch.cuda.memory_allocated()
    known = torch.empty(256 * MEBIBYTE, dtype=torch.uint8, device="cuda")
    del known
    assert prepared.plugin.device_memory_peak() == before + 256 * MEBIBYTE
    prepared.plugin.reset_device_memory_peak()
    assert prepared.plugin.device_memory_peak() == before


def test_the_driver_sees_what_was_taken():
    """Bytes of this process if its number is the host's (a container may hide it), and of the device always."""
    torch.cuda.empty_cache()
    torch.empty(1, device="cuda")
    held, free = nvml.device_bytes(), nvml.free_bytes("gpu")
    taken = torch.empty(1024 * MEBIBYTE, dtype=torch.uint8, device="cuda")
    held_now, free_now = nvml.device_bytes(), nvml.free_bytes("gpu")
    del taken
    torch.cuda.empty_cache()
    assert free - free_now == pytest.approx(1024 * MEBIBYTE, rel=0.02)
    assert (held is None) == (held_now is None)
    if held is not None:
        assert held_now - held == pytest.approx(1024 * MEBIBYTE, rel=0.02)


@pytest.mark.parametrize(("kind", "low", "high"), [("fp32", 0.0, 2e-6), ("tf32", 2e-5, 2e-3)])
def test_products_are_rounded_as_asked(kind, low, high):
    """Against float64 (cuBLAS keeps 23 bits of a factor in fp32, 10 in tf32)."""
    device.prepare(changed(precision=kind))
    generator = torch.Generator("cuda").manual_seed(0)
    left, right = (torch.randn(1024, 1024, device="cuda", generator=generator) for _ in range(2))
    exact = left.double() @ right.double()
    off = float(((left @ right).double() - exact).norm() / exact.norm())
    assert low <= off <= high


@pytest.mark.parametrize("kind", ["tf32", "bf16", "fp16"])
def test_less_precision_is_read_back_and_felt_in_the_losses(kind):
    exact, (info, rounded) = losses(changed(size="base"))[1], losses(changed(size="base", precision=kind))
    assert (info.precision, info.device) == (kind, "gpu:0")
    assert 0 < np.abs(rounded - exact).max() < 0.05


def test_the_device_computes_what_the_cpu_computes():
    here, there = losses(SPEC), losses(changed(device="cpu"))
    assert (here[0].device, there[0].device) == ("gpu:0", "cpu")
    np.testing.assert_allclose(here[1], there[1], rtol=check.TOLERANCES["losses"])


@pytest.mark.parametrize("word", ["auto", "gpu", "gpu:0"])
def test_what_was_resolved_is_read_back(word):
    assert losses(changed(device=word))[0].device == "gpu:0"


def test_a_device_too_many_is_one_line():
    with pytest.raises(Unsupported, match=f"looked for device gpu:{torch.cuda.device_count()}; .* finds cpu, gpu:0"):
        device.prepare(changed(device=f"gpu:{torch.cuda.device_count()}"))


def test_data_on_the_host_is_copied_and_gives_the_same_losses():
    spec = changed(data="host")
    prepared, _ = built(spec)
    found = [float(prepared.plugin.train_step(stage(prepared.plugin, spec, prepared.task.batch(0, n)))) for n in (0, 1)]
    np.testing.assert_allclose(found, losses(SPEC)[1][:2], rtol=1e-5)


def test_a_compiled_run_on_the_device_says_what_it_was():
    child = fresh_child(1, timeout=300.0)
    spec = changed(path="jit", size="base")
    made = child.request(Build(spec=spec), Built)
    child.request(First(), Stepped)
    child.request(Settle(policy=Policy(processes=1)), Settled)
    child.request(Take(stage="steady", steps=10), Taken)
    ended = child.request(Close(), Closed)
    assert (made.info.device, made.info.compiler) == ("gpu:0", "inductor")
    assert ended.compilation.graphs >= 1
    assert ended.compilation.breaks == ended.compilation.recompilations == 0
    assert ended.memory.device_peak_bytes > 0
    assert ended.peak_flop_rate > 0
    assert ended.load.gpu.clock_mhz > 0
