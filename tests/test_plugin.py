"""The contract: the shape of a plugin, and the capabilities found in an object."""

from __future__ import annotations

import numpy as np
import pytest
from built import built, unbuilt

from dlbench import plugin as contract
from dlbench.errors import ContractViolation, UnknownName, Unsupported
from dlbench.measure.build import build_checked
from dlbench.plugin import Batch, BuildRequest, ModelInfo, ModelPlugin
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal

pytestmark = pytest.mark.untimed

CAPABILITIES = {
    contract.MultipliesMatrices: ("multiply",),
    contract.Stages: ("stage",),
    contract.Synchronizes: ("sync",),
    contract.ReportsDeviceMemory: ("device_memory_peak", "reset_device_memory_peak"),
    contract.ExchangesParameters: ("export_parameters", "import_parameters"),
    contract.ComputesGradients: ("gradients",),
    contract.ReportsCompilation: ("compilation",),
    contract.ListsDevices: ("devices",),
    contract.ReadsVariables: ("variables",),
    contract.Describes: ("describe",),
    contract.CountsFlops: ("flops",),
    contract.Profiles: ("profile",),
    contract.Instruments: ("instrument",),
    contract.LacksPhases: ("missing_phases",),
    contract.TakesSettings: ("settings", "read_settings"),
    contract.TrainsInParallel: ("join", "weights", "leave"),
    contract.TrainsOnDevices: ("weights_of_devices", "join", "weights", "leave"),
}


def _having(*methods: str) -> object:
    return type("Plugin", (), dict.fromkeys(methods, lambda self: None))()


def test_three_methods_make_a_plugin_and_two_do_not() -> None:
    methods = ("build", "train_step", "predict")
    assert isinstance(_having(*methods), ModelPlugin)
    for missing in methods:
        assert not isinstance(_having(*(name for name in methods if name != missing)), ModelPlugin)


@pytest.mark.parametrize(("capability", "methods"), CAPABILITIES.items())
def test_a_capability_is_seen_when_all_its_methods_are_there(capability: type, methods: tuple[str, ...]) -> None:
    assert isinstance(_having(*methods), capability)
    assert not isinstance(_having(*methods[1:]), capability)


def test_every_capability_of_the_contract_is_in_this_test() -> None:
    protocols = {kind for kind in vars(contract).values() if getattr(kind, "_is_protocol", False)}
    assert protocols - {ModelPlugin, contract.Adapts} == set(CAPABILITIES)


def test_the_minimal_plugin_has_no_capability_and_the_good_one_all_that_a_cpu_can_have() -> None:
    assert not [kind for kind in CAPABILITIES if isinstance(Minimal(), kind)]
    lacking = {kind.__name__ for kind in CAPABILITIES if not isinstance(LinearPlugin(), kind)}
    assert lacking == {"Synchronizes", "ReportsDeviceMemory", "Describes", "CountsFlops", "LacksPhases"}


def test_a_request_for_a_known_architecture_carries_its_configuration_and_initial_values() -> None:
    request = unbuilt(LinearPlugin(), seed=3).request
    assert request.configuration.batch_size == 32
    assert request.parameters is not None
    expected = request.configuration.initial_parameters(request.signature, 3)
    assert {name: value.tobytes() for name, value in request.parameters.items()} == {
        name: value.tobytes() for name, value in expected.items()
    }


def test_a_request_for_an_unknown_architecture_carries_neither() -> None:
    request = unbuilt(Minimal(), plugin="fake.minimal").request
    assert (request.configuration, request.parameters) == (None, None)


def test_the_sequence_of_a_size_reaches_the_task() -> None:
    prepared = unbuilt(LinearPlugin(), plugin="fake.transformer", task="text", size="base", batch_size=2)
    assert prepared.request.signature.inputs.shape == (2, 128)


def test_a_size_that_does_not_exist_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName, match="unknown size of linear 'smal'; did you mean small"):
        unbuilt(LinearPlugin(), size="smal")


class _Says:
    """A plugin that answers `build` with a given value."""

    def __init__(self, info: object) -> None:
        self._info = info

    def build(self, request: BuildRequest) -> ModelInfo:
        return self._info  # type: ignore[return-value]

    def train_step(self, batch: Batch) -> float:
        return 0.0

    def predict(self, inputs: object) -> object:
        return inputs


class _Stages(_Says):
    def stage(self, batch: Batch) -> Batch:
        return batch


