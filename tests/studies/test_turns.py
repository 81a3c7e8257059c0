"""Replayed turns: what the ratio of two equal programs says of a processor whose speed changes."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from click.testing import CliRunner

from studies.decision_quality import turns

pytestmark = pytest.mark.untimed


def ends(spread: float, stay: float = 0.99, pieces: int = 40_000) -> np.ndarray:
    """Ends of pieces of some 0.5 ms; the logarithm of their time is a first-order autoregression of this spread."""
    generator, at, taken = random.Random(3), 0.0, list[float]()
    for _ in range(pieces):
        at = stay * at + math.sqrt(1 - stay**2) * generator.gauss(0.0, spread)
        taken.append(0.0005 * math.exp(at))
    return np.cumsum(taken)


def test_a_steady_processor_gives_every_group_a_ratio_of_one():
    found = turns.ratios(ends(0.0), 0.02, 0.01, 3.0)
    assert len(found) > 10
    assert found == pytest.approx([0.0] * len(found), abs=1e-9)


def test_shorter_turns_share_more_of_a_speed_that_changes():
    record = ends(0.2)
    long, short = (np.std(turns.ratios(record, turn, 0.003, 3.0)) for turn in (0.02, 0.005))
    assert short < 0.7 * long


def test_less_time_between_turns_does_too():
    record = ends(0.2)
    before, after = (np.std(turns.ratios(record, 0.01, between, 3.0)) for between in (0.025, 0.003))
    assert after < before


def test_the_command_prints_a_row_for_each_turn_and_gap(monkeypatch):
    monkeypatch.setattr(turns, "TURNS", (0.01,))
    ran = CliRunner().invoke(turns.main, ["--seconds", "5", "--wall", "0.5"])
    assert ran.exit_code == 0, ran.output
    assert ran.output.count("\n| 10 | ") == len(turns.BETWEEN)
