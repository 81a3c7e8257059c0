"""Models of the user's own, measured in this process: several inputs, FLOPs by the framework, descriptions."""

from __future__ import annotations

import textwrap

import msgspec
import pytest

from dlbench.errors import SpecError, UnknownName
from dlbench.measure.describe import describe_model
from dlbench.spec import InputSpec, ModelSource, Spec
from dlbench.workers.backends import InProcessChild
from dlbench.workers.protocol import Build, Built, Close, Closed, First, Stepped

pytestmark = pytest.mark.untimed

FILE = """
import click
import numpy as np
from dlbench_fake.nets import Forgetful, Net

class One(Net):
    def __init__(self, outputs=3):
        super().__init__(8, outputs=outputs)

class Two(Net):
    def __init__(self):
        super().__init__(8, 4, outputs=2)
    def example_inputs(self):
        return np.zeros((16, 2, 4), np.float32), np.zeros((16, 4), np.float32)

class Named(One):
    def __call__(self, inputs):
        return {"hidden": inputs, "logits": super().__call__(inputs)}

class Broken(One):
    def __call__(self, inputs):
        return inputs @ np.zeros((5, 5))

stranger = object()
class Tool(click.Command): pass
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(textwrap.dedent(FILE))


def spec(name, *inputs, phase="train", **more):
    source = ModelSource(reference=f"own.py:{name}", inputs=inputs, **more.pop("source", {}))
    return Spec(
        plugin=f"fake.{name}",
        phase=phase,
        path="eager",
        size="small",
        task="synthetic_inputs",
        batch_size=16,
        threads=1,
        model=source,
        **more,
    )


def test_a_model_of_two_inputs_is_built_trained_and_its_flops_are_counted_by_the_framework():
    inputs = InputSpec((16, 2, 4)), InputSpec((16, 4))
    for phase, share in (("train", 3), ("predict", 1)):
        child = InProcessChild()
        asked = spec("Two", *inputs, phase=phase, source={"targets": InputSpec((16,), "int32", 2)})
        built = child.request(Build(spec=asked), Built)
        assert built.info.parameter_count == 8 * 2 + 4 * 2 + 2
        assert [code.of for code in built.code] == ["plugin fake.Two", "package dlbench-fake", "dlbench"]
        child.request(First(), Stepped)
        closed = child.request(Close(), Closed)
        assert closed.flops_per_step == share * 2 * 16 * (8 + 4) * 2
        assert closed.actual.taken_in == ("fp32",)


def test_a_description_finds_the_framework_by_what_the_reference_returns():
    found = describe_model(spec("Two"), "")
    assert found.framework == "fake"
    assert [one.shape for one in found.inputs] == [(16, 2, 4), (16, 4)]
    assert found.outputs.shape == (16, 2)


def test_an_object_of_no_framework_is_refused_with_its_class():
    with pytest.raises(SpecError, match=r"own\.py:stranger is of type object, no model of .*fake.*; name a class"):
        describe_model(spec("stranger"), "")


def test_a_model_of_a_framework_without_its_package_says_what_to_install():
    with pytest.raises(SpecError, match=r"type Tool of .*it is built on click: install .* dlbench-NAME.*`install`"):
        describe_model(spec("Tool"), "")
    with pytest.raises(SpecError) as found:
        describe_model(spec("stranger"), "")
    assert "built on" not in str(found.value)


def test_a_loader_whose_package_is_not_installed_says_what_to_install():
    asked = msgspec.structs.replace(spec("Two"), model=ModelSource(reference="zoo-small:resnet18"))
    with pytest.raises(UnknownName, match=r"'zoo-small'.*pip install dlbench-zoo-small"):
        describe_model(asked, "")


def test_inputs_that_do_not_fit_name_the_line_and_the_shapes_of_both_sides():
    with pytest.raises(SpecError, match=r"own\.py, line 22, .*: ValueError: .*5.*8"):
        describe_model(spec("Broken", InputSpec((16, 8))), "fake")


def test_a_model_without_inputs_says_which_option_states_them():
    with pytest.raises(SpecError, match=r"inputs are not known; give --input"):
        describe_model(spec("One"), "fake")


def test_an_output_by_name_is_chosen_and_said():
    found = describe_model(spec("Named", InputSpec((16, 8))), "")
    assert found.inferred == ("output logits is what the loss reads",)
    with pytest.raises(SpecError, match=r"output logit: the model returns hidden, logits"):
        describe_model(spec("Named", InputSpec((16, 8)), source={"output": "logit"}), "")
