"""Children of the tests, closed at their end."""

import pytest

from dlbench.workers.child import fresh_child


@pytest.fixture
def start(monkeypatch):
    """Start a child whose plugin `naughty` does as it is told."""
    children = []

    def start(misdeed="", timeout=60.0):
        monkeypatch.setenv("DLBENCH_FAKE", misdeed)
        children.append(fresh_child(1, timeout))
        return children[-1]

    yield start
    for child in children:
        child.close()
