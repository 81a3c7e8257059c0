"""Balancing a pole on a cart (Barto, Sutton and Anderson, 1983): CartPole-v1 of gymnasium (MIT), by policy gradient.

The model acts through `predict` and learns through `train_step`; the game is here. In a round as many games as a batch
has samples are played at once, actions drawn from the softmax of the logits, until the last has ended. Then 8 batches
are drawn from the round's steps, and the next round is played. This is REINFORCE (Williams, 1992) with a baseline: the
advantage of an action is the discounted return that followed it, less the mean of all games that still went on at that
time, over its deviation in the round. Quality is the mean return of 100 games that training never sees, with the more
likely action always taken. The threshold of the game's own authors is 475, the maximum 500; a coin reaches 22.

Starts and draws come from streams of the seed and the round, so two frameworks play the same games until rounding
changes one draw; from there on they differ. Only training to a target plays with the model, and playing is part of its
seconds. Batches of steps that are timed alone come from games that a coin plays.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dlbench.errors import SpecError
from dlbench.plugin import ArraySpec, Batch, Signature
from dlbench.tasks.data_files import CARTPOLE, checksum, verify
from dlbench.tasks.targets import Metric, Target, random_stream, target_for
from dlbench.tasks.task import Predict, Task, TaskRequest

SHA256 = "b98fc207592e41754484a6f221124c9f24f519972d9e40df88d735f7c7a88092"
OBSERVED, ACTIONS, MOST_STEPS = 4, 2, 500
GAMES, UPDATES, DISCOUNT = 100, 8, 0.99
EVALUATION_STREAM, CHECK_SEED = 2**32 + 5, 1
TARGETS = {"small": Target(target=475.0, learning_rate=1e-3, budget_steps=400, evaluate_every=40)}
RETURN = Metric("mean return", higher_is_better=True)
Floats = npt.NDArray[np.float32]
Acts = npt.NDArray[np.int64]
Policy = Callable[[Floats], Acts]
"""Observations (games, 4) to actions (games): 0 pushes left, 1 right."""
DrawingPolicy = Callable[[np.random.Generator, Floats], Acts]
"""The same with a source of chance."""


class Games(NamedTuple):
    """Games: states seen (time, games, 4), actions (time, games), and True for games that went on (time, games)."""

    observations: Floats
    actions: Acts
    alive: npt.NDArray[np.bool_]

    @property
    def returns(self) -> npt.NDArray[np.int64]:
        """Return of each game: a step is worth 1."""
        return np.asarray(self.alive.sum(axis=0))

    def advantages(self) -> npt.NDArray[np.float64]:
        """Advantage of every action, (time, games); values after the end of a game are meaningless."""
        returns = np.zeros(self.alive.shape)
        following = np.zeros(self.alive.shape[1])
        for time in reversed(range(len(returns))):
            returns[time] = following = (1.0 + DISCOUNT * following) * self.alive[time]
        apart = returns - returns.sum(axis=1, keepdims=True) / self.alive.sum(axis=1, keepdims=True)
        return np.asarray(apart / (apart[self.alive].std() + 1e-8))


def open_task(request: TaskRequest) -> Task:
    """Observations (batch, 4) to logits (batch, 2), whatever the architecture is stated for.

    Targets are actions and advantages. Raises SpecError without gymnasium, or with another game.
    """
    goal, size = target_for(TARGETS, request.size), request.batch_size
    inputs, two = ArraySpec((size, OBSERVED), "float32"), ArraySpec((size, ACTIONS), "float32")
    return Task(
        goal.info("cartpole", "CartPole-v1 of gymnasium", _verified(), RETURN),
        Signature(inputs=inputs, targets=two, outputs=two, loss="policy_gradient"),
        goal.optimizer,
        goal.evaluate_every,
        lambda seed, step: next(_round(size, random_stream(seed, step), _coin)),
        lambda predict: _quality(predict, size),
        lambda seed, predict: _rounds(size, seed, predict),
    )


def _rounds(games: int, seed: int, predict: Predict) -> Iterator[Batch]:
    """Batches of games that the model plays, a round when the batches of the one before are used up."""
    for number in itertools.count():
        yield from _round(games, random_stream(seed, number), lambda generator, seen: _draw(generator, predict, seen))


def _round(games: int, generator: np.random.Generator, policy: DrawingPolicy) -> Iterator[Batch]:
    played = play(games, generator, functools.partial(policy, generator))
    seen, actions, advantages = (one[played.alive] for one in (*played[:2], played.advantages()))
    targets = np.stack((actions, advantages), axis=-1).astype(np.float32)
    for chosen in generator.integers(0, len(seen), (UPDATES, games)):
        yield Batch(seen[chosen], targets[chosen])


def _quality(predict: Predict, games: int) -> float:
    """Mean return; the last games that are played at once are filled up and the filling not counted."""
    streams = [random_stream(EVALUATION_STREAM, one) for one in range(-(-GAMES // games))]
    returns = [play(games, stream, _greedy(predict)).returns for stream in streams]
    return float(np.concatenate(returns)[:GAMES].mean())


def play(games: int, generator: np.random.Generator, policy: Policy) -> Games:
    """Play several games at once until the last has ended; the generator chooses their starts."""
    environment = _environment(games)
    observations, _ = environment.reset(seed=int(generator.integers(2**63)))
    alive, moments = np.ones(games, np.bool_), []
    while alive.any():
        actions = policy(np.ascontiguousarray(observations))
        moments.append((observations, actions, alive))
        observations, _, fallen, over, _ = environment.step(actions)
        alive = alive & ~(fallen | over)
    return Games(*(np.stack(part) for part in zip(*moments, strict=True)))


def _environment(games: int) -> Any:
    try:
        from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
    except ImportError as error:
        raise SpecError(
            f"task cartpole: its game comes with the package gymnasium, which cannot be imported ({error}); "
            "pip install 'dlbench[data]'"
        ) from error
    return CartPoleVectorEnv(games, max_episode_steps=MOST_STEPS)


@functools.cache
def _verified() -> str:
    """The checksum of some games that a coin plays, to three digits: a game with other rules is another task."""
    coin = random_stream(CHECK_SEED)
    games = play(4, coin, functools.partial(_coin, coin))
    what = checksum((np.round(games.observations * 1000).astype(np.int32), games.alive))
    return verify(what, SHA256, "cartpole", CARTPOLE)


def _coin(generator: np.random.Generator, seen: Floats) -> Acts:
    return np.asarray(generator.integers(0, ACTIONS, len(seen)))


def _draw(generator: np.random.Generator, predict: Predict, seen: Floats) -> Acts:
    logits = np.asarray(predict(seen), np.float64)
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(generator.random(len(seen)) * odds.sum(axis=-1) < odds[:, 1], np.int64)


def _greedy(predict: Predict) -> Policy:
    return lambda seen: np.asarray(np.asarray(predict(seen)).argmax(axis=-1))
