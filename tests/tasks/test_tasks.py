"""Tasks: batches that depend on seed and step alone, data that is checked, qualities that are right."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from dlbench.errors import UnknownName
from dlbench.plugin import Batch
from dlbench.tasks import TASKS, Task, TaskRequest, open_task
from dlbench.tasks import line as line_module
from dlbench.tasks.text import DEFAULT_SEQUENCE, corpus

pytestmark = pytest.mark.untimed


def _open(name: str, batch_size: int = 4, size: str = "small", shape: tuple[int, ...] | None = None) -> Task:
    return open_task(name, TaskRequest(size=size, batch_size=batch_size, input_shape=shape))


def _digest(batch: Batch) -> str:
    return hashlib.sha256(batch.inputs.tobytes() + batch.targets.tobytes()).hexdigest()


pytestmark = pytest.mark.untimed

every_task = pytest.mark.parametrize("name", [name for name, row in TASKS.items() if row.fits])
"""But those that are made to measure, which open for no model at all."""


@every_task
def test_batches_have_the_shapes_and_types_of_the_signature(name: str) -> None:
    task = _open(name)
    batch = task.batch(0, 0)
    for array, said in zip(batch, (task.signature.inputs, task.signature.targets), strict=True):
        assert (array.shape, array.dtype.name) == (said.shape, said.dtype)
        assert array.flags.c_contiguous


@every_task
def test_a_batch_is_the_same_bits_in_another_process_and_whatever_came_before(name: str) -> None:
    task = _open(name)
    task.batch(9, 9)
    code = (
        "import hashlib; from dlbench.tasks import *\n"
        f"batch = open_task({name!r}, TaskRequest(size='small', batch_size=4)).batch(5, 7)\n"
        "print(hashlib.sha256(batch.inputs.tobytes() + batch.targets.tobytes()).hexdigest())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == _digest(task.batch(5, 7))


@every_task
def test_another_seed_or_step_is_another_batch(name: str) -> None:
    task = _open(name)
    keys = [(seed, step) for seed in (0, 1, 2, 2**31 - 1) for step in (0, 1, 2, 10**6)]
    assert len({_digest(task.batch(seed, step)) for seed, step in keys}) == len(keys)


@every_task
def test_the_record_says_metric_target_and_a_checksum(name: str) -> None:
    info = _open(name).info
    assert info.name == name
    assert info.metric
    assert len(bytes.fromhex(info.sha256)) == 32
    assert info.budget_steps % _open(name).evaluate_every == 0


@every_task
def test_a_size_that_the_task_does_not_know_has_the_goal_of_small(name: str) -> None:
    assert _open(name, size="enormous").info == _open(name).info


def test_an_unknown_task_offers_near_ones() -> None:
    with pytest.raises(UnknownName, match="unknown task 'texd'; did you mean text"):
        _open("texd")


class _Recorder:
    """Predicts the given outputs and keeps its inputs."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[np.ndarray] = []
        self._answer = answer

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        self.asked.append(inputs)
        return self._answer(inputs)


def _uniform(inputs: np.ndarray) -> np.ndarray:
    return np.zeros((*inputs.shape, len(corpus().symbols)), np.float32)


def _shifted_by(inputs: np.ndarray) -> np.ndarray:
    """Logits that differ by a constant are the same distribution; here the exponential alone would overflow."""
    return _uniform(inputs) + 1e4


@pytest.mark.parametrize("predict", [_uniform, _shifted_by])
def test_knowing_nothing_costs_the_logarithm_of_the_number_of_symbols(predict: Any) -> None:
    assert _open("text", batch_size=32).evaluate(predict) == pytest.approx(np.log2(len(corpus().symbols)), abs=1e-9)


def test_the_text_has_the_size_that_its_description_states() -> None:
    assert len(corpus().symbols) == 94
    assert 440_000 < len(corpus().tokens) < 500_000
    assert (corpus().tokens.min(), corpus().tokens.max()) == (0, 93)


def test_tokens_stand_for_the_characters_of_the_text_and_the_checksum_is_that_of_the_text() -> None:
    text = "".join(corpus().symbols[token] for token in corpus().tokens)
    assert 'The "if" statement is used for conditional execution' in text
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == corpus().sha256 == _open("text").info.sha256


