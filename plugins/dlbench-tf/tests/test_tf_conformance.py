"""Every architecture on every path against the contract and the core's NumPy version."""

from __future__ import annotations

import pytest

from dlbench import conformance
from dlbench.spec import PATHS
from dlbench_tf import __all__ as names

pytestmark = pytest.mark.untimed

ARCHITECTURES = sorted(set(names) - {"TFModel"})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms(architecture, path):
    conformance.assert_conforms(f"tf.{architecture}", path)


@pytest.mark.gpu
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_conforms_on_a_gpu(architecture, path):
    conformance.assert_conforms(f"tf.{architecture}", path, device="gpu")
