"""Parity of models of the user's own: paths by parameter names, two models by the user's function."""

from __future__ import annotations

import re
import textwrap

import msgspec
import numpy as np
import pytest
from msgspec import structs

from dlbench.parity import comparable, fidelity
from dlbench.parity.check import check, differences
from dlbench.record.parity import Parity
from dlbench.report.parity import sentence
from dlbench.spec import InputSpec, ModelSource, Spec

pytestmark = pytest.mark.untimed

FILE = """
import numpy as np
from dlbench_fake.nets import Forgetful, Net

class First(Net):
    def __init__(self):
        super().__init__(8)

class Second(Net):
    def __init__(self):
        super().__init__(8)
        self.parameters["kernel_0"] = 2 * self.parameters["kernel_0"]

class Running(Net):
    momentum = np.float32(0.1)
    def __init__(self):
        super().__init__(8)
        self.parameters["mean"] = np.zeros(8, np.float32)
    def __call__(self, inputs):
        self.parameters["mean"] = self.momentum * inputs.mean(axis=0)
        return super().__call__(inputs)

class Faster(Running):
    momentum = np.float32(0.2)

class Unseeded(Forgetful):
    def __init__(self):
        super().__init__(8)

def turned(state):
    return dict(state)

def unturned(state):
    return {"bias": state["bias"], "kernel_0": state["kernel_0"][::-1]}

def less(state):
    return {"bias": state["bias"]}

def more(state):
    return {**turned(state), "gate": state["bias"]}

def flat(state):
    return {"bias": state["bias"], "kernel_0": state["kernel_0"].reshape(-1)}

def nothing(state):
    pass
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLBENCH_FAKE_JIT", "1,0,0")
    (tmp_path / "own.py").write_text(textwrap.dedent(FILE))


def spec(name, path="eager", convert=""):
    source = ModelSource(
        reference=f"own.py:{name}",
        inputs=(InputSpec((16, 8)),),
        targets=InputSpec((16,), "int32", 3),
        loss="cross_entropy",
        convert=convert and f"own.py:{convert}",
    )
    values = {"size": "small", "task": "synthetic_inputs", "batch_size": 16, "threads": 1, "phase": "train"}
    return Spec(plugin="fake.First", path=path, model=source, **values)


def found(*specs, seeds=(0, 1)):
    return check(specs, seeds, 60.0)


def test_the_paths_of_one_model_are_compared_by_the_names_of_its_parameters_without_a_word():
    (one,) = found(spec("First"), spec("First", "jit"))
    assert one.same, one.reason
    kinds = [difference.what for difference in one.differences]
    assert kinds == [
        "FLOPs",
        "output",
        "losses",
        *(f"{kind} {name}" for kind in ("parameter", "gradient") for name in ("bias", "kernel_0")),
    ]


def test_a_model_that_ignores_the_seed_is_not_checked_and_says_so():
    (one,) = found(spec("Unseeded"), spec("Unseeded", "jit"), seeds=(0,))
    assert one.same is None
    assert "the model ignores the seed: " in one.reason


def test_another_model_in_another_environment_is_not_blamed_on_the_seed():
    """One reference whose code differs between two commits."""
    asked = msgspec.structs.replace(spec("First"), python="head")
    began = {"parameter/last": np.zeros(3), "output": np.zeros(2)}
    assert comparable.ignores_seed(asked, began, {**began, "parameter/new": np.zeros(3)}) == ""
    said = comparable.ignores_seed(asked, began, {**began, "parameter/last": np.ones(3)})
    assert "last starts from other values in head: its code there draws them otherwise" in said


def test_two_models_are_one_by_the_function_that_turns_the_state_of_the_first_into_that_of_the_second():
    first, second, third = spec("First"), spec("Second", convert="turned"), spec("Second", "jit", convert="turned")
    assert [one.same for one in found(first, second, third)] == [True, True]
    (wrong,) = found(first, spec("Second", convert="unturned"))
    assert wrong.same is False
    assert {"output", "losses"} <= {one.what for one in wrong.differences if not one.holds}


def test_a_converted_model_has_errors_against_its_own_exact_form():
    """Not against the first model's, though both have its name; so parity alone tells a wrong conversion."""
    arms = [spec("First"), spec("Second", convert="unturned"), spec("Second", "jit", convert="unturned")]
    errors = fidelity.check([*arms, spec("Unseeded", convert="turned")], 60.0, {})
    assert [one.reference for one in errors] == [
        "fake.First in float32, eager",
        *["fake.First (own.py:Second) in float32, eager"] * 2,
        "fake.First (own.py:Unseeded) in float32, eager",
    ]
    assert [one.same for one in errors] == [True, True, True, None]
    assert "the model ignores the seed" in errors[-1].reason


