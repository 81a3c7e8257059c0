"""A model that no plugin package brings, and the arrays that it takes."""

from __future__ import annotations

import msgspec


class InputSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One array of a batch, the batch first.

    `float32` is drawn from a normal distribution, an integer is at least 0 and less than `below`. `name` is the keyword
    of the model's call, empty for inputs by place.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    below: int | None = None
    name: str = ""


class ModelSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that no plugin package brings, as `--model` and its options name it; empty fields are inferred.

    `reference` is `file.py:NAME`, `package.module:NAME` or `loader:NAME`; files are seen from the folder in which the
    session was planned. `loss` and `optimizer` are names or `file.py:function`. `output` names the output that the loss
    reads. `data` is a file of samples. `convert` is the `file.py:function` that turns the baseline's state into this
    model's. `targets` is the array that the loss compares with, where there is no data.
    """

    reference: str
    inputs: tuple[InputSpec, ...] = ()
    targets: InputSpec | None = None
    output: str = ""
    loss: str = ""
    optimizer: str = ""
    data: str = ""
    convert: str = ""


Option = bool | int | float | str
"""A value of a keyword of a model's factory."""
