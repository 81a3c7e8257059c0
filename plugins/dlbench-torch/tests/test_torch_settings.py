"""Settings of PyTorch: set, read back as they are in effect, and refused if this machine takes them without effect."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
import torch
from torch import nn

from dlbench import registry
from dlbench.errors import SpecError, Unsupported
from dlbench.measure import settings as reading
from dlbench.measure.build import build_checked, prepare
from dlbench.session.variants import fit
from dlbench.spec import Spec, Variant
from dlbench.spec.variant import variants
from dlbench_torch import compiling, readback, settings

pytestmark = pytest.mark.untimed

SPEC = Spec(plugin="torch.mlp", phase="train", path="eager", size="small", task="digits", batch_size=32, threads=1)
IMAGES = msgspec.structs.replace(SPEC, plugin="torch.cnn")


@pytest.fixture(autouse=True)
def switches_as_before() -> Iterator[None]:
    """Settings of the whole process, as they were."""
    yield
    settings.set_switches({"matmul": "highest", "onednn": "on", "deterministic": "off", "cudnn-benchmark": "off"})


def in_effect(spec, text):
    """Values that the built plugin reads back, and the model's precision."""
    table = {one.key: one for one in settings.table(spec)}
    fits = fit(spec, variants([text])[0], table)
    assert isinstance(fits, Variant), fits
    spec = msgspec.structs.replace(spec, variant=msgspec.structs.replace(fits, early=()))
    prepared = prepare(spec, registry.load(spec.plugin))
    info = build_checked(prepared.plugin, prepared.request)
    return reading.taken(spec, prepared.plugin), info.precision


@pytest.mark.parametrize(
    "text",
    [
        "a=onednn:off,denormals:keep,deterministic:on",
        "a=denormals:flush,onednn:on",
        "a=optimizer:single",
        "a=optimizer:foreach",
    ],
)
def test_what_is_set_is_read_back(text):
    found, precision = in_effect(SPEC, text)
    assert dict(variants([text])[0].settings).items() <= found.items()
    assert precision == "fp32"


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_the_layout_is_that_of_the_kernels_and_a_model_without_any_refuses_it(layout):
    assert in_effect(IMAGES, f"a=layout:{layout}")[0]["layout"] == layout
    with pytest.raises(Unsupported, match="the model has no convolution in two dimensions"):
        in_effect(SPEC, f"a=layout:{layout}")


def test_a_kernel_that_lies_the_same_way_in_both_layouts_tells_none_and_refuses_both():
    one_channel, pointwise = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1)
    for module in (one_channel, pointwise, nn.Sequential(one_channel, pointwise)):
        with pytest.raises(Unsupported, match="whose kernel differs between the layouts"):
            settings.lay_out(module, {"layout": "channels_first"})
    mixed = nn.Sequential(one_channel, nn.Conv2d(4, 4, 3))
    for layout in ("channels_first", "channels_last"):
        settings.lay_out(mixed, {"layout": layout})
        assert readback.layout(mixed.parameters()) == layout


def test_mixed_precision_is_the_precision_of_its_arm(monkeypatch):
    monkeypatch.setattr("dlbench.precision.cpu_flags", lambda: {"avx512_bf16"})
    found, precision = in_effect(SPEC, "a=amp:bf16")
    assert (found["amp"], precision) == ("bf16", "bf16")
    with pytest.raises(Unsupported, match="the variant says the precision bf16; leave --precision bf16 out"):
        in_effect(msgspec.structs.replace(SPEC, precision="bf16"), "a=amp:bf16")


def test_a_precision_of_products_that_rounds_nothing_here_is_refused(monkeypatch):
    monkeypatch.setattr(settings, "rounds", lambda _: False)
    with pytest.raises(
        SpecError, match=r"matmul:medium cannot be had here: PyTorch .* computes in float32 all the same"
    ):
        in_effect(SPEC, "a=matmul:medium")
    assert torch.get_float32_matmul_precision() == "highest"
    monkeypatch.setattr(settings, "rounds", lambda _: True)
    assert in_effect(SPEC, "a=matmul:medium")[0]["matmul"] == "medium"


@pytest.mark.parametrize("text", ["a=mode:reduce-overhead", "a=mode:max-autotune", "a=cudagraphs:on"])
def test_cuda_graphs_are_refused_on_a_cpu(text):
    with pytest.raises(SpecError, match="it records CUDA graphs, and the device is the CPU; choose"):
        in_effect(msgspec.structs.replace(SPEC, path="jit"), text)


def test_the_compiler_reads_its_options_while_it_compiles():
    asked = {"mode": "max-autotune-no-cudagraphs", "unsafe-math": "on"}
    compiler = compiling.Compiling("inductor", asked)
    assert compiler.in_effect() == {}, "nothing is known before"
    torch._dynamo.reset()
    torch.compile(lambda x: x + 1, backend=compiler)(torch.ones(3))
    assert asked.items() <= compiler.in_effect().items()
    assert compiler.in_effect()["dynamic"] == "off"
