"""Shapes alone: what a module is asked without memory or noise."""

import pytest
import torch

from dlbench_torch import requirements

pytestmark = pytest.mark.untimed


def test_shapes_alone_log_nothing(caplog):
    with requirements.shapes_alone(), pytest.raises(RuntimeError):
        torch.randn(2, 3) @ torch.randn(4, 5)
    assert caplog.text == ""
