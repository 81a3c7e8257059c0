"""A plugin that only predicts: training is refused, what predictions show is examined and compared."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from built import unbuilt
from examined import SPEC, TIMED, UNTIMED, findings, problems

from dlbench.conformance.clauses import OF_TRAINING
from dlbench.errors import Unsupported
from dlbench.measure import phases
from dlbench.parity.check import differences
from dlbench.parity.comparable import had_by_both
from dlbench.parity.probe import probe
from dlbench.plugin import Description
from dlbench.record.parity import Difference, Parity
from dlbench.report.parity import sentence
from dlbench.session import inference
from dlbench_fake.linear import LinearPlugin

pytestmark = pytest.mark.untimed

PREDICT = "predict"


class Predicting(LinearPlugin):
    """A model that nobody can train here."""

    def missing_phases(self):
        return dict.fromkeys(("train", "converge"), "the model is finished")

    def train_step(self, batch):
        raise AssertionError("a plugin that only predicts was asked to train")


class Forgetful(Predicting):
    """Keeps the outputs of an array for as long as it is the same array."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def predict(self, inputs):
        return self.kept.setdefault(id(inputs), np.array(super().predict(inputs)))


def test_a_phase_that_is_missing_is_refused_with_the_plugins_reason():
    with pytest.raises(Unsupported, match=r"phase converge: the model is finished; choose --phase predict"):
        unbuilt(Predicting(), phase="converge")
    assert unbuilt(Predicting(), phase=PREDICT).request.spec.phase == PREDICT


def test_predictions_are_examined_and_training_is_left_out(monkeypatch):
    found = {one.clause: one for one in findings(Predicting, monkeypatch, clauses=UNTIMED)}
    assert [one for one in found.values() if one.verdict == "broken"] == []
    left_out = {name for name, one in found.items() if "the phase predict alone" in one.why}
    assert left_out == OF_TRAINING
    for clause in ("outputs_are_the_architecture", "outputs_are_computed_anew", "host_data_is_copied_in_every_step"):
        assert found[clause].verdict == "holds", found[clause]


def test_the_timed_clauses_hold_for_predictions_too(monkeypatch):
    assert problems(Predicting, monkeypatch, clauses=[one for one in TIMED if "seen" not in one]) == {}


def test_outputs_that_are_kept_are_found(monkeypatch):
    assert "outputs_are_computed_anew" in problems(Forgetful, monkeypatch, clauses=["outputs_are_computed_anew"])


def test_parity_compares_what_both_sides_show():
    whole = probe(unbuilt(LinearPlugin()), 3, gradients=True)
    spec = phases.possible(msgspec.structs.replace(SPEC), Predicting())
    alone = probe(unbuilt(Predicting(), phase=spec.phase), 3, gradients=True)
    assert {name.partition("/")[0] for name in alone} == {"parameter", "output", "FLOPs"}
    assert "losses" in whole
    for sides in ((whole, alone), (alone, whole), (alone, alone)):
        assert all(one.holds for one in differences(*had_by_both(*sides)))
    off = {**alone, "output": alone["output"] + 1e-4}
    assert [one.what for one in differences(*had_by_both(whole, off)) if not one.holds] == ["output"]


def test_the_line_of_parity_claims_no_steps_that_nobody_took():
    found = Difference(what="output", difference=1e-7, tolerance=5e-6, worst=1e-7)
    said = sentence(Parity(baseline=SPEC, candidate=SPEC, seeds=(0,), steps=20, differences=(found,)))
    assert said.endswith("output within 1e-07 over 1 seed, in prediction alone")


def test_a_model_of_ones_own_is_measured_in_the_phases_and_paths_that_it_has():
    said = Description(paths=("graph",), phases=(PREDICT,))
    assert inference._paths({}, said) == ("graph",)
    assert inference._paths({"path": ["jit"]}, said) == ["jit"]
    assert inference._paths({}, Description(paths=("eager", "jit"))) == ("eager",)
