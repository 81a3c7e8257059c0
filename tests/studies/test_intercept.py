"""The intercept of a step's time over the batch size: the line, and the shares beside it."""

import pytest

from dlbench.record.explanation import Op, Profile
from dlbench.spec import Spec
from studies.explain.intercept import line, shares

pytestmark = pytest.mark.untimed


def test_a_line_is_found():
    found = line([1, 2, 4], [5, 7, 11])
    assert (found.intercept, found.slope) == (pytest.approx(3), pytest.approx(2))


def profile(batch):
    """A step : dispatch 1 ms, optimizer 1 ms, and 1 ms for each of the batch; profiled, 1.1 times as long."""
    parts = {"dispatch": 1.0, "optimizer": 1.0, "matrix product": 1.0 * batch}
    spec = Spec(plugin="a.mlp", path="eager", phase="train", task="line", size="small", batch_size=batch, threads=1)
    ops = tuple(Op(name=kind, category=kind, count=1, seconds=1.1e-3 * ms, busy=0) for kind, ms in parts.items())
    seconds = sum(parts.values()) * 1e-3
    return Profile(spec=spec, steps=1, seconds=1.1 * seconds, plain=seconds, cost=1.1, threads=1, ops=ops)


def test_what_does_not_grow_with_the_batch_is_host_and_optimizer():
    first, last = shares([profile(one) for one in (2, 8, 18)])[::2]
    assert first.by_line == pytest.approx(0.5)
    assert (first.host, first.optimizer) == (pytest.approx(0.25), pytest.approx(0.25))
    assert last.by_line == pytest.approx(0.1)
    assert max(first.apart, last.apart) < 1e-6


def test_work_of_the_smallest_batch_is_what_no_operation_does_without():
    first, last = shares([profile(one) for one in (2, 18)])
    assert first.fixed == pytest.approx(0.5)
    assert last.fixed == pytest.approx(2 / 20)
    assert last.unexplained == pytest.approx(10)
