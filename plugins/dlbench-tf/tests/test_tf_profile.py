"""A profile of TensorFlow's own profiler on each path: operations, thunks, and the waiting of Python for a graph."""

from types import SimpleNamespace
from typing import NamedTuple

import pytest
import tensorflow as tf

from dlbench.errors import Unsupported
from dlbench.plugin_kit import category_of_hlo
from dlbench_tf import layers, profile_names, profiling

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("path", ["eager", "graph", pytest.param("jit", marks=pytest.mark.slow)])
def test_a_step_has_its_operations_once(path):
    left, right = tf.ones([64, 64]), tf.ones([64, 64])

    def product(left, right):
        with layers.scope("dense0"):
            return tf.nn.relu(tf.linalg.matmul(left, right))

    step = product if path == "eager" else tf.function(product, jit_compile=path == "jit")
    step(left, right)
    programs = [step.experimental_get_compiler_ir(left, right)(stage="optimized_hlo")] if path == "jit" else []
    found = profiling.events(lambda: step(left, right).numpy(), programs, ["dense0/kernel"])
    work = [one for one in found if one.category == "matrix product"]
    assert len(work) == 1, [(one.name, one.category) for one in found]
    assert work[0].flops == (2 * 64**3 if path == "jit" else None)
    assert work[0].layer == ("" if path == "eager" else "dense0")
    assert not [one.name for one in found if one.category == "unattributed"]
    assert sum(one.name == "dlbench step" for one in found) == 1
    assert any(one.category == "dispatch" for one in found)


class Span(NamedTuple):
    """An event of a plane: a name's number, and picoseconds."""

    metadata_id: int
    offset_ps: int
    duration_ps: int


def test_runs_of_the_executor_that_overlap_end_where_the_next_begins():
    names = {1: SimpleNamespace(name="ExecutorState::Process#id=1#"), 2: SimpleNamespace(name="MatMul:MatMul")}
    plane = SimpleNamespace(event_metadata=names)
    spans = [Span(1, 0, 100), Span(1, 10, 20), Span(2, 40, 70), Span(1, 95, 30), Span(1, 200, 5)]
    assert profiling._ends(plane, spans) == [95, 30, 110, 125, 205]


def test_a_profiler_that_runs_already_is_refused(tmp_path):
    tf.profiler.experimental.start(str(tmp_path))
    try:
        with pytest.raises(Unsupported, match="TensorFlow's profiler does not start; end the other profile"):
            profiling.events(lambda: None)
    finally:
        tf.profiler.experimental.stop(save=False)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MatMul", "matrix product"),
        ("_MklNativeFusedMatMul", "matrix product"),
        ("ResourceApplyAdam", "optimizer"),
        ("AssignSubVariableOp", "optimizer"),
        ("_EagerConst", "dispatch"),
        ("_UnaryOpsComposition", "elementwise"),
        ("NeverHeardOf", "unattributed"),
    ],
)
def test_operations_have_the_category_of_the_table(name, kind):
    assert profile_names.of_operation(name) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dot.3", "matrix product"),
        ("convolution.12", "convolution"),
        ("multiply_add_fusion", "elementwise"),
        ("add_reduce_fusion", "reduction"),
        ("transpose_copy_fusion", "data movement"),
        ("concat_6", "data movement"),
        ("fusion.7", "fused code"),
        ("while.2", "dispatch"),
        ("mystery", "unattributed"),
    ],
)
def test_thunks_are_what_the_heaviest_part_of_their_name_is(name, kind):
    assert category_of_hlo(name) == kind
