"""The user's own models: stated facts, inferred facts, and the options that state them again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from dlbench.report.configuration import OwnModel
from dlbench.report.document import Block, Bullets, Details, Paragraph
from dlbench.spec import ModelSource
from dlbench.spec.source import text

MADE_TO_MEASURE = ("synthetic_inputs", "data")
"""Tasks that follow from the model's own options."""
SYNTHETIC = (
    "Their samples are synthetic: made from a seed, with nothing real in them. A loss that falls shows that training "
    "works, and no quality shows how good a model is."
)


def blocks(models: Sequence[OwnModel]) -> Iterator[Block]:
    """The user's own models, with stated and inferred facts; nothing if there is none."""
    if not models:
        return
    synthetic = any(one.task == MADE_TO_MEASURE[0] for one in models)
    lines = Bullets([_line(one) for one in models])
    yield Details("Models", [lines, *([Paragraph(SYNTHETIC)] if synthetic else [])], unfolded=True)


def options(sources: Sequence[tuple[str, ModelSource]]) -> Iterator[str]:
    """The options that ask for these models again, each with its framework."""
    for framework, source in sources:
        if ":" in source.reference:
            yield f"--model {shlex.quote(f'{framework}={source.reference}')}"
    stated = (option for _, source in sources for option in _stated_options(source))
    yield from dict.fromkeys(f"{flag} {shlex.quote(value)}" for flag, value in stated)


def _line(one: OwnModel) -> str:
    stated = [f"{flag.removeprefix('--')} {value}" for flag, value in _stated_options(one.source)]
    parts = {"Stated": stated, "Inferred": one.source.inferred}
    said = [f"{kind}: {'; '.join(values)}." for kind, values in parts.items() if values]
    return " ".join([f"{one.plugin} is {one.source.reference}.", *said])


def _stated_options(source: ModelSource) -> Iterator[tuple[str, str]]:
    inferred = {line.partition(" ")[0] for line in source.inferred}
    if "inputs" not in inferred:
        yield from (("--input", text(one)) for one in source.inputs)
    if "targets" not in inferred and source.targets is not None:
        yield "--targets", text(source.targets)
    for name in ("output", "loss", "optimizer", "data", "target", "convert"):
        value = getattr(source, name)
        if value and name not in inferred:
            yield f"--{name}", value
