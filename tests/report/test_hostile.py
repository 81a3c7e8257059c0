"""Hostile text in names and reasons: text on every page, and never markup, a link, or a command to a terminal."""

from __future__ import annotations

import io
import re
from functools import cache

import msgspec
import pytest
from example_runs import bare_run, good_run, spec
from hostile import TEXTS
from hypothesis import given, settings
from rich.console import Console

from dlbench.report import FORMATS, summarize, terminal
from dlbench.report.document import Statement

pytestmark = pytest.mark.untimed


@cache
def plain():
    runs = [good_run(), bare_run(spec=spec("acme.transformer"), status="error", reason="reason", output_tail="tail")]
    return summarize(runs)


def with_text(text):
    """A report in whose title, names, reasons and sentences this stands."""
    (section,) = plain().sections
    arms = [
        msgspec.structs.replace(
            arm,
            label=f"x.transformer {text}{at}",
            failures=tuple(msgspec.structs.replace(one, reason=text, output_tail=text) for one in arm.failures),
        )
        for at, arm in enumerate(section.arms)
    ]
    said = {"title": text, "warnings": (text,), "command": text, "answer": (Statement(text, text),)}
    return msgspec.structs.replace(plain(), sections=(msgspec.structs.replace(section, arms=tuple(arms)),), **said)


@settings(max_examples=80, deadline=None)
@given(TEXTS)
def test_markdown_takes_it_for_text(text):
    page = FORMATS["markdown"].render(with_text(text))
    prose = re.sub(r"^(`{3,})text\n.*?^\1$", "", page, flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"</?([a-z!]+)", prose.replace("<!---->", ""))) <= {"details", "summary", "a", "b"}
    assert not re.search(r"://|www\.", prose, re.IGNORECASE)
    assert not re.search(r"(?<!\\)\]\((?!#[\w-]*\))", prose), "links lead to places of the page alone"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", page)
    for block in (block for block in prose.split("\n\n") if block.startswith("|")):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.split("\n")}) == 1, block
    headings = {line for line in prose.split("\n") if line.startswith("#")}
    assert len(headings) <= 3
    assert prose.count("<details") == prose.count("</details>")


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_a_terminal_is_told_nothing(text):
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(terminal.render(with_text(text)))
    shown = console.file.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown)
    if "[bold red]" in text:
        assert "[bold red]markup" in shown, "markup of the library that prints is text too"
