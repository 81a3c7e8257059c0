"""The process that answers commands: a command that is cut short leaves its answer to nobody."""

from __future__ import annotations

import os

import pytest
from answering import Answering

pytestmark = pytest.mark.untimed


def test_after_a_command_that_was_cut_short_the_next_has_its_own_answer(tmp_path, monkeypatch):
    process = Answering()
    assert process.answer(["--version"], tmp_path, os.environ).returncode == 0

    def cut():
        raise KeyboardInterrupt

    monkeypatch.setattr(process._process.stdout, "readline", cut)
    with pytest.raises(KeyboardInterrupt):
        process.answer(["no-such-command"], tmp_path, os.environ)
    done = process.answer(["--version"], tmp_path, os.environ)
    process.close()
    assert (done.returncode, done.stderr) == (0, "")
    assert "dlbench" in done.stdout