@pytest.mark.parametrize(
    ("convert", "said"),
    [
        ("less", "own.py:less leaves out kernel_0; give all 2 of the second model"),
        ("more", "own.py:more gives gate, which the second model lacks; it has kernel_0, bias"),
        ("flat", "own.py:flat gives kernel_0 the shape (24,); it is (8, 3)"),
        ("nothing", "own.py:nothing returned None; it must return a dict of arrays by name"),
        ("gone", "unknown name in own.py 'gone'"),
    ],
)
def test_a_conversion_that_does_not_fit_is_refused_naming_what(convert, said):
    (one,) = found(spec("First"), spec("Second", convert=convert), seeds=(0,))
    assert one.same is None
    assert said in one.reason


def test_two_models_without_a_function_are_not_checked_and_the_report_says_what_to_give():
    (one,) = found(spec("First"), spec("Second"), seeds=(0,))
    assert one.same is None
    said = "no conversion from the state of own.py:First to the state of own.py:Second is given; give both by --model"
    assert said in one.reason


def test_plugins_of_a_packages_own_architecture_make_a_family_of_the_paths_of_one_alone():
    def own(plugin, path):
        return Spec(plugin=plugin, path=path, size="small", task="line", batch_size=8, threads=1, phase="train")

    several = own("acme.wide", "eager"), own("acme.wide", "jit"), own("beta.wide", "eager")
    assert comparable.families(several) == [list(several[:2])]


def kinds(found):
    return {one.what.partition(" ")[0] for one in found.differences}


def test_a_session_compares_first_gradients_and_state_where_nothing_is_compiled_for_them():
    (found,) = check([spec("Running"), spec("Running", convert="turned")], (0,), 60.0, quick=True)
    assert found.same
    assert kinds(found) == {"output", "losses", "parameter", "gradient", "state"}
    assert re.search(
        r"same model: yes; output within .*, first gradients within .*, state within .*, losses", sentence(found)
    )


def test_a_compiled_path_is_compared_by_its_state_with_one_that_is_not():
    (found,) = check([spec("Running"), spec("Running", "jit")], (0,), 60.0, quick=True)
    assert found.same
    assert {one.what for one in found.differences if one.what.startswith("state")} == {"state mean"}
    assert "gradient" not in kinds(found)
    (found,) = check([spec("Running", "jit"), spec("Running")], (0,), 60.0, quick=True)
    assert "state" in kinds(found)


@pytest.mark.parametrize(("first", "second"), [("eager", "eager"), ("jit", "eager")])
def test_a_running_mean_that_runs_otherwise_is_another_model_though_outputs_and_losses_agree(first, second):
    sides = [spec("Running", first), spec("Faster", second, convert="turned")]
    (found,) = check(sides, (0,), 60.0, quick=True)
    assert found.same is False
    assert [one.what for one in found.differences if not one.holds] == ["state mean"]
    assert "gradient" not in kinds(found) if first == "jit" else "gradient" in kinds(found)


def test_of_two_compiled_models_nothing_tells_state_from_parameters():
    sides = [spec("Running", "jit"), spec("Faster", "jit", convert="turned")]
    (found,) = check(sides, (0,), 60.0, quick=True)
    assert kinds(found) == {"output", "losses", "parameter"}


def test_a_gradient_of_the_wrong_size_is_found_though_adam_hides_it_and_an_edge_is_not_taken_for_one():
    def beside(factor):
        sides = [{"gradient/kernel": np.ones(4)}, {"gradient/kernel": factor * np.ones(4)}]
        found = Parity(baseline=spec("First"), candidate=spec("First"), seeds=(0,), steps=20)
        return comparable.beside_edges(structs.replace(found, differences=tuple(differences(*sides)))).same

    assert beside(1 + 2e-3)
    assert beside(2.0) is False
