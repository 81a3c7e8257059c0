"""A plugin that is built in the process of the tests leaves its arithmetic as it was."""

import pytest
import torch


@pytest.fixture(autouse=True)
def denormals_as_before():
    yield
    torch.set_flush_denormal(False)
