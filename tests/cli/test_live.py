"""The live view of a session: drawn between groups alone, ratios as they narrow, the time left; and 80 columns."""

from __future__ import annotations

import io
import math
import re
import threading

import msgspec
import pytest
from example_runs import full_session
from rich.cells import cell_len
from rich.console import Console

from dlbench.api.narrowing import Narrowing
from dlbench.cli import progress
from dlbench.session.listener import Quiet
from dlbench.session.plan import Group
from dlbench.stats import interim

pytestmark = pytest.mark.untimed

GROUPS = 12
COLOUR = re.compile(r"\x1b\[[\d;]*\b(3[0-7]|38|4[0-7]|48|9[0-7]|10[0-7])\b[\d;]*m")
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def groups(adaptive=False, noise=0.02):
    """The groups of a training session: their Runs, ratios of which scatter by this share."""
    found = [run for run in full_session(GROUPS) if run.spec.phase == "train"]
    for number in range(GROUPS):
        policy = msgspec.structs.replace(found[0].policy, adaptive=adaptive)
        runs = [msgspec.structs.replace(run, policy=policy) for run in found if run.group == number]
        swing = 1 + noise * math.sin(2.7 * number)
        slower = [msgspec.structs.replace(one, seconds=one.seconds * swing) for one in runs[1].samples]
        runs[1] = msgspec.structs.replace(runs[1], samples=tuple(slower))
        yield Group(number, tuple(run.member for run in runs), GROUPS), runs


class Clock:
    """Seconds that the test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def shown(adaptive=False, **more):
    """Text written to a terminal of 80 columns: a part for each group, and all of it."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, **more)
    clock, texts = Clock(), []
    with progress.Live(console, clock) as view:
        for group, runs in groups(adaptive):
            before = len(console.file.getvalue())
            view.group_started(group, group.number, GROUPS, None)
            texts.append(console.file.getvalue()[before:])
            view.building(group.members[0].label)
            clock.now += 10.0
            for run in runs:
                view.finished(run)
    return texts, console.file.getvalue()


def test_ratios_appear_with_the_first_group_and_narrow():
    texts, _ = shown()
    assert "time left not known yet" in texts[0]
    assert "Ratio" not in texts[0]
    assert "not known" in texts[1], "one group has no interval"
    widths = [float(re.findall(r"±([\d.]+)%", text)[-1]) for text in texts[2:]]
    assert widths[-1] < widths[0] / 2
    assert "group 12 of at most 12" in texts[-1]
    assert "1 min 50 s" in texts[-1]


def test_an_arm_that_is_looked_at_outside_of_the_timing_is_named():
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with progress.Live(console, Clock()) as view:
        view.looking("torch.mlp jit: first gradients")
        assert "looking at torch.mlp jit: first gradients" in console.file.getvalue()


def test_nothing_draws_on_its_own_and_an_arm_that_is_built_is_named_before():
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    threads = threading.active_count()
    with progress.Live(console, Clock()) as view:
        (group, _), *_ = groups()
        view.group_started(group, 0, GROUPS, None)
        before = console.file.getvalue()
        view.building("torch.mlp jit")
        assert "building torch.mlp jit" in console.file.getvalue().removeprefix(before)
        assert threading.active_count() == threads, "nothing draws on its own"


def test_no_line_is_wider_than_the_terminal_and_no_word_stands_for_a_verdict():
    _, everything = shown()
    lines = STEERING.sub("\n", everything).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert not re.search(r"\b(slower|faster|same)\b", everything)


def test_no_colour_is_respected(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    _, everything = shown()
    assert not COLOUR.search(everything)


def learned(adaptive, count, noise=0.02):
    found = Narrowing()
    for group, runs in list(groups(adaptive, noise))[:count]:
        found.began(group)
        for run in runs:
            found.finished(msgspec.structs.replace(run, wall_seconds=7.0))
    return found


def test_a_fixed_number_of_groups_takes_the_rest_of_them():
    assert learned(False, 0).seconds_left() is None
    assert learned(False, 4).seconds_left() == pytest.approx((GROUPS - 4) * 7.0)


def test_an_adaptive_session_lasts_to_the_interim_analysis_at_which_its_interval_is_narrow_enough():
    found = learned(True, 6, noise=0.03)
    (one,) = found.ratios()
    assert 20 < 6 * (one.half_width / interim.HALF_WIDTH) ** 2 <= 30, "an interval shrinks by the root of the number"
    assert found.seconds_left() == pytest.approx((30 - 6) * 7.0)
    assert learned(True, 6, noise=0.0).seconds_left() == 0.0
    assert learned(True, 5, noise=0.5).seconds_left() == pytest.approx((interim.INTERIM_GROUPS[-1] - 5) * 7.0)


def test_a_terminal_has_the_view_and_anything_else_lines():
    terminal, pipe = Console(file=io.StringIO(), force_terminal=True), Console(file=io.StringIO())
    assert isinstance(progress.listener(terminal, quiet=False), progress.Live)
    with progress.listener(pipe, quiet=False) as lines:
        assert isinstance(lines, progress.Printed)
        assert not isinstance(lines, progress.Live)
    with progress.listener(terminal, quiet=True) as quiet:
        assert type(quiet) is Quiet
