"""The plugins that other tests use: the good ones are right, and the naughty one does as it is told."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from built import built

from dlbench.errors import ContractViolation, Unsupported
from dlbench_fake import naughty
from dlbench_fake.deeds import LIES
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal
from dlbench_fake.naughty import Mischief, Naughty

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("field", LIES)
def test_every_lie_of_the_fake_plugin_is_found_out(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naughty, "MISCHIEF", Mischief(f"build:lie={field}"))
    with pytest.raises(ContractViolation, match=r"plugin naughty\.linear"):
        built(Naughty(), plugin="naughty.linear")


@pytest.mark.parametrize("asked", [{"path": "jit"}, {"path": "graph"}, {"device": "gpu"}, {"precision": "bf16"}])
@pytest.mark.parametrize("make", [LinearPlugin, Minimal])
def test_what_a_plugin_cannot_do_is_unsupported(make: type, asked: dict) -> None:
    with pytest.raises(Unsupported, match=next(iter(asked.values()))):
        built(make(), **asked)


@pytest.mark.parametrize(("make", "name"), [(LinearPlugin, "fake.linear"), (Minimal, "fake.minimal")])
def test_the_good_plugins_reach_the_target_of_the_line(make: type, name: str) -> None:
    prepared = built(make(), plugin=name)
    for step in range(prepared.task.info.budget_steps):
        prepared.plugin.train_step(prepared.task.batch(0, step))
    assert prepared.task.evaluate(prepared.plugin.predict) <= prepared.task.info.target


def test_the_good_plugin_predicts_what_the_core_says_and_predicting_changes_nothing() -> None:
    prepared = built(LinearPlugin())
    request, inputs = prepared.request, prepared.task.batch(0, 0).inputs
    oracle = request.configuration.forward(request.parameters, inputs, request.signature)
    for _ in range(2):
        np.testing.assert_allclose(prepared.plugin.predict(inputs), oracle, atol=5e-6)


def test_the_gradients_of_the_good_plugin_agree_with_finite_differences() -> None:
    prepared = built(LinearPlugin())
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
    prepared = built(LinearPlugin())
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
        prepared = built(Naughty(), plugin="naughty.linear")
        results.append([prepared.plugin.train_step(prepared.task.batch(0, step)) for step in range(20)])
    assert results[0] == results[1]
