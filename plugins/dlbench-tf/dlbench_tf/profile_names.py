"""The tables from names in TensorFlow's profiles to dlbench's categories: operations, XLA's thunks, and spans."""

from __future__ import annotations

import re

from dlbench.plugin import UNATTRIBUTED, Category
from dlbench.plugin_kit import category_of_hlo

OPERATIONS: dict[Category, str] = {
    "matrix product": "MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum FusedMatMul XlaDotV2",
    "convolution": "Conv2D Conv2DBackpropInput Conv2DBackpropFilter Conv3D DepthwiseConv2dNative FusedConv2D "
    "Conv2DWithBias Conv2DBackpropFilterWithBias DepthwiseConv2dNativeBackpropInput "
    "DepthwiseConv2dNativeBackpropFilter PadWithConv2D",
    "recurrent cell": "LSTMBlockCell BlockLSTM BlockLSTMV2 BlockLSTMGrad BlockLSTMGradV2 GRUBlockCell CudnnRNN "
    "CudnnRNNV3 CudnnRNNBackprop CudnnRNNBackpropV3",
    "normalisation": "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 FusedBatchNormGradV3 LayerNorm FusedBatchNormEx",
    "elementwise": "Add AddV2 AddN Sub Mul MulNoNan Div RealDiv DivNoNan Neg Exp Log Log1p Sqrt Rsqrt Square Pow "
    "Abs Sign Tanh TanhGrad Sigmoid SigmoidGrad Relu ReluGrad LeakyRelu LeakyReluGrad Elu EluGrad Gelu Softplus "
    "SoftplusGrad Maximum Minimum GreaterEqual Greater Less LessEqual Equal NotEqual LogicalAnd LogicalOr "
    "LogicalNot Select SelectV2 BiasAdd SquaredDifference RsqrtGrad SqrtGrad Reciprocal ReciprocalGrad Inv InvGrad "
    "FloorDiv FloorMod Mod Floor Cast IsFinite Erf Sin Cos Xdivy Xlogy Swish",
    "reduction": "Sum Mean Max Min Prod All Any ArgMax ArgMin BiasAddGrad Softmax MaxPool MaxPoolGrad MaxPoolV2 "
    "AvgPool AvgPoolGrad L2Loss Cumsum BroadcastGradientArgs MaxPoolWithArgmax MaxPoolGradWithArgmax",
    "embedding": "Gather GatherV2 GatherNd ResourceGather ScatterNd UnsortedSegmentSum SegmentSum OneHot "
    "ResourceScatterAdd TensorScatterUpdate TensorScatterAdd SparseSegmentSum",
    "random": "RandomUniform RandomStandardNormal StatelessRandomUniform StatelessRandomUniformV2 "
    "StatelessRandomNormalV2 StatelessRandomGetKeyCounter StatelessRandomGetAlg StatelessRandomBits "
    "StatelessRandomUniformIntV2 TruncatedNormal StatelessRandomGetKeyCounterAlg StatelessRandomUniformFullIntV2",
    "data movement": "Transpose Concat ConcatV2 Split SplitV Slice StridedSlice StridedSliceGrad Pad PadV2 Pack "
    "Unpack Tile Fill ZerosLike OnesLike BroadcastTo ConcatOffset InvertPermutation Reverse ReverseV2 Copy MklToTf "
    "DeepCopy Range TensorListStack TensorListFromTensor TensorListGetItem TensorListSetItem TensorListReserve "
    "TensorArrayV3 ParallelConcat Bitcast Select TensorListPushBack TensorListPopBack EmptyTensorList",
    "optimizer": "ResourceApplyAdam ResourceApplyGradientDescent ResourceApplyMomentum "
    "ResourceApplyKerasMomentum ResourceApplyAdamWithAmsgrad",
    "loss": "SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits LogSoftmax",
    "dispatch": "ReadVariableOp AssignVariableOp AssignAddVariableOp AssignSubVariableOp Identity IdentityN "
    "Const _EagerConst Reshape Shape ShapeN Size Rank ExpandDims Squeeze NoOp _Arg _Retval StopGradient EnsureShape "
    "PreventGradient Placeholder VarHandleOp _Send _Recv _HostSend _HostRecv Switch Merge Enter Exit NextIteration "
    "LoopCond ControlTrigger DynamicStitch Snapshot StatefulPartitionedCall PartitionedCall While StatelessWhile If "
    "StatelessIf VarIsInitializedOp DestroyResourceOp Assert XlaLaunch _XlaRun _XlaCompile XlaLocalLaunchBase "
    "DeviceRetval ReadVariableXlaSplitND",
}
"""Types of operations, by category; of oneDNN's the name without `_Mkl`, of fused ones that of the first."""
SPANS: tuple[tuple[str, Category], ...] = (
    (r"FunctionRun|KernelAndDeviceFunc::Run|BlockUntilReady|.*::Wait\w*|.*[wW]aitFor\w*", "waiting"),
    (
        r"TFE_\w+|tf\.\w+|Eager\w+|KernelAndDeviceFunc::\w+|ValidateInput\w+|ExecutorState::\w+|ThunkExecutor::\w+|"
        r"\w*Executable::\w+|Threadpool\w+::\w+|__inference_\w+|ParallelFor\w*|SetupReferences|Execute\w*|"
        r"PjRt\w*::\w+|TfrtCpu\w*::\w+|CommonPjRt\w*::\w+|MakeTensorHandle\w*|Convert\w*|Xla\w+(::\w+)*|"
        r"FunctionHandle\w*|ExecutorDone\w*|convert_to_tensor|call|while|conditional|.*Allocat\w*|KernelThunk|Prepare\w*|ProcessFunctionLibrary\w*",
        "dispatch",
    ),
)
"""Spans around operations, by patterns of their names up to the first colon or bracket; the first that fits."""

_BY_TYPE: dict[str, Category] = {name: kind for kind, names in OPERATIONS.items() for name in names.split()}
_FIRST_WORD = re.compile(r"^_?(?:Mkl|OneDnn)?(?:Native)?(?:_?Fused)?")


def of_operation(kind: str) -> Category:
    """The category of an operation's type; `unattributed` for one that the table lacks."""
    plain = _FIRST_WORD.sub("", kind)
    return _BY_TYPE.get(kind) or _BY_TYPE.get(plain) or _BY_TYPE.get(f"{plain}V2", UNATTRIBUTED)


def of_kernel(name: str) -> Category:
    """The category of a kernel of a GPU, by the words of its name."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    return category_of_hlo(words)


def of_span(name: str) -> tuple[str, Category]:
    """A span's name, without what differs between calls, and its category."""
    plain = re.split(r"(?<!:):(?!:)|[#(]", name)[0].strip()
    kind = next((kind for pattern, kind in SPANS if re.fullmatch(pattern, plain)), UNATTRIBUTED)
    return ("XLA program" if plain.startswith("__inference_") else plain), kind
