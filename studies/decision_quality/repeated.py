"""Plugins of the real sessions: a prediction that is 33 of another plugin's, the same once more, and one that is 34.

The slower one computes 3.03 % more, in every step. All else is the other plugin's: its build, parameters, proof of
compilation and training.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

from dlbench.plugin import ModelPlugin
from studies.decision_quality.programs import Gemm

TIMES, MORE = 33, 34


def repeated(plugin: ModelPlugin, times: int) -> ModelPlugin:
    """The plugin with a prediction that is computed `times` times."""
    once = plugin.predict

    def predict(inputs: Any) -> Any:
        for _ in range(times - 1):
            once(inputs)
        return once(inputs)

    plugin.predict = predict  # type: ignore[method-assign]
    return plugin


def _gemm(times: int) -> ModelPlugin:
    return repeated(Gemm(), times)


def _mlp(times: int) -> ModelPlugin:
    return repeated(importlib.import_module("dlbench_torch").mlp(), times)


def _lstm(times: int) -> ModelPlugin:
    return repeated(importlib.import_module("dlbench_tf").lstm(), times)


gemm, gemm_again, gemm_slower = (partial(_gemm, times) for times in (TIMES, TIMES, MORE))
mlp, mlp_again, mlp_slower = (partial(_mlp, times) for times in (TIMES, TIMES, MORE))
lstm, lstm_again, lstm_slower = (partial(_lstm, times) for times in (TIMES, TIMES, MORE))
