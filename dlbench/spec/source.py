"""A model of the user's own, and the arrays that it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from dlbench.errors import SpecError
from dlbench.spec.ranges import MOST, require, within

INPUT_DTYPES = ("float32", "int32", "int64", "uint8", "bool")
INPUT_FORM = "[NAME=]SHAPE[:DTYPE][<BELOW], the batch first, such as 32x3x224x224 or ids=8x128:int32<30522"
SAMPLE_FILES = (".npz", ".npy", ".csv")
"""Endings of files of samples, for models of one's own."""
_INPUT = re.compile(r"(?:([A-Za-z_]\w*)=)?(\d+(?:x\d+)*)(?::([a-z]+\d*))?(?:<(\d+))?")


class InputSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One array of a batch, the batch first.

    `float32` is drawn from a normal distribution, an integer is at least 0 and less than `below`, and a `bool` is
    either. `name` is the keyword of the model's call, empty for inputs by place. Raises SpecError.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    below: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        lengths = bool(self.shape) and all(1 <= length <= MOST for length in self.shape)
        require(lengths, "shape", self.shape, f"one length or more, each between 1 and {MOST}, the batch first")
        require(self.dtype in INPUT_DTYPES, "dtype", self.dtype, f"one of {', '.join(INPUT_DTYPES)}")
        ranged = self.below is None or self.dtype not in ("float32", "bool")
        require(ranged, "range", self.below, f"left out for {self.dtype}; only integers have one")
        if self.below is not None:
            within("range", self.below, (1, 256 if self.dtype == "uint8" else MOST))


class ModelSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of the user's own, as `--model` and its options name it; empty fields are inferred.

    `reference` is `file.py:NAME`, `package.module:NAME` or `loader:NAME`; files are seen from the folder in which the
    session was planned. `loss` and `optimizer` are names or `file.py:function`. `output` names the output that the loss
    reads. `data` is a file of samples. `convert` is the `file.py:function` that turns the baseline's state into this
    model's. Without data, `targets` is the array that the loss compares with and `outputs` the model's output. `target`
    is the quality that counts as trained, such as `accuracy:0.95`. `inferred` lists the facts that nobody stated, a
    line each. The reference of a model that an installed plugin makes is the plugin's name.
    """

    reference: str
    inputs: tuple[InputSpec, ...] = ()
    targets: InputSpec | None = None
    outputs: InputSpec | None = None
    output: str = ""
    loss: str = ""
    optimizer: str = ""
    data: str = ""
    target: str = ""
    convert: str = ""
    inferred: tuple[str, ...] = ()


Option = bool | int | float | str
"""A value of a keyword of a model's factory."""


def input_spec(text: str, option: str = "--input") -> InputSpec:
    """An array as `[NAME=]SHAPE[:DTYPE][<BELOW]` says it; float32, or int32 with a range.

    Raises SpecError that names the option.
    """
    match = _INPUT.fullmatch(text.strip())
    if match is None:
        raise SpecError(f"{option} {text!r} is not {INPUT_FORM}")
    name, lengths, dtype, below = match.groups()
    shape = tuple(map(int, lengths.split("x")))
    try:
        return InputSpec(shape, dtype or ("int32" if below else "float32"), int(below) if below else None, name or "")
    except SpecError as error:
        raise SpecError(f"{option} {text!r}: {error}") from error


def text(array: InputSpec) -> str:
    """An array as the command line says it."""
    name = f"{array.name}=" if array.name else ""
    below = "" if array.below is None else f"<{array.below}"
    return f"{name}{'x'.join(map(str, array.shape))}:{array.dtype}{below}"


def token_spec(text: str, vocabulary: int, option: str = "--tokens") -> InputSpec:
    """Tokens as `[NAME=]SHAPE` says them, each less than the vocabulary. Raises SpecError that names the option."""
    if ":" in text or "<" in text or _INPUT.fullmatch(text.strip()) is None:
        raise SpecError(f"{option} {text!r} is not [NAME=]SHAPE, such as 8x128; --vocabulary says their number")
    return msgspec.structs.replace(input_spec(text, option), dtype="int32", below=vocabulary)


def class_spec(count: int, batch_size: int) -> InputSpec:
    """Targets of a classification: one class of `count` for each sample, of the type that any loss takes."""
    return InputSpec((batch_size,), "int64", count)


def batch_size_of(specs: Iterable[InputSpec]) -> int:
    """The length of the first axis, which all of them share. Raises SpecError that names the lengths."""
    lengths = list(dict.fromkeys(spec.shape[0] for spec in specs))
    if len(lengths) != 1:
        found = " and ".join(map(str, lengths)) or "nothing"
        raise SpecError(f"the first axis of every input is the batch, and the inputs have {found}; give one length")
    return lengths[0]


def with_batch_size(spec: InputSpec, batch_size: int) -> InputSpec:
    """The same array for a batch of another size."""
    return msgspec.structs.replace(spec, shape=(batch_size, *spec.shape[1:]))
