"""Models of the user's own: a module of PyTorch is exported, and a file is taken as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlbench.api import subjects
from dlbench.errors import SpecError, Unsupported
from dlbench.measure.build import build_checked, prepare
from dlbench.measure.describe import describe_model
from dlbench.plugin import InputSpec, ModelSource
from dlbench.registry import adaptors
from dlbench.spec import Spec
from dlbench_onnx import files

pytestmark = pytest.mark.untimed

NETS = Path(__file__).with_name("onnx_nets.py")
RUNTIMES = ("ort", "openvino")
ROWS = (InputSpec((4, 8)),)


def spec_of(runtime, reference, inputs=ROWS, outputs=(4, 3), **more):
    targets = InputSpec(outputs)
    source = ModelSource(reference=reference, inputs=inputs, targets=targets, outputs=targets, loss="mse", **more)
    return Spec(
        plugin=f"{runtime}.own",
        phase="predict",
        path="graph",
        size="small",
        task="synthetic_inputs",
        batch_size=4,
        threads=1,
        model=source,
    )


def built(spec):
    prepared = prepare(spec, adaptors.load_plugin(spec))
    return prepared, build_checked(prepared.plugin, prepared.request)


def save(path, batch=4, operator="MatMul", domain=""):
    """A file with one product: 8 features to 3."""
    weight = numpy_helper.from_array(np.arange(24, dtype=np.float32).reshape(8, 3) / 24, "weight")
    node = helper.make_node(operator, ["x", "weight"], ["y"], domain=domain)
    rows, outputs = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, n]) for name, n in (("x", 8), ("y", 3))
    )
    graph = helper.make_graph([node], "product", [rows], [outputs], [weight])
    opsets = [helper.make_opsetid("", 18), *([helper.make_opsetid(domain, 1)] if domain else [])]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return numpy_helper.to_array(weight)


def test_a_module_is_exported_with_the_weights_of_its_seed_and_predicts_as_in_pytorch():
    spec = spec_of("ort", f"{NETS}:Net")
    prepared, info = built(spec)
    same = msgspec.structs.replace(spec, plugin="torch.own", path="eager")
    other, own = built(same)
    inputs = prepared.task.batch(0, 0).inputs
    assert np.allclose(prepared.plugin.predict(inputs), other.plugin.predict(inputs), rtol=0, atol=5e-6)
    assert info.parameter_count == own.parameter_count
    assert prepared.plugin.flops(None) == other.plugin.flops(other.plugin.stage(other.task.batch(0, 0)))
    exported, wanted = prepared.plugin.export_parameters(), other.plugin.export_parameters()
    assert exported.keys() == wanted.keys()
    assert "norm.running_mean" in exported
    moved = {name: value + np.float32(0.1) for name, value in exported.items()}
    prepared.plugin.import_parameters(moved)
    other.plugin.import_parameters(moved)
    assert np.allclose(prepared.plugin.predict(inputs), other.plugin.predict(inputs), rtol=0, atol=5e-6)


def test_an_operator_that_onnx_cannot_express_is_named():
    with pytest.raises(Unsupported, match=r"ONNX has no form of the operator aten\.\w*eig"):
        built(spec_of("ort", f"{NETS}:Inexpressible", outputs=(4, 8)))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_says_what_it_takes_and_is_run_as_it_is(runtime, tmp_path):
    weight = save(tmp_path / "product.onnx")
    reference = f"onnx:{tmp_path / 'product.onnx'}"
    provisional = msgspec.structs.replace(spec_of(runtime, reference, ()), path="eager")
    said = describe_model(provisional, runtime)
    assert (said.framework, said.paths, said.phases) == (runtime, ("graph",), ("predict",))
    assert (said.inputs, said.outputs.shape) == (ROWS, (4, 3))
    prepared, info = built(spec_of(runtime, reference))
    inputs = prepared.task.batch(0, 0).inputs
    assert np.allclose(prepared.plugin.predict(inputs), inputs @ weight, atol=1e-5)
    assert info.parameter_count == 24
    assert info.details["model file"].startswith("sha256 ")
    prepared.plugin.import_parameters({"weight": 2 * weight})
    assert np.allclose(prepared.plugin.predict(inputs), inputs @ (2 * weight), atol=1e-5)
    assert np.array_equal(prepared.plugin.export_parameters()["weight"], 2 * weight)


def test_an_output_that_is_no_array_is_in_the_way_of_none_that_is(tmp_path):
    """As scikit-learn's classifiers have one, of maps."""
    save(path := tmp_path / "several.onnx")
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("SequenceConstruct", ["y"], ["several"]))
    model.graph.output.append(helper.make_tensor_sequence_value_info("several", TensorProto.FLOAT, None))
    onnx.save(model, path)
    inputs, output = files.stated(f"onnx:{path}", "y")
    assert (inputs, output.shape, files.read(f"onnx:{path}", (), "y").output) == (ROWS, (4, 3), "y")


