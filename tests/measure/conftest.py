"""Each sample collects garbage first: objects of earlier imports (two frameworks) are not walked every time."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def quick_collections():
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
