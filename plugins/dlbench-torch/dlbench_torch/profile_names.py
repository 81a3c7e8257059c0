"""The table from names in PyTorch's profiles to dlbench's categories."""

from __future__ import annotations

import re

from dlbench.plugin import STEP, UNATTRIBUTED, Category

OPERATORS: dict[Category, str] = {
    "matrix product": "mm addmm bmm baddbmm matmul addmv mv dot addbmm _addmm_activation mkldnn_linear "
    "mkldnn_linear_backward _mkl_linear mkldnn_linear_pointwise",
    "convolution": "conv1d conv2d conv3d convolution _convolution convolution_overrideable mkldnn_convolution "
    "thnn_conv2d convolution_backward mkldnn_convolution_backward _conv_depthwise2d cudnn_convolution "
    "_slow_conv2d_forward _convolution_pointwise",
    "attention": "scaled_dot_product_attention _scaled_dot_product_flash_attention_for_cpu "
    "_scaled_dot_product_flash_attention_for_cpu_backward _scaled_dot_product_attention_math "
    "_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_backward "
    "_scaled_dot_product_efficient_attention _scaled_dot_product_efficient_attention_backward",
    "recurrent cell": "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell "
    "mkldnn_rnn_layer mkldnn_rnn_layer_backward _thnn_fused_lstm_cell _cudnn_rnn",
    "normalisation": "layer_norm native_layer_norm native_layer_norm_backward batch_norm _batch_norm_impl_index "
    "native_batch_norm native_batch_norm_backward cudnn_batch_norm group_norm native_group_norm rms_norm "
    "_fused_rms_norm",
    "elementwise": "add add_ sub sub_ mul mul_ div div_ neg neg_ exp exp_ log log_ sqrt sqrt_ rsqrt pow pow_ abs "
    "sign tanh tanh_ sigmoid sigmoid_ relu relu_ leaky_relu leaky_relu_ gelu silu elu clamp clamp_min clamp_ "
    "threshold_backward softplus softplus_backward elu_backward hardtanh hardtanh_backward tanh_backward "
    "sigmoid_backward leaky_relu_backward gelu_backward silu_backward where maximum minimum eq ne lt le gt ge "
    "logical_and logical_not bitwise_and addcmul addcmul_ addcdiv addcdiv_ lerp lerp_ reciprocal square cos sin erf "
    "masked_fill masked_fill_ rsub native_dropout native_dropout_backward dropout _foreach_add_ _foreach_mul_ "
    "_foreach_addcmul_ _foreach_addcdiv_ _foreach_sqrt _foreach_div_ _foreach_lerp_ _foreach_sub_ _foreach_neg "
    "isnan isfinite tril triu isinf round floor ceil",
    "reduction": "sum mean max min amax amin argmax argmin norm linalg_vector_norm prod var std softmax _softmax "
    "_softmax_backward_data logsumexp cumsum any all max_pool2d max_pool2d_with_indices "
    "max_pool2d_with_indices_backward avg_pool2d avg_pool2d_backward adaptive_avg_pool2d _adaptive_avg_pool2d "
    "_adaptive_avg_pool2d_backward topk sort bincount mkldnn_max_pool2d",
    "embedding": "embedding embedding_backward embedding_dense_backward gather gather_backward index_select "
    "index index_put index_put_ _index_put_impl_ scatter scatter_ scatter_add scatter_add_ index_add_ take",
    "random": "bernoulli bernoulli_ rand randn randint normal_ uniform_ randperm multinomial rand_like randn_like",
    "data movement": "copy_ clone contiguous cat stack _to_copy to pad constant_pad_nd fill_ zero_ roll flip "
    "repeat zeros zeros_like ones ones_like full full_like slice_backward select_backward "
    "mkldnn_reorder_conv2d_weight to_mkldnn to_dense _reshape_copy _mkldnn_transpose arange scalar_tensor "
    "lift_fresh split_copy unfold_backward _pack_padded_sequence _pad_packed_sequence",
    "optimizer": "_fused_adam_ _fused_adamw_ _fused_sgd_ _fused_adagrad_",
    "loss": "cross_entropy_loss nll_loss nll_loss_nd nll_loss_forward nll_loss_backward mse_loss "
    "mse_loss_backward log_softmax _log_softmax _log_softmax_backward_data binary_cross_entropy_with_logits "
    "binary_cross_entropy nll_loss2d_forward nll_loss2d_backward huber_loss smooth_l1_loss l1_loss",
    "dispatch": "linear t transpose transpose_ as_strided as_strided_ view _unsafe_view reshape _reshape_alias "
    "expand expand_as permute squeeze squeeze_ unsqueeze unsqueeze_ select slice narrow split split_with_sizes "
    "chunk unbind flatten unflatten detach detach_ alias resolve_conj resolve_neg empty empty_like empty_strided "
    "new_empty new_zeros resize_ item _local_scalar_dense movedim swapaxes unfold numel result_type set_ view_as "
    "is_nonzero broadcast_to ravel unsafe_split accumulate_grad _unsafe_index random_ broadcast_tensors "
    "new_empty_strided sum_to_size conj real cudnn_is_acceptable _has_compatible_shallow_copy_type requires_grad_ "
    "view_as_real resize_as_",
}
"""Operators of the namespace `aten`, by category; those that only make a view cost their dispatch."""
SPANS: tuple[tuple[str, Category], ...] = (
    (r"Optimizer\.step#.*", "optimizer"),
    (r"Optimizer\.zero_grad#.*", "optimizer"),
    (r"autograd::engine::.*|torch::autograd::.*|\w+Backward\d*|\w*Backward|CppFunction|detach", "dispatch"),
    (r"TorchDynamo Cache Lookup|Dynamo Cache Lookup|Guards.*", "guards"),
    (r"(Torch-Compiled Region|Pregraph bytecode|AOTDispatcher|Compiled Graph|ConstantFoldedGraph).*", "dispatch"),
    (r"(## Call )?CompiledFxGraph.*|graph_\d+_.*cpp_\w+|triton_.*", "fused code"),
    (r"cuda(Device|Stream|Event)Synchronize.*", "waiting"),
    (r"cuda\w+|cu[A-Z]\w+", "dispatch"),
)
"""Other spans, by patterns of their whole names; the first that fits."""
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
    (r"triton_.*", "fused code"),
)
"""Kernels of a GPU, by patterns of their names; the first that fits."""

_BY_NAME: dict[str, Category] = {name: kind for kind, names in OPERATORS.items() for name in names.split()}


def category(name: str, *, on_device: bool = False) -> Category:
    """The category of a name in a profile; `unattributed` for one that this table lacks."""
    if name == STEP:
        return "Python"
    namespace, _, operator = name.rpartition("::")
    if not on_device and namespace == "aten" and operator in _BY_NAME:
        return _BY_NAME[operator]
    for pattern, kind in KERNELS if on_device else SPANS:
        if re.fullmatch(pattern, name):
            return kind
    return UNATTRIBUTED
