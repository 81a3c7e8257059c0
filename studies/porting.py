"""Faults of porting: torchvision's ResNet-18 against the port of the examples, as it is and with a fault planted.

    python -m studies.porting [FAULT ...] [--out FOLDER]

Each row is a parity check of its own (`dlbench.parity.check`), with the conversion of weights that the port brings. A
fault is an edit of the port's text that a human could make. `--out` keeps the table as `report.md`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlbench.parity.check import check
from dlbench.spec import InputSpec, ModelSource, Spec

if TYPE_CHECKING:
    from dlbench.record.parity import Difference, Parity

PORT = Path(__file__).parents[1] / "examples" / "resnet18" / "port.py"
NONE = "none"
SECONDS = 300.0
SHOWN = 3
"""Differences that a row names, the largest beside their tolerance."""
Edits = Sequence[tuple[str, str]]
"""Texts of the port, and their replacements."""
DROPPED = 'layers.Dense(num_classes, name="fc")(Always()(layers.GlobalAveragePooling2D()(x)))'
ALWAYS = """class Always(layers.Layer):
    def call(self, x):
        return keras.random.dropout(x, 0.2, seed=1)


def convolve("""
FAULTS: Mapping[str, Edits] = {
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


def parity(folder: Path, edits: Edits) -> Parity:
    """The check of the original beside the port with these edits, which is written into the current folder."""
    text = PORT.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, f"the port has no {old!r}"
        text = text.replace(old, new)
    (folder / "port.py").write_text(text, encoding="utf-8")
    original = _spec("torch.resnet18", "torchvision:resnet18")
    port = _spec("tf.resnet18", "port.py:KerasNet", "port.py:weights")
    (found,) = check([original, port], (0,), SECONDS)
    return found


def _spec(plugin: str, reference: str, convert: str = "") -> Spec:
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


def row(fault: str, found: Parity) -> str:
    """A line of the table: the verdict, and the figure that shows the fault most."""
    if found.same is None:
        return f"| {fault} | not checked | | {found.reason} |"
    wrong = sorted((one for one in found.differences if not one.holds), key=_excess, reverse=True)
    said = [f"{one.what} {one.difference:.1e} (tolerance {one.tolerance:.0e})" for one in wrong[:SHOWN]]
    verdict = "yes" if found.same else "NO"
    return f"| {fault} | {verdict} | {len(wrong)} of {len(found.differences)} | {'; '.join(said)} |"


def _excess(one: Difference) -> float:
    """Times by which a figure is beyond its tolerance; some must be equal."""
    return one.difference / one.tolerance if one.tolerance else math.inf


def page(found: Mapping[str, Parity]) -> str:
    """The checks as a page."""
    caught, planted = sum(found[fault].same is False for fault in found if fault != NONE), len(found) - (NONE in found)
    head = ["| planted fault | same model | figures beyond tolerance | the largest of them |", "|---|---|---:|---|"]
    text = [
        "# Faults of porting a ResNet-18 from PyTorch to Keras",
        "",
        f"{caught} of {planted} planted faults are caught: `python -m studies.porting --out FOLDER`.",
        "",
    ]
    return "\n".join([*text, *head, *(row(fault, one) for fault, one in found.items()), ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each fault, and keep the table. Exit code 1 unless all are caught and the port is the model."""
    parser = argparse.ArgumentParser(description="faults of porting")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join([NONE, *FAULTS]))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    if unknown := [fault for fault in options.faults if fault not in (NONE, *FAULTS)]:
        parser.error(f"unknown fault {unknown[0]!r}; choose from {', '.join([NONE, *FAULTS])}")
    out = options.out.resolve() if options.out else None
    found: dict[str, Parity] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the folder in which a session would look for the port
        for fault in options.faults or [NONE, *FAULTS]:
            found[fault] = parity(Path(folder), FAULTS.get(fault, ()))
            print(row(fault, found[fault]), flush=True)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.md").write_text(page(found), encoding="utf-8")
    return int(any(one.same is not (fault == NONE) for fault, one in found.items()))


if __name__ == "__main__":
    sys.exit(main())