def test_a_file_with_an_open_batch_needs_the_input_and_takes_any_length(tmp_path):
    weight = save(tmp_path / "open.onnx", batch="N")
    reference = f"onnx:{tmp_path / 'open.onnx'}"
    without, given = (describe_model(spec_of("ort", reference, rows), "ort") for rows in ((), ROWS))
    assert (without.inputs, without.outputs) == ((), None)
    assert given.outputs.shape == (4, 3)
    prepared, _ = built(spec_of("ort", reference))
    inputs = prepared.task.batch(0, 0).inputs
    assert np.allclose(prepared.plugin.predict(inputs), inputs @ weight, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "more", "said"),
    [
        ((InputSpec((4, 9)),), {}, r"takes x as 4x8:float32, and 4x9:float32 was asked for"),
        ((InputSpec((4, 8), name="z"),), {}, r"takes the inputs x, and z were named"),
        (ROWS, {"output": "nothing"}, r"output nothing: the model returns y"),
    ],
)
def test_what_does_not_fit_a_file_is_said_in_one_line(inputs, more, said, tmp_path):
    save(tmp_path / "product.onnx")
    with pytest.raises(SpecError, match=said):
        built(spec_of("ort", f"onnx:{tmp_path / 'product.onnx'}", inputs, **more))


def test_weights_in_a_file_beside_the_model_are_in_its_digest(tmp_path):
    file = tmp_path / "product.onnx"
    save(file)
    beside = {"save_as_external_data": True, "location": "weights", "size_threshold": 0}
    onnx.save(onnx.load(file), file, **beside)
    digests = []
    for step in (1.0, 2.0):
        weights = np.fromfile(tmp_path / "weights", np.float32)
        (step * weights).tofile(tmp_path / "weights")
        _, info = built(spec_of("ort", f"onnx:{file}"))
        digests.append(info.details["model file"])
    assert len(set(digests)) == 2


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "words.onnx").write_text("not a model")
    (tmp_path / "empty.onnx").touch()
    none = (("words.onnx", "is no ONNX file"), ("gone.onnx", "there is no such file"), ("empty.onnx", "has no output"))
    for name, said in none:
        with pytest.raises(SpecError, match=said):
            built(spec_of("ort", f"onnx:{tmp_path / name}"))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_operator_that_a_runtime_lacks_is_its_own_word(runtime, tmp_path):
    save(tmp_path / "odd.onnx", operator="Frobnicate", domain="acme")
    with pytest.raises(Unsupported, match=r"cannot run this model: [\s\S]*Frobnicate"):
        built(spec_of(runtime, f"onnx:{tmp_path / 'odd.onnx'}"))


def test_the_ending_of_a_file_names_its_loader():
    (found,) = subjects.models({"model": ("ort=some/net.onnx",)})
    assert (found.framework, found.source.reference, found.architecture) == (
        "ort",
        "onnx:some/net.onnx",
        "some-net.onnx",
    )
    with pytest.raises(SpecError, match="is not"):
        subjects.models({"model": ("net.unknown",)})


@pytest.mark.slow
def test_the_commands_measure_a_module_in_all_runtimes_and_check_it_by_themselves(tmp_path):
    models = [text for name in ("torch", *RUNTIMES) for text in ("--model", f"{name}={NETS}:Net")]
    command = [
        sys.executable,
        "-m",
        "dlbench",
        "run",
        *models,
        "--input",
        "4x8",
        "--quick",
        "--out",
        str(tmp_path / "r"),
    ]
    done = subprocess.run([*command, "--phase", "predict"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in RUNTIMES:
        assert f"{name}.Net graph" in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("same model: yes") == 2
