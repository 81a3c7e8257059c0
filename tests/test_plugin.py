"""The contract: what counts as a plugin, and which capability is found in which object."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from dlbench import plugin as contract
from dlbench.errors import ContractViolation, UnknownName, Unsupported
from dlbench.plugin import Batch, BuildRequest, ModelInfo, ModelPlugin
from dlbench.prepare import Prepared, build_checked, prepare
from dlbench.spec import Spec
from dlbench_fake import naughty
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal
from dlbench_fake.naughty import LIES, Mischief, Naughty

CAPABILITIES = {
    contract.MultipliesMatrices: ("multiply",),
    contract.Stages: ("stage",),
    contract.Synchronizes: ("sync",),
    contract.ReportsDeviceMemory: ("device_memory_peak", "reset_device_memory_peak"),
    contract.ExchangesParameters: ("export_parameters", "import_parameters"),
    contract.ComputesGradients: ("gradients",),
    contract.ReportsCompilation: ("compilation",),
    contract.ListsDevices: ("devices",),
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
    assert {kind for kind in protocols if kind.__module__ == contract.__name__} - {ModelPlugin} == set(CAPABILITIES)


def test_the_minimal_plugin_has_no_capability_and_the_good_one_all_that_a_cpu_can_have() -> None:
    assert not [kind for kind in CAPABILITIES if isinstance(Minimal(), kind)]
    lacking = {kind.__name__ for kind in CAPABILITIES if not isinstance(LinearPlugin(), kind)}
    assert lacking == {"Synchronizes", "ReportsDeviceMemory"}


def _spec(plugin: str = "fake.linear", **values: object) -> Spec:
    defaults = {"phase": "train", "path": "eager", "size": "small", "task": "line", "batch_size": 32, "threads": 1}
    return Spec(plugin=plugin, **defaults | values)  # type: ignore[arg-type]


def _prepared(plugin: ModelPlugin, /, **values: object) -> Prepared:
    return prepare(_spec(**values), plugin)


def _built(plugin: ModelPlugin, /, **values: object) -> Prepared:
    prepared = _prepared(plugin, **values)
    build_checked(plugin, prepared.request)
    return prepared


def test_a_request_for_a_known_architecture_carries_its_configuration_and_initial_values() -> None:
    request = _prepared(LinearPlugin(), seed=3).request
    assert request.configuration.batch_size == 32
    assert request.parameters is not None
    expected = request.configuration.initial_parameters(request.signature, 3)
    assert {name: value.tobytes() for name, value in request.parameters.items()} == {
        name: value.tobytes() for name, value in expected.items()
    }


def test_a_request_for_an_unknown_architecture_carries_neither() -> None:
    request = _prepared(Minimal(), plugin="fake.minimal").request
    assert (request.configuration, request.parameters) == (None, None)


def test_the_sequence_of_a_size_reaches_the_task() -> None:
    prepared = _prepared(LinearPlugin(), plugin="fake.transformer", task="text", size="base", batch_size=2)
    assert prepared.request.signature.inputs.shape == (2, 128)


def test_a_size_that_does_not_exist_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName, match="unknown size of linear 'smal'; did you mean small"):
        _prepared(LinearPlugin(), size="smal")


class _Says:
    """A plugin that answers `build` with what it was given."""

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
        _built(_Says(_info(**said)))
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
    prepared = _prepared(_Stages(_info(device=said)), device=asked)
    if agrees:
        assert build_checked(prepared.plugin, prepared.request).device == said
    else:
        with pytest.raises(ContractViolation, match=f"asked for device {asked}, built device {said}"):
            build_checked(prepared.plugin, prepared.request)


def test_threads_may_be_left_open_and_the_count_of_an_unknown_architecture_is_believed() -> None:
    _built(_Says(_info(threads=None)))
    _built(_Says(_info(threads=1, parameter_count=123)), plugin="fake.other")


@pytest.mark.parametrize("asked", [{"steps_per_call": 10}, {"data": "host"}])
def test_a_plugin_that_says_nothing_of_an_axis_is_refused_when_it_is_asked_for(asked: dict) -> None:
    with pytest.raises(ContractViolation, match=r"fake\.minimal: asked for (steps per call 10|data on the host)"):
        _built(Minimal(), plugin="fake.minimal", task="line", **asked)


def test_the_compiler_is_the_one_that_was_asked_for() -> None:
    with pytest.raises(ContractViolation, match="asked for compiler other, built compiler fake"):
        _built(_Says(_info(path="jit", compiler="fake")), path="jit", compiler="other")
    _built(_Says(_info(path="jit", compiler="fake")), path="jit", compiler="fake")


def test_data_on_another_device_was_staged_there() -> None:
    with pytest.raises(ContractViolation, match=r"asked for data on the gpu:0, built data on the host, without stage"):
        _built(_Says(_info(device="gpu:0")), device="gpu")
    _built(_Says(_info(device="gpu:0", data="host")), device="gpu", data="host")


def test_the_path_jit_must_name_its_compiler() -> None:
    with pytest.raises(ContractViolation, match="compiler"):
        _built(_Says(_info(path="jit")), path="jit")
    _built(_Says(_info(path="jit", compiler="fake")), path="jit")


@pytest.mark.parametrize("nonsense", [None, "built", {"device": "cpu"}, ModelInfo])
def test_what_is_no_model_info_is_a_violation(nonsense: object) -> None:
    with pytest.raises(ContractViolation, match=r"plugin fake\.linear: build\(\) must return a ModelInfo, got"):
        _built(_Says(nonsense))


@pytest.mark.parametrize(
    "wrong", [{"parameter_count": "nine"}, {"parameter_count": np.int64(9)}, {"versions": {"numpy": 2}}]
)
def test_a_model_info_that_the_record_could_not_keep_is_a_violation(wrong: dict) -> None:
    with pytest.raises(ContractViolation, match="returned a ModelInfo that cannot be kept"):
        _built(_Says(_info(**wrong)))


@pytest.mark.parametrize("field", LIES)
def test_every_lie_of_the_fake_plugin_is_found_out(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naughty, "MISCHIEF", Mischief(f"build:lie={field}"))
    with pytest.raises(ContractViolation, match=r"plugin naughty\.linear"):
        _built(Naughty(), plugin="naughty.linear")


@pytest.mark.parametrize("asked", [{"path": "jit"}, {"path": "graph"}, {"device": "gpu"}, {"precision": "bf16"}])
@pytest.mark.parametrize("make", [LinearPlugin, Minimal])
def test_what_a_plugin_cannot_do_is_unsupported(make: type, asked: dict) -> None:
    with pytest.raises(Unsupported, match=next(iter(asked.values()))):
        _built(make(), **asked)


@pytest.mark.parametrize(("make", "name"), [(LinearPlugin, "fake.linear"), (Minimal, "fake.minimal")])
def test_the_good_plugins_reach_the_target_of_the_line(make: type, name: str) -> None:
    prepared = _built(make(), plugin=name)
    for step in range(prepared.task.info.budget_steps):
        prepared.plugin.train_step(prepared.task.batch(0, step))
    assert prepared.task.evaluate(prepared.plugin.predict) <= prepared.task.info.target


def test_the_good_plugin_predicts_what_the_core_says_and_predicting_changes_nothing() -> None:
    prepared = _built(LinearPlugin())
    request, inputs = prepared.request, prepared.task.batch(0, 0).inputs
    oracle = request.configuration.forward(request.parameters, inputs, request.signature)
    for _ in range(2):
        np.testing.assert_allclose(prepared.plugin.predict(inputs), oracle, atol=5e-6)


def test_the_gradients_of_the_good_plugin_agree_with_finite_differences() -> None:
    prepared = _built(LinearPlugin())
    plugin, batch = prepared.plugin, prepared.task.batch(0, 0)
    assert isinstance(plugin, LinearPlugin)
    start, gradients = plugin.export_parameters(), plugin.gradients(batch)

    def loss(parameters: dict) -> float:
        outputs = prepared.request.configuration.forward(parameters, batch.inputs, prepared.request.signature)
        return float(((outputs.astype(np.float64) - batch.targets) ** 2).mean())

    for name, value in start.items():
        for place in np.ndindex(value.shape):
            ends = []
            for nudge in (1e-2, -1e-2):
                moved = {key: array.astype(np.float64) for key, array in start.items()}
                moved[name][place] += nudge
                ends.append(loss(moved))
            assert gradients[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-2, abs=1e-4)


def test_adam_of_the_good_plugin_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    prepared = _built(LinearPlugin())
    plugin, request = prepared.plugin, prepared.request
    assert isinstance(plugin, LinearPlugin)
    assert request.parameters is not None
    weights = {name: torch.tensor(value, requires_grad=True) for name, value in request.parameters.items()}
    adam = request.optimizer
    optimizer = torch.optim.Adam(weights.values(), adam.learning_rate, (adam.beta1, adam.beta2), adam.epsilon)
    for step in range(20):
        batch = prepared.task.batch(0, step)
        optimizer.zero_grad()
        outputs = torch.from_numpy(batch.inputs) @ weights["kernel"] + weights["bias"]
        loss = torch.nn.functional.mse_loss(outputs, torch.from_numpy(batch.targets))
        loss.backward()
        optimizer.step()
        assert plugin.train_step(batch) == pytest.approx(loss.item(), rel=1e-5)
    for name, value in plugin.export_parameters().items():
        np.testing.assert_allclose(value, weights[name].detach().numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("switch", "code", "said"),
    [
        ("import:raise=OSError", 1, "OSError: told to fail"),
        ("import:raise=Unsupported", 1, "Unsupported: told to fail"),
        ("import:exit=3", 3, ""),
        ("import:os-exit=4", 4, ""),
        ("import:signal=SIGKILL", -9, ""),
        ("import:signal=SIGSEGV", -11, ""),
        ("import:print=5", 0, "xxxxx"),
        ("import:leak=1 import:allocate=16 import:sleep=0.01 import:spin=0.01", 0, ""),
        ("import:explode", 1, "'import:explode' is not WHERE:HOW"),
        ("nowhere:raise", 1, "'nowhere:raise' is not WHERE:HOW"),
    ],
)
def test_the_naughty_plugin_does_as_it_is_told(switch: str, code: int, said: str) -> None:
    command = [sys.executable, "-c", "import dlbench_fake.naughty"]
    environment = os.environ | {"DLBENCH_FAKE": switch}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == code
    assert said in result.stdout + result.stderr


def test_the_naughty_plugin_hangs_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "print('up', flush=True); import dlbench_fake.naughty; print('past')"]
    environment = os.environ | {"DLBENCH_FAKE": "import:hang"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        process.kill()
        assert process.stdout.read() == ""


@pytest.mark.parametrize(("factor", "repeats"), [("1.05", 5), ("2.5", 150), ("1", 0), ("3", 200)])
def test_slower_by_a_factor_is_that_much_more_work(factor: str, repeats: int) -> None:
    mischief, done = Mischief(f"train_step:slower={factor}"), []
    for _ in range(100):
        mischief.around("train_step", lambda: None, lambda: done.append(1))
    assert len(done) == repeats


def test_a_switch_with_a_number_acts_from_that_call_on() -> None:
    mischief = Mischief("predict:return=none@3")
    assert [mischief.around("predict", lambda: 1) for _ in range(4)] == [1, 1, None, None]


def test_work_that_is_rehearsed_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for switches in ("", "train_step:slower=3"):
        monkeypatch.setattr(naughty, "MISCHIEF", Mischief(switches))
        prepared = _built(Naughty(), plugin="naughty.linear")
        results.append([prepared.plugin.train_step(prepared.task.batch(0, step)) for step in range(20)])
    assert results[0] == results[1]


def test_a_call_may_take_no_more_steps_than_lie_between_two_evaluations() -> None:
    with pytest.raises(Unsupported, match=r"100000 steps a call in the phase converge: task line .*; choose no more"):
        _prepared(LinearPlugin(), phase="converge", steps_per_call=100_000)
    assert _prepared(LinearPlugin(), phase="train", steps_per_call=100_000).request.spec.steps_per_call == 100_000
