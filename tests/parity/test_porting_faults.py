"""The port of ResNet-18 in the examples is the same model as torchvision's, and eight faults of porting are caught."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from dlbench.parity.check import check
from dlbench.record.parity import Parity
from dlbench.spec import InputSpec, ModelSource, Spec

pytestmark = [
    pytest.mark.untimed,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed"),
]

PORT = Path(__file__).parents[2] / "examples" / "resnet18" / "port.py"
DROPPED = 'layers.Dense(num_classes, name="fc")(Always()(layers.GlobalAveragePooling2D()(x)))'
ALWAYS = """class Always(layers.Layer):
    def call(self, x):
        return keras.random.dropout(x, 0.2, seed=1)


def convolve("""
FAULTS = {
    "momentum of batch normalisation": [("0.9 * moving + 0.1 * value", "0.99 * moving + 0.01 * value")],
    "epsilon of batch normalisation": [("variance + 1e-5", "variance + 1e-3")],
    "padding": [
        ("padded = layers.ZeroPadding2D(size // 2)(x)", "padded = x"),
        ("use_bias=False, name=name", 'use_bias=False, name=name, padding="same"'),
    ],
    "place of the stride": [
        ('f"{name}.conv1", channels, 3, stride)', 'f"{name}.conv1", channels, 3)'),
        ('f"{name}.conv2", channels, 3)', 'f"{name}.conv2", channels, 3, stride)'),
    ],
    "layout of kernels": [("transpose(2, 3, 1, 0)", "transpose(3, 2, 1, 0)")],
    "order of flattening": [("layers.Permute((2, 3, 1))(images)", "layers.Reshape((32, 32, 3))(images)")],
    "order of activation": [
        ("return layers.ReLU()(layers.Add()([x, y]))", "return layers.Add()([x, layers.ReLU()(y)])")
    ],
    "dropout left on": [
        ('layers.Dense(num_classes, name="fc")(layers.GlobalAveragePooling2D()(x))', DROPPED),
        ("def convolve(", ALWAYS),
    ],
}


def spec(plugin: str, reference: str, convert: str = "") -> Spec:
    source = ModelSource(
        reference=reference,
        inputs=(InputSpec((2, 3, 32, 32)),),
        targets=InputSpec((2,), "int32", 10),
        loss="cross_entropy",
        convert=convert,
    )
    return Spec(
        plugin=plugin,
        phase="train",
        path="eager",
        size="default",
        task="synthetic_inputs",
        batch_size=2,
        threads=1,
        model=source,
        options=(("num_classes", 10),),
    )


def parity(folder: Path, edits: list[tuple[str, str]]) -> Parity:
    text = PORT.read_text()
    for old, new in edits:
        assert old in text, f"the port has no {old!r}"
        text = text.replace(old, new)
    (folder / "port.py").write_text(text)
    original, port = (
        spec("torch.resnet18", "torchvision:resnet18"),
        spec("tf.resnet18", "port.py:KerasNet", "port.py:weights"),
    )
    (found,) = check([original, port], (0,), 300.0)
    assert found.reason == ""
    return found


def test_the_port_is_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [one for one in parity(tmp_path, []).differences if not one.holds] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_porting_is_caught(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [one.what for one in parity(tmp_path, FAULTS[fault]).differences if not one.holds] != []
