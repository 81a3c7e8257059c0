"""Speeds of a processor: which pieces count, and what is said of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from studies.decision_quality import speeds
from studies.decision_quality.speeds import Piece

pytestmark = pytest.mark.untimed


def piece(start, seconds, *, worked=1.0, waited=0.0):
    return Piece(start, seconds, worked * seconds, waited)


def test_a_piece_that_waited_or_had_no_core_says_nothing_of_the_processor():
    own = piece(0.0, 0.002)
    assert speeds.undisturbed([own, piece(1.0, 0.002, waited=0.001), piece(2.0, 0.002, worked=0.5)]) == [own]


def test_the_share_of_slow_pieces_is_of_the_undisturbed_ones():
    found = [piece(0.0, 0.002)] * 6 + [piece(0.0, 0.0032)] * 2 + [piece(0.0, 0.02, waited=0.018)] * 8
    assert speeds.row("0", found) == ["0", "16", "8", "1.00", "1.00", "1.60", "1.60", "25.0 %"]
    assert speeds.row("1", [piece(0.0, 0.02, waited=0.018)]) == ["1", "1", "0", *[""] * 5]


@pytest.mark.parametrize(("shift", "expected"), [(0, 1.0), (1, -1.0)])
def test_processors_that_are_slow_at_the_same_time_are_told_from_those_in_turn(shift, expected):
    sides = [
        [piece(at * 0.01 + 0.001, 0.0032 if (at + side) % 2 else 0.002) for at in range(20)] for side in (0, shift)
    ]
    assert speeds.together(sides) == pytest.approx(expected)


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="no schedstat")
def test_the_study_names_each_processor_and_leaves_the_process_where_it_was():
    before = os.sched_getaffinity(0)
    done = CliRunner().invoke(speeds.main, ["--seconds", "0.2"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].startswith(f"| {min(before)} |")
    assert os.sched_getaffinity(0) == before
