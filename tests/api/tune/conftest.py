"""Children of a race, by script."""

from __future__ import annotations

import contextlib

import pytest
from races import child_of
from schedules import Children

from dlbench.api.tune import measuring


@pytest.fixture
def children(monkeypatch):
    """Starts scripted children in the place of processes; `make` may be set to another."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = Children(child_of)
    monkeypatch.setattr(measuring, "Starter", lambda: contextlib.nullcontext(found))
    return found
