"""Profiles of a prediction: the nodes of every run, by the runtime's own account, and the categories of their types."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from dlbench.plugin import STEP, UNATTRIBUTED, Category, ProfileEvent

TYPES: dict[Category, str] = {
    "matrix product": "Gemm MatMul FusedMatMul FusedGemm MatMulInteger TransposeMatMul MatMulAddFusion Einsum "
    "FullyConnected",
    "convolution": "Conv FusedConv NhwcFusedConv ConvTranspose Convolution GroupConvolution Deconvolution",
    "attention": "Attention MultiHeadAttention GroupQueryAttention ScaledDotProductAttention MHA "
    "ScaledDotProductAttentionWithKVCache",
    "recurrent cell": "LSTM GRU RNN LSTMSequence GRUSequence RNNSequence LSTMCell GRUCell RNNCell AttnLSTM RNNSeq",
    "normalisation": "LayerNormalization SkipLayerNormalization SimplifiedLayerNormalization BatchNormalization "
    "InstanceNormalization GroupNormalization MVN NormalizeL2 RMSNormalization RMS RMSNorm LRN",
    "elementwise": "Add Sub Mul Div Neg Exp Log Sqrt Rsqrt Pow Power Abs Sign Tanh Sigmoid Relu LeakyRelu PRelu Elu "
    "Selu Gelu FastGelu BiasGelu QuickGelu Silu Swish Softplus Clip Clamp Max Min Maximum Minimum Where Select Equal "
    "Greater Less LessOrEqual GreaterOrEqual Not And Or Erf Reciprocal Sin Cos Floor Ceil Round HardSigmoid HardSwish "
    "Eltwise Subgraph Subtract Multiply Divide Math Color",
    "reduction": "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL2 Reduce Softmax LogSoftmax MaxPool "
    "AveragePool GlobalAveragePool GlobalMaxPool ArgMax ArgMin TopK CumSum Sum Mean Pooling SoftMax AvgPool",
    "embedding": "Gather GatherND GatherElements Embedding EmbedLayerNormalization ScatterND ScatterElements OneHot",
    "random": "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli Dropout",
    "data movement": "Transpose Concat Split VariadicSplit Slice StridedSlice Pad Tile Expand Broadcast Cast Convert "
    "ReorderInput ReorderOutput Reorder MemcpyToHost MemcpyFromHost DepthToSpace SpaceToDepth ReverseSequence "
    "ConstantOfShape Range Trilu Concatenation",
    "dispatch": "Reshape Flatten Squeeze Unsqueeze Identity Shape Size Constant Loop If Scan Input Output Parameter "
    "Result ShapeOf TensorIterator MemoryInput MemoryOutput ReadValue Assign",
}
"""Types of nodes of ONNX and ONNX Runtime, and of OpenVINO's CPU plugin, by category."""
_BY_TYPE: dict[str, Category] = {name: kind for kind, names in TYPES.items() for name in names.split()}


class Node(NamedTuple):
    """A node of a run: its type, seconds from the run's start until it began, its seconds, and shapes of operands."""

    kind: str
    start: float
    seconds: float
    shapes: tuple[tuple[int, ...], ...] = ()


class Recorder(NamedTuple):
    """A second session of the same model that records its runs, and the nodes of so many of the last ones."""

    run: Callable[[Sequence[Any]], Any]
    nodes: Callable[[int], Sequence[Sequence[Node]]]


def category(kind: str) -> Category:
    """The category of a node's type; `unattributed` for one that the table lacks."""
    return _BY_TYPE.get(kind, UNATTRIBUTED)


def events(
    title: str, recorder: Recorder, step: Callable[[Callable[[Sequence[Any]], Any]], None]
) -> Iterator[ProfileEvent]:
    """Call the step with a run that records, and yield its events."""
    calls: list[tuple[float, float]] = []

    def run(inputs: Sequence[Any]) -> Any:
        start = time.perf_counter()
        found = recorder.run(inputs)
        calls.append((start, time.perf_counter() - start))
        return found

    begin = time.perf_counter()
    step(run)
    yield ProfileEvent(name=STEP, category="Python", start=begin, seconds=time.perf_counter() - begin)
    for (start, seconds), nodes in zip(calls, recorder.nodes(len(calls)), strict=True):
        yield ProfileEvent(name=f"{title}: a run", category="dispatch", start=start, seconds=seconds, count=0)
        for node in nodes:
            yield ProfileEvent(
                name=node.kind,
                category=category(node.kind),
                start=start + node.start,
                seconds=node.seconds,
                shapes=node.shapes,
            )
