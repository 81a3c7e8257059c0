"""Named models of other packages: each is built from its reference alone, trained and asked for predictions.

    python -m studies.zoo [REFERENCE[@PATH] ...] [--out FOLDER] [--seconds N]

Every model has a process of its own, tiny inputs, random weights, and no network. A row shows its inferred facts, the
losses of STEPS steps on one batch, and the error, if there was one. `--out` keeps the table as `zoo.json` and
`report.md`; named models take the place of their rows in it.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dlbench.errors import words
from dlbench.plugin import (
    SGD,
    ArraySpec,
    Batch,
    BuildRequest,
    CountsFlops,
    Describes,
    Description,
    InputSpec,
    ModelSource,
    Signature,
    Stages,
)
from dlbench.registry import adaptors
from dlbench.spec import PATHS, Spec
from dlbench.spec import Path as PathName
from studies import end_what_was_started

STEPS = 4
BATCH = 4
IMAGE = InputSpec((BATCH, 3, 64, 64))
SMALL_IMAGE = InputSpec((BATCH, 32, 32, 3))
"""Channels last, as Keras has them."""
MODELS: Mapping[str, tuple[InputSpec, ...]] = {
    **{
        f"timm:{name}": (IMAGE,)
        for name in (
            *("resnet18", "mobilenetv3_small_100", "efficientnet_b0", "convnext_atto"),
            *("vit_tiny_patch16_224", "deit_tiny_patch16_224", "regnetx_002", "mixer_s32_224"),
        )
    },
    **{
        f"torchvision:{name}": (IMAGE,)
        for name in ("resnet18", "mobilenet_v2", "squeezenet1_1", "densenet121", "shufflenet_v2_x0_5", "vgg11_bn")
    },
    **{
        f"hf-tiny:{name}": ()
        for name in (
            *("BertForSequenceClassification", "DistilBertForSequenceClassification", "GPT2LMHeadModel"),
            *("LlamaForCausalLM", "T5ForConditionalGeneration", "ViTForImageClassification"),
        )
    },
    **{f"keras:{name}": (SMALL_IMAGE,) for name in ("MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121")},
}
"""References with their inputs; those without any have the loader's own."""
FURTHER: Mapping[PathName, Sequence[str]] = {
    "graph": ("keras:MobileNetV2", "keras:ResNet50"),
    "jit": (
        *("timm:vit_tiny_patch16_224", "torchvision:squeezenet1_1", "hf-tiny:BertForSequenceClassification"),
        *("keras:MobileNetV2", "keras:ResNet50"),
    ),
}
"""Models that are also built on other paths than eager."""


def examine(reference: str, path: PathName) -> dict[str, Any]:
    """One model in this process: a row of the table. Raises whatever a plugin raises."""
    began = time.monotonic()
    source = ModelSource(reference=reference, inputs=MODELS.get(reference, ()))
    plugin = adaptors.adapt(adaptors.loader(reference), source)
    spec = Spec(
        plugin="zoo.model",
        phase="train",
        path=path,
        size="small",
        task="zoo",
        batch_size=BATCH,
        threads=1,
    )
    assert isinstance(plugin, Describes)
    said = with_targets(plugin.describe(spec))
    info = plugin.build(BuildRequest(spec, signature(said), SGD(learning_rate=1e-3)))
    batch = drawn(said)
    staged = plugin.stage(batch) if isinstance(plugin, Stages) else batch
    losses = [float(plugin.train_step(staged)) for _ in range(STEPS)]
    outputs = np.asarray(plugin.predict(staged.inputs))
    assert said.outputs is not None
    assert outputs.shape == said.outputs.shape, f"outputs {outputs.shape}, described as {said.outputs.shape}"
    assert np.isfinite(losses).all(), f"losses {losses}"
    flops = plugin.flops(staged) if isinstance(plugin, CountsFlops) else None
    return {
        "parameters": info.parameter_count,
        "inputs": ", ".join(f"{one.name} {one.dtype} {'x'.join(map(str, one.shape))}".strip() for one in said.inputs),
        "loss": said.loss,
        "first": losses[0],
        "last": losses[-1],
        "mflop": None if flops is None else flops / 1e6,
        "seconds": time.monotonic() - began,
        "failure": "",
    }


def with_targets(said: Description) -> Description:
    """The description with classes as targets if it leaves them open, as it does if the outputs determine them."""
    if said.targets is not None or said.outputs is None:
        return said
    classes = InputSpec(said.outputs.shape[:-1], "int32", said.outputs.shape[-1])
    return msgspec.structs.replace(said, targets=classes, loss=said.loss or "cross_entropy")


