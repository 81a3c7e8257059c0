"""Shapes of programs that took turns, in groups of which some have more rounds than others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlbench.analysis import shapes

pytestmark = pytest.mark.untimed


def noisy(levels, seed, noise):
    return list(np.array(levels) + np.random.default_rng(seed).normal(0, noise, len(levels)))


def growing(lengths, change_at):
    """A program that becomes slower at one place, in processes of these lengths, beside one that does not."""
    levels = [[math.log(1.2) * (at >= change_at) for at in range(length)] for length in lengths]
    mine = [noisy(values, seed, 0.01) for seed, values in enumerate(levels)]
    theirs = [noisy([0.0] * length, 100 + seed, 0.01) for seed, length in enumerate(lengths)]
    return mine, theirs


@pytest.mark.parametrize("lengths", [[60] * 6, [20, *[60] * 5], [20, 60, 60, 60, 60, 20], [20, 20, 200, 60, 60, 60]])
def test_a_change_that_short_processes_do_not_reach_is_seen_in_the_long_ones(lengths):
    assert shapes.shape_beside(*growing(lengths, 20)) == "slowdown"


@pytest.mark.parametrize("lengths", [[20] * 6, [20, *[120] * 5], [60, 20, 20, 20, 20, 20]])
def test_a_change_in_the_first_rounds_is_seen_whatever_the_lengths_are(lengths):
    assert shapes.shape_beside(*growing(lengths, 10)) == "slowdown"


def test_what_a_single_long_process_shows_does_not_recur():
    assert shapes.shape_beside(*growing([20, 20, 20, 20, 20, 200], 40)) == "flat"


def test_steady_programs_of_unequal_lengths_are_flat():
    for trial in range(50):
        random = np.random.default_rng(trial)
        lengths = [20, *random.integers(20, 200, 5).tolist()]
        sides = [[list(random.normal(0.0, 0.2, length)) for length in lengths] for _ in range(2)]
        assert shapes.shape_beside(*sides) == "flat"
