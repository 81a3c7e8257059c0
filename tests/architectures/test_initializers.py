"""The values that every framework starts from: drawn by name and seed, the same wherever and whenever."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest

from dlbench import architectures
from dlbench.architectures.initializers import Initial, draw
from dlbench.plugin import Signature
from dlbench.tasks import TaskRequest, open_task

pytestmark = pytest.mark.untimed

Parameters = Mapping[str, np.ndarray]


def _signature(size: str = "small", sequence: int = 64) -> Signature:
    return open_task("text", TaskRequest(size, 32, (sequence,))).signature


def _bits(parameters: Parameters) -> str:
    return hashlib.sha256(b"".join(name.encode() + value.tobytes() for name, value in parameters.items())).hexdigest()


def test_initial_values_are_the_same_bits_in_another_process() -> None:
    code = (
        "import hashlib; from dlbench.architectures import configuration; from dlbench.tasks import *\n"
        "signature = open_task('text', TaskRequest('small', 32, (64,))).signature\n"
        "values = configuration('transformer', 'small').initial_parameters(signature, 11)\n"
        "print(hashlib.sha256(b''.join(n.encode() + v.tobytes() for n, v in values.items())).hexdigest())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    small = architectures.configuration("transformer", "small")
    assert result.stdout.strip() == _bits(small.initial_parameters(_signature(), 11))
    assert result.stdout.strip() != _bits(small.initial_parameters(_signature(), 12))


def test_initial_values_stay_as_they_were_in_recorded_runs() -> None:
    """Reports of different days are compared by seed: the drawing rule may not drift unseen."""
    frozen = np.array(
        [[0.2973228096961975, -0.46784713864326477], [-0.26134076714515686, 0.19258733093738556]], np.float32
    )
    np.testing.assert_array_equal(draw({"kernel": Initial((2, 2))}, 0)["kernel"], frozen)


def test_a_parameter_that_is_added_changes_no_other() -> None:
    few = {"b": Initial((4, 4)), "c": Initial((4, 4))}
    more = {"a": Initial((2, 2)), "c": Initial((4, 4)), "b": Initial((4, 4))}
    before, after = draw(few, 3), draw(more, 3)
    for name in few:
        np.testing.assert_array_equal(before[name], after[name])
    assert not np.array_equal(before["b"], before["c"])


def test_kernels_are_glorot_uniform_and_the_rest_is_zeros_and_ones() -> None:
    values = architectures.configuration("transformer", "base").initial_parameters(_signature("base", 128), 0)
    for name, value in values.items():
        kind = name.rpartition("/")[2]
        if kind in ("bias", "offset"):
            assert not value.any(), name
        elif kind == "scale":
            assert (value == 1).all(), name
        else:
            limit = 0.05 if name.startswith("embedding") else np.sqrt(6 / sum(value.shape))
            assert 0.99 * limit < np.abs(value).max() <= np.float32(limit), name
            assert np.std(value) == pytest.approx(limit / np.sqrt(3), rel=0.03), name
            assert np.mean(value) == pytest.approx(0.0, abs=0.02 * limit), name


def test_a_window_counts_in_both_fans_of_a_convolution() -> None:
    values = draw({"kernel": Initial((3, 3, 64, 128))}, 0)["kernel"]
    assert np.abs(values).max() == pytest.approx(np.sqrt(6 / (9 * (64 + 128))), rel=1e-3)
