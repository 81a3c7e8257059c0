"""Faults that run without an error are named by the errors of an arm; an honest plugin is not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sides import spec

from dlbench.measure.build import prepare
from dlbench.parity.deviations import ROUNDOFFS, deviations
from dlbench.parity.probe import STEPS, probe
from dlbench.parity.reference import nudged
from dlbench.plugin import Batch
from dlbench_fake.linear import LinearPlugin
from studies.silent_wrong import __main__ as study

pytestmark = pytest.mark.untimed

SPEC = spec("fake.linear")


class DroppedBias(LinearPlugin):
    def predict(self, inputs):
        return inputs @ self._parameters["kernel"] + np.float32(0) * self._parameters["bias"]


class StaleWeight(LinearPlugin):
    def train_step(self, batch):
        before = self._parameters["bias"]
        loss = super().train_step(batch)
        self._parameters["bias"] = before
        return loss


class WrongType(LinearPlugin):
    def predict(self, inputs):
        rounded = self._parameters["kernel"].view(np.uint32) & np.uint32(0xFFFF0000)
        return inputs @ rounded.view(np.float32) + self._parameters["bias"]


class SummedLoss(LinearPlugin):
    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        return loss * len(batch.inputs), {name: value * len(batch.inputs) for name, value in gradients.items()}


class HalfBatch(LinearPlugin):
    def _differentiate(self, batch):
        return super()._differentiate(Batch(*(part[: len(part) // 2] for part in batch)))


class StoppedGradient(LinearPlugin):
    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        return loss, {**gradients, "kernel": np.zeros_like(gradients["kernel"])}


class OtherRate(LinearPlugin):
    def train_step(self, batch):
        before = dict(self._parameters)
        loss = super().train_step(batch)
        faster = {name: before[name] + np.float32(1.1) * (now - before[name]) for name, now in self._parameters.items()}
        self._parameters = faster
        return loss


def named(plugin: type[LinearPlugin]) -> list[str]:
    """The quantities of this plugin whose error its precision does not explain, against the honest one."""
    nudge = partial(nudged, ROUNDOFFS["fp32"])
    exact, moved = (probe(prepare(SPEC, LinearPlugin()), STEPS, gradients=True, nudge=one) for one in (None, nudge))
    arm = probe(prepare(SPEC, plugin()), STEPS, gradients=True)
    return [one.what for one in deviations(exact, arm, moved) if not one.holds]


def test_the_honest_plugin_is_not_named() -> None:
    assert named(LinearPlugin) == []


@pytest.mark.parametrize(
    "plugin", [DroppedBias, StaleWeight, WrongType, SummedLoss, HalfBatch, StoppedGradient, OtherRate]
)
def test_a_planted_fault_is_named(plugin: type[LinearPlugin]) -> None:
    assert named(plugin) != []


@pytest.mark.parametrize("framework", study.FRAMEWORKS)
def test_every_fault_is_planted_in_each_framework(framework: str) -> None:
    text = (study.PLUGINS / "dlbench_silent_wrong-1.dist-info" / "entry_points.txt").read_text()
    source = (study.PLUGINS.parent / f"in_{framework}.py").read_text()
    for fault, (architecture, _) in study.FAULTS.items():
        function = fault.replace("-", "_")
        assert f"{framework}-{fault}.{architecture} = studies.silent_wrong.in_{framework}:{function}\n" in text
        assert f"\ndef {function}() -> " in source
    assert len(study.FAULTS) == 12


def test_the_table_counts_what_is_named() -> None:
    row = {"parity": "", "errors": {"outputs": 1e-7}, "beyond": [], "why": "", "clauses": []}
    rows = {"torch-dropped-bias.mlp eager": {**row, "beyond": ["outputs"]}, "torch.mlp eager": row}
    page = study.table(rows)
    assert "1 of 1 planted variants are named as not the same by `dlbench run`, and 0 of" in page
    assert "1 arms of honest plugins" in page


@pytest.mark.slow
@pytest.mark.parametrize("framework", study.FRAMEWORKS)
@pytest.mark.parametrize("architecture", ["mlp", "lstm", "transformer"])
def test_planted_faults_of_a_framework_are_named_and_its_plugin_is_not(framework: str, architecture: str) -> None:
    rows = study.part(framework, architecture, check=False, compiled=False)
    assert {arm for arm, row in rows.items() if not study.named(row)} == {f"{framework}.{architecture} eager"}
