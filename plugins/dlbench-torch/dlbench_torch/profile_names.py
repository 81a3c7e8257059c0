"""The table from names in PyTorch's profiles to dlbench's categories."""

from __future__ import annotations

import re

from dlbench.plugin import STEP, UNATTRIBUTED, Category
from dlbench.plugin_kit import category_by_pattern, category_table

SPANS: tuple[tuple[str, Category], ...] = (
    (r"Optimizer\.step#.*", "optimizer"),
    (r"Optimizer\.zero_grad#.*", "optimizer"),
    (r"autograd::engine::.*|torch::autograd::.*|\w+Backward\d*|\w*Backward|CppFunction|detach", "dispatch"),
    (r"TorchDynamo Cache Lookup|Dynamo Cache Lookup|Guards.*", "guards"),
    (r"(Torch-Compiled Region|Pregraph bytecode|AOTDispatcher|Compiled Graph|ConstantFoldedGraph).*", "dispatch"),
    (r"(## Call )?CompiledFxGraph.*", "fused code"),
    (r"cuda(Device|Stream|Event)Synchronize.*", "waiting"),
    (r"cuda\w+|cu[A-Z]\w+", "dispatch"),
)
"""Other spans, by patterns of their whole names; the first that fits."""
INDUCTORS = r"((graph_\d+_)?cpp|triton_\w+?)_fused_\w*"
"""Inductor's own kernels, named by the operations in them: `graph_0_cpp_fused_add_mul_2`, `triton_poi_fused_relu_0`."""
FUSED: tuple[tuple[str, Category], ...] = (
    (r".*_(native_layer_norm|native_batch_norm|native_group_norm|rms_norm).*", "normalisation"),
    (r".*_(nll_loss|log_softmax|mse_loss|binary_cross_entropy).*", "loss"),
    (r".*_(embedding|index|gather|scatter).*", "embedding"),
    (r".*_(rand|randn|bernoulli|dropout|philox).*", "random"),
    (r".*_(sum|mean|amax|amin|max|var|softmax|argmax|cumsum|avg_pool2d)(_.*)?", "reduction"),
    (
        r".*_(add|sub|mul|div|pow|sqrt|rsqrt|exp|log|tanh|relu|gelu|silu|sigmoid|threshold|where|neg|abs|lerp|clamp|"
        r"maximum|minimum|eq|ne|lt|le|gt|ge)(_.*)?",
        "elementwise",
    ),
    (r".*_(copy|cat|clone|permute|transpose|t|view|zeros|full|fill|constant_pad_nd|slice)(_.*)?", "data movement"),
)
"""Inductor's kernels, by weight: a kernel is what its heaviest part is. Products are none: those are `aten::mm`."""
KERNELS: tuple[tuple[str, Category], ...] = (
    (r"(?i).*(fmha|flash|attention).*", "attention"),
    (r"(?i).*(implicit_convolve|conv|dgrad|wgrad|fprop|winograd).*", "convolution"),
    (r"(?i).*(gemm|gemv|cutlass|cublas|nvjet|splitk).*", "matrix product"),
    (r"(?i).*(layer_norm|batch_norm|bn_fw|bn_bw|layernorm).*", "normalisation"),
    (r"(?i).*(adam|multi_tensor_apply|foreach).*", "optimizer"),
    (r"(?i).*(nll_loss|log_?softmax|LogSoftMax|cross_entropy).*", "loss"),
    (r"(?i).*(memcpy|memset|copy|catarray|transpose|fill).*", "data movement"),
    (r"(?i).*(embedding|gather|scatter|index).*", "embedding"),
    (r"(?i).*(philox|distribution|dropout|random).*", "random"),
    (r"(?i).*(reduce|softmax|pool).*", "reduction"),
    (r"(?i).*(elementwise|vectorized).*", "elementwise"),
)
"""Kernels of a GPU, by patterns of their names; the first that fits."""

_BY_NAME = category_table("dlbench_torch")


def category(name: str, *, on_device: bool = False) -> Category:
    """The category of a name in a profile; `unattributed` for one that this table lacks."""
    if name == STEP:
        return "Python"
    if re.fullmatch(INDUCTORS, name):
        kind = category_by_pattern(FUSED, name)
        return "fused code" if kind == UNATTRIBUTED else kind
    namespace, _, operator = name.rpartition("::")
    if not on_device and namespace == "aten":
        beside = f"{operator}_" if not operator.endswith("_") else operator[:-1]  # in place, and not
        known = _BY_NAME.get(operator) or _BY_NAME.get(beside)
        if known is not None:
            return known
    return category_by_pattern(KERNELS if on_device else SPANS, name)
