"""Rare collections leave no trace."""

import gc

import pytest

from dlbench.report import collecting

pytestmark = pytest.mark.untimed


def test_thresholds_are_as_before_whatever_happens_meanwhile():
    usual = gc.get_threshold()
    with pytest.raises(ValueError, match="within"), collecting.rare():
        assert gc.get_threshold() == collecting.THRESHOLDS != usual
        raise ValueError("within")
    assert gc.get_threshold() == usual
