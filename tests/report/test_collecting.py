"""A pause of collections leaves no trace."""

import gc

import pytest

from dlbench.report import collecting

pytestmark = pytest.mark.untimed


def test_collections_go_on_afterwards_whatever_happens_meanwhile():
    with pytest.raises(ValueError, match="within"), collecting.paused():
        assert not gc.isenabled()
        raise ValueError("within")
    assert gc.isenabled()


def test_what_was_made_meanwhile_is_not_young_afterwards():
    with collecting.paused():
        made = [[place] for place in range(10 * gc.get_threshold()[0])]
    assert any(one is made for one in gc.get_objects(generation=2))


def test_collections_that_were_off_stay_off():
    gc.disable()
    try:
        with collecting.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
