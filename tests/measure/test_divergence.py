"""Divergence of training: its limits, and the step that is named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlbench.errors import ContractViolation
from dlbench.measure.divergence import EXPLODED, DivergedError, DivergenceCheck, to_numbers
from dlbench.spec import Spec

pytestmark = pytest.mark.untimed


def spec(steps_per_call=1):
    values = {"phase": "converge", "path": "eager", "size": "small", "task": "line", "batch_size": 8, "threads": 1}
    return Spec(plugin="acme.mlp", steps_per_call=steps_per_call, **values)


def course_of(losses, looks_every=5, steps_per_call=1, loss="mse"):
    """Follow these results one call after the other, with a look after the first and after every `looks_every` more."""
    course = DivergenceCheck(spec(steps_per_call), loss)
    results = iter(losses)
    step = course.wrap(lambda: next(results))
    course.last_loss(step())
    while True:
        try:
            taken = [step() for _ in range(looks_every)]
        except StopIteration:
            return course
        course.last_loss(taken[-1])


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([1.0, 0.9, math.nan, math.nan, math.nan, math.nan], "became nan at step 3;"),
        ([1.0] * 8 + [math.inf, 2.0, math.nan], "became inf at step 9;"),
        ([1.0] * 10 + [-math.inf], "became -inf at step 11;"),
        ([0.5, 1.0, 5.0, 900.0, 1500.0, 3e4], "became 1500, more than 1000, at step 5;"),
        ([-4.0, 1.0, 1.0, 1.0, 1.0, -4001.0], "became -4001, more than 4000, at step 6;"),
    ],
)
def test_the_first_diverged_step_is_named(losses, words):
    with pytest.raises(DivergedError, match=r"acme\.mlp: the training loss") as caught:
        course_of(losses, loss="policy_gradient")
    assert words in str(caught.value)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_loss_that_cannot_be_negative_is_no_figure_where_it_is(loss):
    course_of([-1e-6] * 6, loss=loss)  # rounding
    with pytest.raises(ContractViolation, match=f"{loss}, is never negative, train_step returned -5"):
        course_of([0.5, *[-5.0] * 5], loss=loss)


@pytest.mark.parametrize("loss", ["policy_gradient", "net.py:evidence", "elbo"])
def test_a_loss_of_ones_own_may_be_negative(loss):
    course_of([0.5, *[-5.0] * 5], loss=loss)


def test_a_loss_may_grow_to_the_bound_and_is_measured_against_the_first_one_or_1():
    course_of([1e-9, *[EXPLODED] * 5])
    course_of([7.0, *[7 * EXPLODED] * 5])
    with pytest.raises(DivergedError):
        course_of([1e-9, *[EXPLODED * 1.01] * 5])


def test_what_came_back_to_its_bounds_is_no_divergence_and_steps_are_counted():
    assert course_of([1.0, math.inf, 1.0, 1.0, 1.0, 1.0]).steps == 6


def test_parts_of_a_loss_are_summed_and_steps_of_a_call_counted_one_by_one():
    parts = [np.array([0.5, 0.25])] * 5
    with pytest.raises(DivergedError, match="nan at step 6;"):
        course_of([*parts, np.array([1.0, np.nan])], loss="adversarial")
    calls = [np.array([1.0, 2.0, 3.0])] * 5
    with pytest.raises(DivergedError, match="nan at step 17;"):
        course_of([*calls, np.array([1.0, np.nan, np.nan])], steps_per_call=3)
    with pytest.raises(ContractViolation, match="an array of 3 losses"):
        course_of([np.array([1.0, 2.0])], steps_per_call=3)


def test_without_steps_that_were_followed_the_loss_alone_is_named():
    with pytest.raises(DivergedError, match="the training loss became nan; lower"):
        DivergenceCheck(spec()).last_loss(math.nan)


class OnADevice:
    """An array that gives its numbers one by one and never itself, as those of GPUs."""

    def __init__(self, values):
        self._values, self.ndim = np.array(values), np.ndim(values)

    def __iter__(self):
        return map(OnADevice, self._values)

    def __float__(self):
        return float(self._values)

    def __array__(self, *arguments, **options):
        raise TypeError("this array is on a device")


@pytest.mark.parametrize("values", [0.5, [0.5, 2.0], [[0.5, 2.0], [1.0, 3.0], [4.0, 5.0]]])
def test_losses_of_another_device_are_read_one_by_one(values):
    assert to_numbers(OnADevice(values)) == to_numbers(np.array(values)) == values


class Elsewhere:
    """An array that NumPy cannot take whole, as PyTorch's of another device."""

    def __init__(self, values):
        self.values, self.ndim = values, 1

    def __iter__(self):
        return iter(self.values)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert device array to numpy")


def test_an_array_is_taken_whole_where_numpy_can_and_else_number_by_number():
    class Whole:
        """An array that starts a program for each number, as JAX's."""

        ndim = 1

        def __iter__(self):
            raise AssertionError("a program for each number")

        def __array__(self, dtype=None, copy=None):
            return np.array([1.5, 2.5], np.float32)

    assert to_numbers(Whole()) == [1.5, 2.5]
    assert to_numbers(Elsewhere([1.5, 2.5])) == [1.5, 2.5]
    assert to_numbers(np.array([1, 2])) == [1.0, 2.0]
