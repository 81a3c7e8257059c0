"""Eighty columns on a terminal for every command's output, verdicts in words, and no colour where none is wanted."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command import answering
from rich.cells import cell_len

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[2]
KEPT = sorted(path.parent.name for path in (ROOT / "reports").glob("*/runs.jsonl"))
COLOUR = re.compile(r"\x1b\[[\d;]*\b(3[0-7]|38|4[0-7]|48|9[0-7]|10[0-7])\b[\d;]*m")
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
VERDICTS = re.compile(r"\b(slower|faster|same|inconclusive|indicative)\b")


def on_terminal(*words, columns=80, cwd=ROOT):
    """Text that a command writes to a terminal of that width, on both of its streams."""
    ours, theirs = pty.openpty()
    said = bytearray()

    def read():
        while True:
            try:
                said.extend(os.read(ours, 1 << 16) or b"")
            except OSError:  # nobody has the other end any more
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    variables = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": "1"}
    answering().write(words, cwd, variables, [os.ttyname(theirs)] * 2)
    os.close(theirs)
    reader.join()
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def widest(text):
    return max(STEERING.sub("", text).splitlines(), key=cell_len)


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_report_fits(name):
    text = on_terminal("report", f"reports/{name}")
    assert cell_len(widest(text)) <= 80
    assert not COLOUR.search(text)


def test_verdicts_are_words():
    assert VERDICTS.search(on_terminal("report", "reports/all-plugins"))


COMMANDS = [
    ("list",),
    ("list", "--tasks"),
    ("check", "fake.linear", "--path", "eager,jit"),
    ("parity", "fake.linear", "twin.linear", "--seeds", "1"),
    ("compare", "reports/torch-gpu-h100", "reports/torch-gpu-h200", "--allow", "machine", "--explain"),
    ("run", "--plugin", "fake.linear,twin.linear", "--dry-run"),
    *((name, "--help") for name in ("run", "check", "compare", "gate", "comment", "parity", "report", "doctor")),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_fits(words):
    text = on_terminal(*words)
    assert len(text) > 100
    assert cell_len(widest(text)) <= 80, widest(text)
    assert not COLOUR.search(text)


def test_a_pipe_gets_whole_lines():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dlbench")), "list"], capture_output=True, text=True, check=True
    )
    assert any(len(line) > 80 for line in done.stdout.splitlines())
