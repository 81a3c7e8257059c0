"""Models of KerasHub by reference: small ones, and the extra that brings the package."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import keras
import pytest

from dlbench.errors import SpecError
from dlbench.plugin import ArraySpec, InputSpec, ModelSource
from dlbench.spec import Spec
from dlbench_tf.adaptors import adapt

pytestmark = pytest.mark.untimed


def spec(**more):
    given = {"plugin": "tf.net", "phase": "train", "path": "eager", "size": "default", "task": "any", "threads": 1}
    return Spec(**given | {"batch_size": 3} | more)


class Tower(keras.Model):
    """A model as KerasHub has them: its width has no default."""

    def __init__(self, hidden_dim, depth=1):
        super().__init__()
        self.rows = [keras.layers.Dense(hidden_dim) for _ in range(depth)]

    def call(self, inputs):
        """Rows as wide as stated."""
        for row in self.rows:
            inputs = row(inputs)
        return inputs


def test_a_model_of_kerashub_is_small_unless_options_say_otherwise(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", SimpleNamespace(models=SimpleNamespace(Tower=Tower)))
    found = adapt(ModelSource(reference="kerashub:Tower", inputs=(InputSpec(shape=(1, 6)),)))
    said = found.describe(spec())
    assert said.options == {"hidden_dim": "64", "depth": "1"}
    assert said.outputs == ArraySpec((3, 64), "float32")
    assert found.describe(spec(options=(("hidden_dim", 5),))).outputs == ArraySpec((3, 5), "float32")


def test_a_package_of_models_that_is_missing_is_named_by_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(SpecError, match=r"kerashub:Tower: .*; pip install 'dlbench-tf\[zoo\]'"):
        adapt(ModelSource(reference="kerashub:Tower"))
