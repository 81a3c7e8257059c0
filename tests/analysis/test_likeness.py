"""Pairs of arms that checks found to be two models, or two computations."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import spec

from dlbench.analysis.likeness import Likeness
from dlbench.record.fidelity import Deviation, Fidelity
from dlbench.record.parity import Difference, Parity

pytestmark = pytest.mark.untimed

FIRST, PORT = spec("tf.transformer"), spec("torch.transformer")
FIRST_EAGER, PORT_EAGER = (msgspec.structs.replace(one, path="eager") for one in (FIRST, PORT))


def parity(candidate, error):
    differences = (Difference(what="output", difference=error, tolerance=5e-6, worst=error),)
    return Parity(baseline=FIRST, candidate=candidate, seeds=(0,), steps=20, differences=differences)


FOUND = Likeness([parity(FIRST_EAGER, 0.0), parity(PORT, 1.0), parity(PORT_EAGER, 1.0)])


def test_a_port_that_differs_is_another_model_than_every_path_of_the_first_in_every_phase():
    pairs = [(one, other) for one in (FIRST, FIRST_EAGER) for other in (PORT, PORT_EAGER)]
    assert {FOUND.unlike(*pair) for pair in pairs} == {"model"}
    predicting = [msgspec.structs.replace(one, phase="predict", seed=3) for one in (PORT, FIRST_EAGER)]
    assert FOUND.unlike(*predicting) == "model"


def test_paths_of_one_program_stay_one_model_whatever_another_is():
    assert FOUND.unlike(FIRST, FIRST_EAGER) is None
    assert FOUND.unlike(PORT, PORT_EAGER) is None


def test_two_programs_that_both_differ_from_the_first_are_two():
    another = msgspec.structs.replace(PORT, plugin="acme.transformer")
    assert Likeness([parity(PORT, 1.0), parity(another, 1.0)]).unlike(PORT, another) == "model"


def test_nothing_is_said_of_arms_that_were_not_checked():
    assert Likeness().unlike(FIRST, PORT) is None
    unchecked = msgspec.structs.replace(parity(PORT, 1.0), differences=(), reason="acme lacks gradients()")
    assert Likeness([unchecked]).unlike(FIRST, PORT) is None


def test_an_arm_that_its_precision_does_not_explain_is_another_computation():
    wrong = Fidelity(spec=PORT, deviations=(Deviation(what="outputs", error=0.1, explained=1e-3),))
    right = Fidelity(spec=FIRST, deviations=(Deviation(what="outputs", error=1e-7, explained=1e-3),))
    found = Likeness(errors=[right, wrong])
    assert found.unlike(FIRST, PORT) == "computation"
    assert found.unlike(FIRST, FIRST_EAGER) is None
