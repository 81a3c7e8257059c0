"""Offenders of the study of explanations: what is planted is there, and both forms run alike."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pytest

from dlbench.record.explanation import Profile
from studies.explain import __main__ as study
from studies.explain.offenders import OFFENDERS

pytestmark = pytest.mark.untimed
KERNELS = """
import sys
import torch
from torch._inductor import config, metrics
from dlbench.plugin import Adam
from dlbench_torch import optimizers
from studies.explain.offenders import OFFENDERS
config.force_disable_caches = True  # a kernel from a cache is not counted
if sys.argv[1] == "old":
    OFFENDERS["broken-fusion"].plant()
layer = torch.nn.Linear(16, 16)
adam = optimizers.written(Adam(learning_rate=1e-3), dict(layer.named_parameters()))
step = torch.compile(lambda gradients: adam.update(adam.values, gradients, adam.moments, adam.scalars))
step({name: torch.ones_like(value) for name, value in layer.named_parameters()})
print(metrics.generated_kernel_count)
"""


@pytest.mark.slow
def test_a_broken_fusion_leaves_each_new_value_of_the_update_a_kernel_of_its_own():
    new, old = (
        int(subprocess.run([sys.executable, "-c", KERNELS, form], capture_output=True, text=True, check=True).stdout)
        for form in ("new", "old")
    )
    values = 2 * 3  # a weight and a bias, each with two moments
    assert new <= values < old


@pytest.mark.parametrize("name", OFFENDERS)
def test_both_forms_run_in_the_environment_of_their_offender(name, monkeypatch):
    seen = {}

    def run(command, *, env, **_):
        seen[command[-1]] = env
        return SimpleNamespace(returncode=0, stdout=msgspec.json.encode(Profile(spec=OFFENDERS[name].spec)))

    monkeypatch.setattr(study.subprocess, "run", run)
    monkeypatch.setenv("KEPT_TOO", "yes")
    for form in ("new", "old"):
        study._offender(name, form)
    assert seen["new"] == seen["old"]
    assert seen["new"].items() >= {**OFFENDERS[name].environment, "KEPT_TOO": "yes"}.items()
