"""The type in which products are taken, told by outputs alone: of NumPy models that round as they are told."""

from __future__ import annotations

import numpy as np
import pytest
from built import built

from dlbench.measure.rounding import KINDS, outputs_of, rounded, taken_in
from dlbench_fake.linear import LinearPlugin

pytestmark = pytest.mark.untimed

DRAWN = np.random.default_rng(1)
INPUTS, KERNEL = (DRAWN.standard_normal(shape, np.float32) for shape in ((16, 8), (8, 4)))


def model(kind="", way=0):
    def take(values):
        return list(rounded(values, kind))[way] if kind else values

    return lambda change: np.tanh(take(change(INPUTS)) @ take(KERNEL) + 0.1)


@pytest.mark.parametrize(
    ("outputs", "kinds"),
    [
        (model(), ("fp32",)),
        (model("bf16"), ("bf16",)),
        (model("bf16", 1), ("bf16",)),
        (model("fp16"), ("fp16", "tf32")),
        (model("tf32"), ("fp16", "tf32")),
        (model("tf32", 1), ("tf32",)),
        (lambda change: np.zeros((16, 4)), ()),
        (lambda change: change(INPUTS) * np.nan, ()),
        (lambda change: change(INPUTS) + DRAWN.standard_normal(), ()),
        (lambda change: np.sign(change(INPUTS)), ()),
    ],
    ids=["fp32", "bf16", "bf16 cut off", "fp16", "tf32", "tf32 cut off", "constant", "NaN", "random", "saturated"],
)
def test_the_outputs_tell_what_products_take(outputs, kinds):
    assert taken_in(outputs) == kinds


@pytest.mark.parametrize(("kind", "bits"), [("bf16", 7), ("tf32", 10), ("fp16", 10)])
def test_values_that_a_type_can_hold_stay_and_others_do_not(kind, bits):
    held = np.array([1 + 2.0**-bits, -(2.0**-9), 0.0, 3.5], np.float32)
    assert all(np.array_equal(found, held) for found in rounded(held, kind))
    finer = np.array([1 + 2.0 ** -(bits + 1) + 2.0**-20], np.float32)
    assert next(rounded(finer, kind))[0] == np.float32(1 + 2.0**-bits)
    assert list(rounded(finer, kind))[-1][0] in (1.0, np.float32(1 + 2.0**-bits))
    assert set(KINDS) == {"bf16", "tf32", "fp16"}


def test_of_tokens_the_kernels_are_rounded_and_of_anything_else_without_parameters_nothing_is_told():
    prepared = built(LinearPlugin(), seed=3)
    tokens = prepared.task.batch(0, 0).inputs
    kernels = prepared.plugin.export_parameters()

    def predict(inputs):
        found = prepared.plugin.predict(tokens)
        return next(iter(rounded(np.asarray(found), "bf16")))

    outputs = outputs_of(prepared.plugin, np.zeros((2, 2), np.int32), predict)
    assert outputs is not None
    assert outputs(np.array).shape == prepared.task.signature.outputs.shape
    before = outputs(np.array)
    assert not np.array_equal(outputs(lambda value: value * 2), before)
    assert np.array_equal(outputs(np.array), before)
    assert kernels.keys() == prepared.plugin.export_parameters().keys()
    assert outputs_of(object(), np.zeros((2, 2), np.int32), predict) is None