def signature(said: Description) -> Signature:
    """The signature of a task that fits a description."""
    assert said.outputs is not None
    assert said.targets is not None
    first, *further = (ArraySpec(one.shape, one.dtype) for one in said.inputs)
    return Signature(
        inputs=first,
        targets=ArraySpec(said.targets.shape, said.targets.dtype),
        outputs=said.outputs,
        loss=said.loss,
        further=tuple(further),
        names=tuple(one.name for one in said.inputs if one.name),
    )


def drawn(said: Description) -> Batch:
    """A random batch that fits a description."""
    assert said.targets is not None
    generator = np.random.default_rng(0)
    inputs = tuple(_drawn(one, generator) for one in said.inputs)
    return Batch(inputs if len(inputs) > 1 else inputs[0], _drawn(said.targets, generator))


def _drawn(one: InputSpec, generator: np.random.Generator) -> Any:
    if one.dtype == "float32":
        return generator.normal(size=one.shape).astype(np.float32)
    return generator.integers(0, one.below or 2, one.shape).astype(one.dtype)


def in_process(name: str, seconds: float) -> dict[str, Any]:
    """The row of a model, from a process of its own."""
    command = [sys.executable, "-m", "studies.zoo", name, "--here"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"failure": f"not done after {seconds:.0f} s"}
    lines = done.stdout.splitlines()
    row: dict[str, Any] = json.loads(lines[-1]) if lines else {"failure": done.stderr.strip()[-300:]}
    return row


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The rows as a page."""
    good = sum(not row["failure"] for row in rows.values())
    head = "| model | path | parameters | inputs | loss | first to last | MFLOP forward | result |"
    lines = [_row(name, row) for name, row in rows.items()]
    return "\n".join(
        [
            "# Named models, from their references alone",
            "",
            f"{good} of {len(rows)} rows were built, trained for {STEPS} steps on one random batch of {BATCH}, and",
            "asked for predictions, each in a process of its own: `python -m studies.zoo --out reports/zoo`.",
            "",
            head,
            "|---|---|---:|---|---|---:|---:|---|",
            *lines,
            "",
        ]
    )


def _row(name: str, row: Mapping[str, Any]) -> str:
    reference, _, path = name.partition("@")
    if row["failure"]:
        return f"| `{reference}` | {path} | | | | | | {row['failure']} |"
    course = f"{row['first']:.4g} to {row['last']:.4g}"
    flops = "" if row["mflop"] is None or not math.isfinite(row["mflop"]) else f"{row['mflop']:,.1f}"
    cells = (f"`{reference}`", path, f"{row['parameters']:,}", row["inputs"], row["loss"], course, flops, "runs")
    return f"| {' | '.join(cells)} |"


def names() -> Iterable[str]:
    """All models on the path eager, and a few on others."""
    yield from (f"{reference}@eager" for reference in MODELS)
    yield from (f"{reference}@{path}" for path, references in FURTHER.items() for reference in references)


def main() -> int:
    """Print a line for each model, and keep the table."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description="named models")
    parser.add_argument("models", nargs="*", metavar="REFERENCE[@PATH]")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    asked = [name if "@" in name else f"{name}@eager" for name in options.models] or list(names())
    if options.here:
        return _here(asked[0])
    kept = options.out / "zoo.json" if options.out else None
    rows: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.exists() and options.models else {}
    for name in asked:
        rows[name] = in_process(name, options.seconds)
        print(name, rows[name]["failure"] or f"{rows[name]['first']:.4g} to {rows[name]['last']:.4g}", flush=True)
        if kept:
            _keep(kept, rows)
    return int(any(row["failure"] for row in rows.values()))


def _keep(kept: Path, rows: Mapping[str, Any]) -> None:
    """Keep rows in the order of the list, in any order of arrival."""
    order = list(names())
    ordered = dict(sorted(rows.items(), key=lambda row: order.index(row[0]) if row[0] in order else len(order)))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(ordered, indent=1) + "\n")
    (kept.parent / "report.md").write_text(table(ordered))


def _here(name: str) -> int:
    reference, _, path = name.partition("@")
    try:
        row = examine(reference, next(one for one in PATHS if one == path))
    except Exception as error:  # whatever a model does is its row
        row = {"failure": words.reason(error, 300)}
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