def test_targets_are_the_inputs_one_character_later() -> None:
    batch = _open("text").batch(0, 0)
    np.testing.assert_array_equal(batch.inputs[:, 1:], batch.targets[:, :-1])


def test_no_character_that_is_evaluated_was_trained_on() -> None:
    task = _open("text", batch_size=512)
    recorder = _Recorder(_uniform)
    task.evaluate(recorder)
    first_held_out = int(len(corpus().tokens) * 0.9)
    held_out = corpus().tokens[first_held_out:].astype(np.uint8).tobytes()
    for window in np.concatenate(recorder.asked):
        assert window.astype(np.uint8).tobytes() in held_out
    trained = corpus().tokens[:first_held_out].astype(np.uint8).tobytes()
    for step in range(20):
        batch = task.batch(0, step)
        whole = np.concatenate([batch.inputs, batch.targets[:, -1:]], axis=1)
        assert all(window.astype(np.uint8).tobytes() in trained for window in whole)


def test_every_part_of_the_training_text_is_drawn() -> None:
    task = _open("text", batch_size=512)
    text = corpus().tokens[: int(len(corpus().tokens) * 0.9)].astype(np.uint8).tobytes()
    places = [text.find(window.astype(np.uint8).tobytes()) for window in task.batch(0, 0).inputs]
    tenths = np.histogram(places, bins=10, range=(0, len(text)))[0]
    assert tenths.min() > 20


def _without_oracle(inputs: np.ndarray) -> np.ndarray:
    """Certain of the character that it has just seen: right only if the text doubles it."""
    return 5.0 * np.eye(len(corpus().symbols))[inputs]


def test_filling_up_the_last_batch_changes_no_quality() -> None:
    blocks = len(np.arange(int(len(corpus().tokens) * 0.9), len(corpus().tokens) - DEFAULT_SEQUENCE, 256))
    exact = _open("text", batch_size=blocks).evaluate(_without_oracle)
    for batch_size in (blocks - 1, 7, 1):
        recorder = _Recorder(_without_oracle)
        assert _open("text", batch_size=batch_size).evaluate(recorder) == pytest.approx(exact, rel=1e-12)
        assert {inputs.shape[0] for inputs in recorder.asked} == {batch_size}


def test_the_quality_of_text_is_that_of_a_direct_count() -> None:
    """Bits of a unigram model, once by the task and once from the held-out characters alone."""
    counts = np.bincount(corpus().tokens, minlength=94) + 1.0
    logits = np.log(counts / counts.sum())
    task, recorder = _open("text"), _Recorder(lambda inputs: np.broadcast_to(logits, (*inputs.shape, 94)))
    quality = task.evaluate(recorder)
    start, tokens = int(len(corpus().tokens) * 0.9), corpus().tokens
    targets = [tokens[at + 1 : at + 65] for at in range(start, len(tokens) - 64, 256)]
    assert quality == pytest.approx(-logits[np.concatenate(targets)].mean() / np.log(2), rel=1e-9)


def test_the_true_slope_reaches_the_target_of_the_line_and_zero_does_not() -> None:
    task = _open("line")
    slope = line_module.random_stream(line_module.SLOPE_STREAM).normal(size=(8, 1)) / np.sqrt(8)
    best = task.evaluate(lambda inputs: inputs @ slope)
    assert 0.5 * line_module.NOISE**2 < best < task.info.target
    assert task.evaluate(lambda inputs: np.zeros((len(inputs), 1))) > 0.9


def test_least_squares_on_training_batches_finds_a_line_that_holds_on_held_out_points() -> None:
    task = _open("line", batch_size=64)
    batches = [task.batch(0, step) for step in range(20)]
    inputs, targets = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    fitted = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    assert task.evaluate(lambda held_out: held_out @ fitted) < task.info.target


@pytest.mark.parametrize("batch_size", [1, 7, 1024, 1500])
def test_filling_up_changes_no_quality_of_the_line(batch_size: int) -> None:
    ones = np.ones((8, 1), np.float32)
    expected = _open("line", batch_size=256).evaluate(lambda inputs: inputs @ ones)
    recorder = _Recorder(lambda inputs: inputs @ ones)
    assert _open("line", batch_size=batch_size).evaluate(recorder) == pytest.approx(expected, rel=1e-5)
    assert {inputs.shape[0] for inputs in recorder.asked} == {batch_size}
