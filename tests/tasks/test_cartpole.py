"""CartPole: games that end when they end, advantages that teach, a quality that only a balanced pole gives."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

from dlbench.errors import SpecError
from dlbench.tasks import TaskRequest, cartpole, open_task
from dlbench.tasks.cartpole import DISCOUNT, GAMES, MOST_STEPS, UPDATES, Games, play
from dlbench.tasks.targets import random_stream

pytestmark = pytest.mark.untimed


def opened(batch_size=32):
    return open_task("cartpole", TaskRequest("small", batch_size))


def balancing(seen):
    """Logits that push to the side on which the pole falls, as a human would."""
    return np.stack((np.zeros(len(seen)), 10 * seen @ [0.02, 0.1, 1.0, 0.3]), axis=-1)


def always_left(seen):
    return np.broadcast_to([1.0, 0.0], (len(seen), 2))


def test_balancing_reaches_the_target_and_pushing_to_one_side_or_the_wrong_one_does_not():
    task = opened()
    assert task.batches is not None
    assert task.evaluate(balancing) >= task.info.target
    assert task.evaluate(always_left) < 12
    assert task.evaluate(lambda seen: -balancing(seen)) < 12


@pytest.mark.parametrize("batch_size", [7, GAMES, 150])
def test_every_batch_size_is_evaluated_over_a_hundred_games(batch_size, monkeypatch):
    task = opened(batch_size)  # which plays to see that the game is the one that it knows
    lengths = iter(range(1, 10_000))
    alive = lambda games: np.arange(200)[:, None] < [next(lengths) for _ in range(games)]  # noqa: E731
    monkeypatch.setattr(cartpole, "play", lambda games, *_: Games(np.empty(0), np.empty(0), alive(games)))
    assert task.evaluate(always_left) == np.minimum(np.arange(1, GAMES + 1), 200).mean()


def test_a_game_is_over_when_the_pole_has_fallen_or_all_its_steps_are_done():
    coin = random_stream(3)
    games = play(64, random_stream(1), lambda seen: coin.integers(0, 2, len(seen)))
    assert (np.diff(games.alive.astype(int), axis=0) <= 0).all()
    assert (np.abs(games.observations[games.alive]) <= [2.4, np.inf, np.deg2rad(12), np.inf]).all()
    assert games.returns.min() >= 8
    assert play(4, random_stream(1), lambda seen: balancing(seen).argmax(axis=-1)).returns.tolist() == [MOST_STEPS] * 4


def test_advantages_are_those_of_a_direct_count():
    alive = np.array([[True, True], [True, True], [True, False]])
    longer = [sum(DISCOUNT**later for later in range(left)) for left in (3, 2, 1)]
    shorter = [sum(DISCOUNT**later for later in range(left)) for left in (2, 1)]
    means = [(longer[0] + shorter[0]) / 2, (longer[1] + shorter[1]) / 2, longer[2]]
    apart = np.array([longer[0] - means[0], longer[1] - means[1], 0, shorter[0] - means[0], shorter[1] - means[1]])
    found = Games(np.zeros((3, 2, 4)), np.zeros((3, 2)), alive).advantages()
    np.testing.assert_allclose(found.T[alive.T], apart / apart.std(), rtol=1e-6)


def rounds(predict, seed, count):
    batches = opened().batches(seed, predict)
    return [tuple(part.tobytes() for part in batch) for batch in itertools.islice(batches, count * UPDATES)]


def test_the_same_seed_plays_the_same_games_whatever_rounding_does_to_the_logits():
    played = rounds(balancing, 5, 2)
    assert len(set(played)) == 2 * UPDATES
    assert rounds(balancing, 5, 2) == played
    assert rounds(lambda seen: balancing(seen) * (1 + 1e-9), 5, 2) == played
    assert not set(rounds(balancing, 6, 2)) & set(played)


def test_the_model_that_plays_is_the_one_that_the_last_step_left():
    asked = []
    batches = opened().batches(0, lambda seen: (asked.append(len(seen)), always_left(seen))[1])
    for _ in range(UPDATES):
        next(batches)
    of_one_round = len(asked)
    next(batches)
    assert 0 < of_one_round < len(asked)
    assert set(asked) == {32}


def taught(advantage):
    """Quality of a linear policy in NumPy after 160 steps of gradient descent on batches that it plays for."""
    task, slope = opened(), np.zeros((4, 2))

    def policy(seen):
        return seen @ slope

    for seen, targets in itertools.islice(task.batches(0, policy), 160):
        odds = np.exp(seen @ slope)
        error = odds / odds.sum(axis=-1, keepdims=True) - np.eye(2)[targets[:, 0].astype(int)]
        slope -= 0.5 * seen.T @ (error * advantage(targets[:, 1])[:, None]) / len(seen)
    return task.evaluate(policy)


def test_a_policy_learns_from_these_advantages_and_from_none_other():
    assert taught(lambda advantages: advantages) > 300
    generator = random_stream(9)
    assert taught(generator.permutation) < 100


def test_without_gymnasium_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium.envs.classic_control.cartpole", None)
    cartpole._verified.cache_clear()
    with pytest.raises(SpecError, match=r"task cartpole: .* gymnasium, .*; pip install 'dlbench\[data\]'"):
        opened()


def test_a_game_with_other_rules_is_refused(monkeypatch):
    class Heavier(CartPoleVectorEnv):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            self.masspole = 0.11

    monkeypatch.setattr("gymnasium.envs.classic_control.cartpole.CartPoleVectorEnv", Heavier)
    cartpole._verified.cache_clear()
    with pytest.raises(SpecError, match=r"task cartpole: the data of gymnasium has checksum .*; get gymnasium==1.4.0"):
        opened()
    monkeypatch.undo()
    cartpole._verified.cache_clear()
    opened()