def _info(**values: object) -> ModelInfo:
    honest = {"parameter_count": 9, "device": "cpu", "precision": "fp32", "path": "eager"}
    return ModelInfo(**honest | values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "clause"),
    [
        ({"device": "gpu:0"}, "asked for device cpu, built device gpu:0"),
        ({"path": "graph"}, "asked for path eager, built path graph"),
        ({"precision": "tf32"}, "asked for precision fp32, built precision tf32"),
        ({"threads": 4}, "asked for threads 1, built threads 4"),
        ({"steps_per_call": 2}, "asked for steps per call 1, built steps per call 2"),
        ({"data": "host"}, "asked for data on the device, built data on the host"),
        ({"parameter_count": 8}, "asked for parameter count 9, built parameter count 8"),
    ],
)
def test_a_difference_between_spec_and_model_names_the_clause_and_both_values(said: dict, clause: str) -> None:
    with pytest.raises(ContractViolation) as caught:
        built(_Says(_info(**said)))
    assert str(caught.value).startswith(f"plugin fake.linear: {clause}; ")


@pytest.mark.parametrize(
    ("asked", "said", "agrees"),
    [
        ("auto", "cpu", True),
        ("auto", "gpu:1", True),
        ("gpu", "gpu:1", True),
        ("gpu", "cpu", False),
        ("gpu:0", "gpu:0", True),
        ("gpu:0", "gpu:1", False),
        ("gpu:1", "gpu:10", False),
        ("cpu", "gpu:0", False),
    ],
)
def test_devices_agree_as_the_spec_says(asked: str, said: str, agrees: bool) -> None:
    prepared = unbuilt(_Stages(_info(device=said)), device=asked)
    if agrees:
        assert build_checked(prepared.plugin, prepared.request).device == said
    else:
        with pytest.raises(ContractViolation, match=f"asked for device {asked}, built device {said}"):
            build_checked(prepared.plugin, prepared.request)


def test_threads_may_be_left_open_and_the_count_of_an_unknown_architecture_is_believed() -> None:
    built(_Says(_info(threads=None)))
    built(_Says(_info(threads=1, parameter_count=123)), plugin="fake.other")


@pytest.mark.parametrize("asked", [{"steps_per_call": 10}, {"data": "host"}])
def test_a_plugin_that_says_nothing_of_an_axis_is_refused_when_it_is_asked_for(asked: dict) -> None:
    with pytest.raises(ContractViolation, match=r"fake\.minimal: asked for (steps per call 10|data on the host)"):
        built(Minimal(), plugin="fake.minimal", task="line", **asked)


def test_the_compiler_is_the_one_that_was_asked_for() -> None:
    with pytest.raises(ContractViolation, match="asked for compiler other, built compiler fake"):
        built(_Says(_info(path="jit", compiler="fake")), path="jit", compiler="other")
    built(_Says(_info(path="jit", compiler="fake")), path="jit", compiler="fake")


def test_data_on_another_device_was_staged_there() -> None:
    with pytest.raises(ContractViolation, match=r"asked for data on the gpu:0, built data on the host, without stage"):
        built(_Says(_info(device="gpu:0")), device="gpu")
    built(_Says(_info(device="gpu:0", data="host")), device="gpu", data="host")


def test_the_path_jit_must_name_its_compiler() -> None:
    with pytest.raises(ContractViolation, match="compiler"):
        built(_Says(_info(path="jit")), path="jit")
    built(_Says(_info(path="jit", compiler="fake")), path="jit")


@pytest.mark.parametrize("nonsense", [None, "built", {"device": "cpu"}, ModelInfo])
def test_what_is_no_model_info_is_a_violation(nonsense: object) -> None:
    with pytest.raises(ContractViolation, match=r"plugin fake\.linear: build\(\) must return a ModelInfo, got"):
        built(_Says(nonsense))


@pytest.mark.parametrize(
    "wrong", [{"parameter_count": "nine"}, {"parameter_count": np.float64(9.5)}, {"versions": {"numpy": 2}}]
)
def test_a_model_info_that_the_record_could_not_keep_is_a_violation(wrong: dict) -> None:
    with pytest.raises(ContractViolation, match=r"fake\.linear: build\(\) returned a value that makes no sense"):
        built(_Says(_info(**wrong)))


def test_a_call_may_take_no_more_steps_than_lie_between_two_evaluations() -> None:
    with pytest.raises(Unsupported, match=r"100000 steps a call in the phase converge: task line .*; choose no more"):
        unbuilt(LinearPlugin(), phase="converge", steps_per_call=100_000)
    assert unbuilt(LinearPlugin(), phase="train", steps_per_call=100_000).request.spec.steps_per_call == 100_000
