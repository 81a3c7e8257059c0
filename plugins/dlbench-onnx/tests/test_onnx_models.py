"""The core's architectures in both runtimes: as the NumPy version computes them.

Several threads are tried by `tests/test_equal_threads.py`.
"""

from __future__ import annotations

import sys

import msgspec
import numpy as np
import pytest

from dlbench import architectures, registry
from dlbench.errors import Unsupported
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.profiling.attribution import attribute
from dlbench.measure.profiling.spans import window
from dlbench.plugin import CATEGORIES
from dlbench.spec import Spec
from dlbench_onnx import openvino, profiling

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("one export")]

RUNTIMES = ("ort", "openvino")
SPEC = Spec(plugin="ort.mlp", phase="predict", path="graph", size="small", task="synthetic", batch_size=512, threads=1)
"""One program for all of these tests; its batch is large because OpenVINO's profile counts whole microseconds."""


def spec_of(runtime, architecture="mlp", **more):
    task = architectures.default_task(architecture)
    return msgspec.structs.replace(SPEC, plugin=f"{runtime}.{architecture}", task=task, **more)


def built(spec):
    prepared = prepare(spec, registry.load(spec.plugin))
    return prepared, build_checked(prepared.plugin, prepared.request)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_mlp_predicts_as_the_numpy_version(runtime):
    prepared, info = built(spec_of(runtime))
    request, inputs = prepared.request, prepared.task.batch(0, 0).inputs
    expected = request.configuration.forward(request.parameters, inputs, request.signature)
    assert np.abs(prepared.plugin.predict(inputs) - expected).max() < 5e-6
    assert (info.threads, info.path, info.precision, info.compiler) == (1, "graph", "fp32", None)
    assert info.details["denormals"] == "flushed to zero"


@pytest.mark.parametrize("phase", ["train", "converge"])
def test_training_is_refused_with_the_reason_and_the_phase_that_there_is(phase):
    spec = spec_of("ort", phase=phase)
    with pytest.raises(Unsupported, match=f"phase {phase}: ONNX Runtime runs finished.* choose --phase predict"):
        prepare(spec, registry.load(spec.plugin))


@pytest.mark.parametrize("path", ["eager", "jit"])
def test_other_paths_are_refused_with_the_one_that_there_is(path):
    with pytest.raises(Unsupported, match=f"path {path}: .* choose graph"):
        built(spec_of("openvino", path=path))


def test_a_gpu_is_refused_in_one_line_where_the_build_has_no_provider_for_it():
    with pytest.raises(Unsupported, match=r"looked for device gpu; ONNX Runtime [\d.]+ finds cpu here"):
        built(spec_of("ort", device="gpu"))


def test_the_exporter_is_gone_before_anything_runs():
    """PyTorch in the runtime's process would stand in its memory and its threads."""
    program = (
        "import sys\nfrom dlbench_onnx.ort import plugin\nplugin()\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnxscript', 'dlbench_torch')))"
    )
    import subprocess

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_profile_has_the_nodes_of_every_run_within_it(runtime):
    prepared, _ = built(spec_of(runtime))
    plugin, inputs = prepared.plugin, prepared.task.batch(0, 0).inputs
    before = plugin.predict(inputs)
    found = plugin.profile(lambda: [plugin.predict(inputs) for _ in range(3)])
    assert np.array_equal(plugin.predict(inputs), before)
    account = attribute("onnx", window("onnx", found, found[0].seconds), 3)
    counts = {kind: sum(op.count for op in account.ops if op.category == kind) for kind in CATEGORIES}
    assert counts["matrix product"] >= 2
    assert not [op.name for op in account.ops if op.category == "unattributed"]


def test_a_run_that_was_interrupted_takes_the_time_of_its_nodes_with_it():
    before = {"a": ("FullyConnected", 0.010), "b": ("Softmax", 0.005)}
    runs = [0.020, 0.100, 0.020]
    mean = (2 * 0.010 + 0.110) / 5  # of two first runs, and of three in which the node took 110 ms in all
    found = openvino._nodes(before, {**before, "a": ("FullyConnected", mean)}, runs)
    assert [sum(one.seconds for one in nodes) <= run for nodes, run in zip(found, runs, strict=True)] == [True] * 3
    assert sum(nodes[0].seconds for nodes in found) == pytest.approx(0.110)
    assert [nodes[1].start for nodes in found] == pytest.approx([nodes[0].seconds for nodes in found])


def test_types_of_nodes_have_categories():
    assert profiling.TYPES["FusedMatMul"] == "matrix product"
    assert "NeverHeardOf" not in profiling.TYPES
