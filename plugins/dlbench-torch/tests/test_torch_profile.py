"""A profile of PyTorch's own profiler: every operation has its category, and all of the step is attributed."""

import ast
import subprocess
import sys

import pytest
import torch
from torch.profiler import profile

from dlbench.errors import Unsupported
from dlbench_torch import profiling
from dlbench_torch.profile_names import category

pytestmark = pytest.mark.untimed


def test_an_eager_step_has_its_operators_once_with_shapes_and_flops():
    layer, data = torch.nn.Linear(8, 4), torch.rand(2, 8)
    optimizer = torch.optim.Adam(layer.parameters(), fused=True)

    def step():
        torch.nn.functional.mse_loss(torch.relu(layer(data)), torch.zeros(2, 4)).backward()
        optimizer.step()

    step()
    found = profiling.events(step)
    kinds = {one.name: one.category for one in found}
    assert not [one.name for one in found if one.category == "unattributed"]
    assert kinds["aten::addmm"] == "matrix product"
    assert kinds["aten::mse_loss"] == "loss"
    assert kinds["Optimizer.step#Adam.step"] == "optimizer"
    (product,) = (one for one in found if one.name == "aten::addmm")
    assert product.flops == 2 * 2 * 8 * 4
    assert product.shapes[1:3] == ((2, 8), (8, 4))
    (whole,) = (one for one in found if one.name == "dlbench step")
    assert all(whole.start <= one.start <= whole.start + whole.seconds for one in found)


def test_operations_forward_and_backward_belong_to_their_layers():
    layers = torch.nn.ModuleDict({"dense0": torch.nn.Linear(8, 4), "output": torch.nn.Linear(4, 2)})
    data = torch.rand(2, 8)

    def step():
        for _ in range(2):
            hidden = torch.tanh(layers["dense0"](data))
            torch.nn.functional.mse_loss(layers["output"](hidden), torch.zeros(2, 2)).backward()

    found = profiling.events(step, layers)
    of = {
        name: [one.layer for one in sorted(found, key=lambda one: one.start) if one.name == name]
        for name in ("aten::addmm", "aten::mm", "aten::tanh", "aten::mse_loss", "aten::tanh_backward")
    }
    assert of["aten::addmm"] == ["dense0", "output"] * 2
    assert of["aten::mm"] == ["output", "output", "dense0"] * 2  # the inputs of the first need no gradient
    assert set(of["aten::tanh"] + of["aten::mse_loss"] + of["aten::tanh_backward"]) == {""}
    assert not any(one.name.startswith("dlbench layer") for one in found)
    assert {one.layer for one in profiling.events(step)} == {""}


def test_a_profiler_that_runs_already_is_refused():
    with profile(), pytest.raises(Unsupported, match="runs already"):
        profiling.events(lambda: None)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
def test_a_scripted_module_has_operations_and_no_layers():
    layers = torch.nn.ModuleDict({"dense0": torch.jit.script(torch.nn.Linear(8, 4)), "output": torch.nn.Linear(4, 2)})
    found = profiling.events(lambda: layers["output"](layers["dense0"](torch.rand(2, 8))), layers)
    assert {one.layer for one in found} == {"", "output"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::t", "dispatch"),
        ("aten::numpy_T", "dispatch"),
        ("aten::index_select_backward", "embedding"),
        ("autograd::engine::evaluate_function: AddmmBackward0", "dispatch"),
        ("TorchDynamo Cache Lookup", "guards"),
        ("CompiledFxGraph", "fused code"),
        ("graph_0_cpp_fused_add_mul_pow_2", "elementwise"),
        ("graph_12_cpp_fused__log_softmax_nll_loss_forward_0", "loss"),
        ("graph_0_cpp_fused_native_layer_norm_native_layer_norm_backward_3", "normalisation"),
        ("graph_0_cpp_fused_max_pool2d_with_indices_relu_1", "reduction"),
        ("graph_0_cpp_fused_mean_mul_1", "reduction"),
        ("graph_0_cpp_fused_addmm_1", "fused code"),
        ("triton_poi_fused_permute_0", "data movement"),
        ("AOTDispatcher Runtime Wrapper Prologue", "dispatch"),
        ("aten::_foreach_mul", "elementwise"),
        ("aten::divide_", "elementwise"),
        ("aten::random_", "dispatch"),
        ("aten::never_heard_of", "unattributed"),
        ("aten::never_heard_of_", "unattributed"),
    ],
)
def test_names_have_the_category_of_the_table(name, kind):
    assert category(name) == kind


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("## Call CompiledFxGraph None ##", "CompiledFxGraph"),
        ("## Call CompiledFxGraph fabc3 ##", "CompiledFxGraph"),
        ("Torch-Compiled Region: 0/1", "Torch-Compiled Region"),
        ("graph_12_cpp_fused_add_2", "cpp_fused_add_2"),
        ("aten::mm", "aten::mm"),
    ],
)
def test_names_leave_out_the_numbers_of_a_run(name, short):
    assert profiling._short(name) == short


INSTRUMENTED = """
import torch
from dlbench_torch import profiling
profiling.instrument()
step = torch.compile(lambda left, right: torch.tanh(left @ right) / (1 - 0.9 ** right.sum()))
data = torch.rand(16, 16)
step(data, data)
print([(one.name, one.category) for one in profiling.events(lambda: step(data, data))])
"""


@pytest.mark.slow
def test_the_profile_of_instrumented_code_has_its_kernels_by_name():
    done = subprocess.run([sys.executable, "-c", INSTRUMENTED], capture_output=True, text=True, check=True)
    found = dict(ast.literal_eval(done.stdout.splitlines()[-1]))
    assert found["CompiledFxGraph"] == "dispatch", found
    assert found["aten::mm"] == "matrix product", found
    kernels = {kind for name, kind in found.items() if name.startswith("cpp_fused_") and "pow" in name}
    assert kernels <= {"reduction", "elementwise"}, found
    assert kernels, found


def test_kernels_of_a_device_are_known_by_their_names():
    names = {
        "ampere_sgemm_128x64_tn": "matrix product",
        "void at::native::vectorized_elementwise_kernel<4>": "elementwise",
    }
    assert {name: category(name, on_device=True) for name in names} == names
