"""Limits of a process, and its standard input if it is dlbench's own."""

from __future__ import annotations

import os
import resource
import sys

import pytest

from dlbench.errors import SpecError
from dlbench.workers import backends
from dlbench.workers.process import Limits

pytestmark = pytest.mark.untimed


def test_a_memory_limit_above_the_users_own_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 2000))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert Limits(1, 2000).memory_bytes == 2000
    with pytest.raises(SpecError, match="memory limit is 2001 bytes: this user's processes may have 2000 bytes"):
        Limits(1, 2001)


def test_root_may_raise_a_memory_limit(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 2000))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Limits(1, 2001).memory_bytes == 2001


def test_a_plugin_in_the_process_of_dlbench_finds_nothing_on_standard_input(monkeypatch):
    source, sink = os.pipe()
    kept, before = os.dup(0), sys.stdin
    os.dup2(source, 0)
    try:
        with backends._empty_input():
            assert os.read(0, 1) == b""
            assert sys.stdin.read() == ""
        os.write(sink, b"x")
        assert os.read(0, 1) == b"x"
        assert sys.stdin is before
    finally:
        os.dup2(kept, 0)
        for descriptor in (source, sink, kept):
            os.close(descriptor)
