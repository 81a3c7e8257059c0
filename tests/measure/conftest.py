"""Each sample collects garbage first: what other modules imported (two frameworks) is not walked every time."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def quick_collections():
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
