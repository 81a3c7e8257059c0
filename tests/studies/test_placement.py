"""Placement of a product's memory and threads, by hand: the same product, and the page of spreads."""

from __future__ import annotations

import mmap
import os
import re

import msgspec
import numpy as np
import pytest
from example_runs import good_run

from dlbench.measure.build import prepare
from studies.decision_quality import placement
from studies.decision_quality.programs import HUGE, Bound, Gemm, InHugePage
from studies.decision_quality.workloads import WORKLOADS

pytestmark = pytest.mark.untimed


def _product(kind):
    plugin = kind()
    plugin.build(prepare(WORKLOADS["gemm"], plugin).request)
    plugin.predict(None)
    return plugin


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="no huge pages")
def test_the_matrices_lie_in_one_huge_page_and_the_product_is_the_same():
    plain, placed = _product(Gemm), _product(InHugePage)
    np.testing.assert_array_equal(placed._product, plain._product)
    starts = [array.ctypes.data for array in (placed._left, placed._right, placed._product)]
    assert starts[0] % HUGE == 0
    assert {start // HUGE for start in starts} == {starts[0] // HUGE}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity")
def test_a_bound_product_is_the_same_and_binds_each_thread_to_one_processor():
    before = {int(thread): os.sched_getaffinity(int(thread)) for thread in os.listdir("/proc/self/task")}  # noqa: PTH208
    try:
        np.testing.assert_array_equal(_product(Bound)._product, _product(Gemm)._product)
        assert len(os.sched_getaffinity(0)) == 1
    finally:
        for thread, processors in before.items():
            os.sched_setaffinity(thread, processors)


def test_the_spread_of_each_pair_is_over_groups_and_beside_the_spread_as_it_is():
    runs = []
    for group, level_of in enumerate(np.linspace(-1.0, 1.0, 9)):
        for (first, second), spread in zip(placement.PAIRS.values(), (0.02, 0.01, 0.02), strict=True):
            for name, level in ((first, 0.0), (second, spread * level_of)):
                run = good_run(group=group)
                samples = tuple(
                    msgspec.structs.replace(one, seconds=float(0.02 * np.exp(level)), steps=1) for one in run.samples
                )
                spec = msgspec.structs.replace(run.spec, plugin=f"{name}.gemm")
                runs.append(msgspec.structs.replace(run, spec=spec, samples=samples))
    rows = placement.spreads(runs).splitlines()[2:]
    shares = [float(re.findall(r"[\d.]+", row)[-1]) for row in rows]
    assert shares == [1.0, 0.5, 1.0]
