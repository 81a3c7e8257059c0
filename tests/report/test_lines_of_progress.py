"""Lines of progress, and what they leave out."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from example_runs import bare_run, good_run, spec
from rich.console import Console

from dlbench.api.progress import Lines, headline
from dlbench.cli import progress
from dlbench.report import FORMATS, summarize
from dlbench.session import plan
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed


def test_a_quality_without_a_unit_leaves_no_gap_in_its_line_of_progress():
    run = good_run(phase="converge")
    bare = msgspec.structs.replace(run, task=msgspec.structs.replace(run.task, unit=""))
    assert re.search(r", \S+ bit after \d+ steps$", headline(run))
    assert re.search(r", [\d.]+ after \d+ steps$", headline(bare))


def test_a_flag_is_explained_where_it_comes_first():
    said: list[str] = []
    lines = Lines(said.append)
    for flags in (("helped",), ("helped", "not_quiet"), ()):
        lines.finished(bare_run(flags=flags))
    explained = [line.strip() for line in said if " marks processes that " in line]
    assert [line.partition(" ")[0] for line in explained] == ["[helped]", "[not_quiet]"]
    assert explained[0].startswith(
        "[helped] marks processes that had processes of their own at work beside their steps"
    )
    assert said.index(f"        {explained[0]}") == 1


def test_a_group_says_the_time_left_or_else_the_time_so_far():
    said: list[str] = []
    lines = Lines(said.append, clock=iter((5.0, 86.0, 90.0)).__next__)
    (group,) = plan.groups([spec()], Policy(processes=1))
    for done, left in enumerate((None, None, 30.0)):
        lines.group_started(group, done, 3, left)
    assert [line.partition(" · process 1")[2] for line in said] == ["", ", 1 min 21 s so far", ", about 30 s left"]


def test_what_would_steer_a_terminal_or_turn_text_around_is_left_out_of_progress_and_pages():
    name = "\x1b]0;title\x07evil\x1b[2J\u202etxt\u2028line"
    run = bare_run(status="error", reason=name)
    console = Console(file=io.StringIO(), force_terminal=True)
    progress.Printed(console).finished(run)
    shown = [console.file.getvalue(), FORMATS["markdown"].render(summarize([run]))]
    for text in shown:
        assert not set(text) & set("\x1b\x07\u202e\u2028"), text
        assert "evil" in text
