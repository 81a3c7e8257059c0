"""The tables from names in TensorFlow's profiles to dlbench's categories: operations, XLA's thunks, and spans."""

from __future__ import annotations

import re

from dlbench.plugin import UNATTRIBUTED, Category
from dlbench.plugin_kit import category_by_pattern, category_of_hlo, category_table

SPANS: tuple[tuple[str, Category], ...] = (
    (r"FunctionRun|ExecutorDone\w*|KernelAndDeviceFunc::Run|BlockUntilReady|.*::Wait\w*|.*[wW]aitFor\w*", "waiting"),
    (
        r"TFE_\w+|tf\.\w+|Eager\w+|KernelAndDeviceFunc::\w+|ValidateInput\w+|ExecutorState::\w+|ThunkExecutor::\w+|"
        r"\w*Executable::\w+|Threadpool\w+::\w+|__inference_\w+|ParallelFor\w*|SetupReferences|Execute\w*|"
        r"PjRt\w*::\w+|TfrtCpu\w*::\w+|CommonPjRt\w*::\w+|MakeTensorHandle\w*|Convert\w*|Xla\w+(::\w+)*|"
        r"FunctionHandle\w*|convert_to_tensor|call|while|conditional|.*Allocat\w*|KernelThunk|Prepare\w*|"
        r"ProcessFunctionLibrary\w*",
        "dispatch",
    ),
)
"""Spans around operations, by patterns of their names up to the first colon or bracket; the first that fits.

`ExecutorDoneCallback` wakes the thread that waits for a graph. Where that gets the core at once, the span stays open
while the other thread goes on, and does nothing.
"""

_BY_TYPE = category_table("dlbench_tf")
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
    kind = category_by_pattern(SPANS, plain)
    return ("XLA program" if plain.startswith("__inference_") else plain), kind
