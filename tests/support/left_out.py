"""Tests that did not run: skipped, by reason, and left out for their mark, with the command that runs them.

A plugin of pytest: `--left-out FILE` adds a suite's tests to the file. Run as a program, it renders the file:
`left_out.py FILE`. The suites of `make test` so end in one table.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

COMMANDS = {"gpu": "make test-gpu", "openxla": "make openxla", "slow": "make test-all"}
"""Marks whose tests are left out, and the command that runs them."""


class LeftOut:
    """Tests of one suite by name: `skipped` to reasons, `marked` to marks."""

    def __init__(self):
        self.skipped, self.marked = {}, {}

    def pytest_deselected(self, items):
        for item in items:
            if mark := next(filter(item.get_closest_marker, COMMANDS), None):
                self.marked[item.nodeid] = mark

    def pytest_runtest_logreport(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")

    pytest_collectreport = pytest_runtest_logreport

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        """The tests that a worker has left out: the process that directs it collects none itself."""
        self.marked |= getattr(node, "workeroutput", {}).get("marked", {})

    def pytest_sessionfinish(self, session):
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["marked"] = self.marked
        elif path := session.config.getoption("--left-out"):
            write(Path(path), self.skipped, self.marked)


def pytest_addoption(parser):
    parser.addoption("--left-out", metavar="FILE", help="add the tests that did not run to this file")


def pytest_configure(config):
    config.pluginmanager.register(LeftOut())


def write(path, skipped, marked):
    """Add to the content of the file; a test counts once, in any number of suites."""
    known = json.loads(path.read_text()) if path.exists() else {"skipped": {}, "marked": {}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"skipped": known["skipped"] | skipped, "marked": known["marked"] | marked}))


def render(skipped, marked):
    """Two tables: a reason or a mark once, with the number of its tests."""
    marks = {mark: f"{mark}, run by `{COMMANDS[mark]}`" for mark in COMMANDS}
    tables = [
        _table("skipped", "reason", skipped.values()),
        _table("left out for a mark", "mark", [marks[mark] for mark in marked.values()]),
    ]
    return "\n".join(tables)


def _table(title, heading, words):
    counted = Counter(" ".join(word.split()) for word in words).most_common()
    lines = [f"{len(words)} tests {title}", *([f"  tests  {heading}"] if counted else [])]
    return "".join(f"{line}\n" for line in [*lines, *(f"  {count:>5}  {word}" for word, count in counted)])


if __name__ == "__main__":
    sys.stdout.write(render(**json.loads(Path(sys.argv[1]).read_text())))
