"""TensorFlow fixes its threads when it starts: start it with one, unless somebody has started it before these tests."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest
import tensorflow as tf

sys.path.append(str(Path(__file__).parent))  # tests find tf_building, wherever pytest was started


@pytest.fixture(autouse=True, scope="session")
def threads() -> int:
    """Threads of this process's TensorFlow."""
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf.config.threading.get_intra_op_parallelism_threads()
