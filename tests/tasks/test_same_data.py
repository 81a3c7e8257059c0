"""Training data never changes: a figure of an older report was measured on the same batches."""

from __future__ import annotations

import numpy as np
import pytest

from dlbench.tasks import TaskRequest, open_task, random_stream

pytestmark = pytest.mark.untimed

BATCHES = {
    "cartpole": (-1.2111702481260616, 0.3182217082729131),
    "demand": (-9.96846496812598, 2.8121067899393877),
    "digits": (67.50984968042519, 3.332262685911855),
    "digits_gan": (-26.113721748808267, -9.712290427057477),
    "line": (5.186339209455398, 0.747416547227117),
    "sentiment": (19868.910133003716, 0.561455211185646),
    "synthetic": (2.7138694384271886, -9.0970255757884),
    "synthetic_gan": (-26.113721748808267, 2.0939096387682667),
    "text": (598.3456957377232, 1252.7815735184734),
    "vowels": (-34.484612178974324, 2.7708074747262086),
}
"""Of the batch (seed 5, step 7) of four samples for the size small: inputs and targets, each times random numbers."""


def fingerprint(array):
    """A number that any change of the array changes, and rounding on another processor does not."""
    return float(array.astype(np.float64).ravel() @ random_stream(1).standard_normal(array.size))


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_what_it_was_when_the_task_was_first_stated(name):
    if name == "text" and open_task(name, TaskRequest("small", 4)).info.data[-4:] != "3.11":
        pytest.skip("the help topics are those of another version of Python")
    batch = open_task(name, TaskRequest("small", 4)).batch(5, 7)
    assert [fingerprint(array) for array in batch] == pytest.approx(BATCHES[name], rel=1e-5)
