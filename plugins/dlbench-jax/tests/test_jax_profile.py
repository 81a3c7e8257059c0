"""A profile of JAX's own profiler on both paths: thunks by their HLO names, and all of the step attributed."""

import jax
import jax.numpy as jnp
import pytest

from dlbench.errors import Unsupported
from dlbench.measure.profiling.attribution import attribute
from dlbench.measure.profiling.spans import window
from dlbench_jax import profiling

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("path", ["eager", "jit"])
def test_a_step_has_its_operations(path):
    left, right = jnp.ones((64, 64)), jnp.ones((64, 64))

    def product(left, right):
        with jax.named_scope("dense0"):
            return jax.nn.relu(left @ right)

    step = product if path == "eager" else jax.jit(product)
    float(step(left, right)[0, 0])

    def steps():
        for _ in range(3):
            float(step(left, right)[0, 0])

    programs = [step.lower(left, right).compile().as_text()] if path == "jit" else []
    found = profiling.events(steps, programs, ["dense0/kernel"])
    (whole,) = (one for one in found if one.name == "dlbench step")
    account = attribute("jax", window("jax", found, whole.seconds), 3)
    counts = {op.category: op.count for op in account.ops if op.count}
    assert counts["matrix product"] == 1
    assert path == "jit" or counts["elementwise"] >= 1  # a compiler may have it within the product
    work = [one for one in found if one.category == "matrix product" and one.count]
    assert {one.flops for one in work} == {2 * 64**3 if path == "jit" else None}
    assert {one.layer for one in work} == {"dense0" if path == "jit" else ""}
    unknown = sum(op.seconds for op in account.ops if op.category == "unattributed")
    assert unknown <= 0.1 * whole.seconds, [op.name for op in account.ops if op.category == "unattributed"]


def test_a_profiler_that_runs_already_is_refused(tmp_path):
    with jax.profiler.trace(str(tmp_path)), pytest.raises(Unsupported, match="JAX's profiler does not start"):
        profiling.events(lambda: None)
