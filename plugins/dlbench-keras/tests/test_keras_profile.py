"""Profiles of Keras's steps by the profiler of each backend: all of a step has its category, products are there."""

from __future__ import annotations

import importlib.util
import json

import pytest
from backend_programs import BUILT, run

from dlbench.errors import Unsupported
from dlbench_keras.backends import BACKENDS

pytestmark = pytest.mark.untimed

PROFILED = (
    BUILT
    + """
import json
from dlbench.measure.profiling.attribution import attribute
from dlbench.measure.profiling.spans import window
spec, made, info = build(sys.argv[1], sys.argv[2])
batch = stage(made.plugin, spec, batch_of_call(made.task, spec, 0))
for _ in range(2):
    float(made.plugin.train_step(batch))
found = made.plugin.profile(lambda: float(made.plugin.train_step(batch)))
(step,) = (one for one in found if one.name == "dlbench step")
account = attribute(spec.plugin, window(spec.plugin, found, step.seconds), 1)
shares = {}
for op in account.ops:
    shares[op.category] = shares.get(op.category, 0.0) + op.seconds / step.seconds
products = sum(op.count for op in account.ops if op.category == "matrix product")
print(json.dumps([products, shares, [op.name for op in account.ops if op.category == "unattributed"]]))
"""
)
CASES = [(backend, path) for backend, one in BACKENDS.items() for path in one.paths]


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "path"), CASES)
def test_a_step_of_keras_is_attributed_by_its_backend(backend, path):
    if importlib.util.find_spec(BACKENDS[backend].module) is None:
        pytest.skip(f"{backend} is not installed")
    products, shares, unknown = json.loads(run(PROFILED, f"keras-{backend}.mlp", path).splitlines()[-1])
    assert sum(shares.values()) == pytest.approx(1.0, rel=1e-3)
    assert shares.get("unattributed", 0.0) <= 0.1, unknown
    assert products >= 3  # layers forward; a compiler may join those backward


def test_a_backend_whose_package_is_missing_says_which(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unsupported, match="keras-tf: its profile is read by dlbench-tf, which is not installed"):
        BACKENDS["tf"].profile(lambda: None)
