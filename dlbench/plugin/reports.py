"""Reports of a plugin: the model that it built, its compilation, and its description of itself."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Annotated, Literal, get_args

import msgspec

from dlbench.plugin.requests import ArraySpec, Optimizer
from dlbench.spec import DataPlace, InputSpec, Option, Path, PhaseName

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=2000)]
DeviceNames = Annotated[dict[Name, Text], msgspec.Meta(max_length=1000)]
"""Limits of a plugin's reports: lengths of text that fit a page, and the range of meaningful numbers."""
SettingsRead = Annotated[dict[Name, Name], msgspec.Meta(max_length=1000)]
"""Keys of settings with the values that are in effect."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Model as the plugin reads it back after building; the core compares it with the Spec, a difference is an error.

    `device` in the words of a Spec (`cpu`, `gpu:0`); `precision`, `steps_per_call`, `data` likewise; a plugin that does
    not report them has built one step a call with its data in place; `compiler` is None if nothing compiles; `versions`
    maps distribution names to versions; `details` is anything else worth showing (BLAS, optimizer variant) that is
    equal in every process of a Spec: those that differ in it were built otherwise and are not pooled. The core adds
    `settings`, read back by `TakesSettings`; a plugin leaves them out.
    """

    parameter_count: Count
    device: Name
    precision: Name
    path: Path
    compiler: Name | None = None
    threads: Positive | None = None
    steps_per_call: Positive = 1
    data: DataPlace = "device"
    device_name: Name = ""
    versions: Annotated[dict[Name, Name], msgspec.Meta(max_length=1000)] = {}
    details: Annotated[dict[Name, Text], msgspec.Meta(max_length=1000)] = {}
    settings: SettingsRead = {}


class Setting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An option of a framework that a variant may set, a row of its package's table.

    `values` are all that any version knows, `missing` those that this version or machine does not have, each with the
    reason and the versions that do. `paths` are those that have it, all unless stated. `read_back` is the way in which
    its value is read back. An option that must be set before the framework is imported names the environment
    `variable`, and the `texts` that it holds for a value, the value itself unless stated; a text that starts with `--`
    is one of several flags, and an empty one sets nothing. `rounding` is the type to which a value rounds operands of
    products: `{"medium": "bf16"}`. `devices` are values that make several workers devices of one process
    (`dlbench.plugin.TrainsOnDevices`); an option that has some is one of several workers alone.
    """

    key: Name
    meaning: Text
    values: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    read_back: Text
    missing: dict[Name, Text] = {}
    paths: tuple[Path, ...] = ()
    variable: Name = ""
    texts: dict[Name, Text] = {}
    rounding: dict[Name, Literal["tf32", "bf16", "fp16"]] = {}
    devices: tuple[Name, ...] = ()


Part = Literal["forward", "backward", "optimizer"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a training step."""

CacheState = Literal["", "none", "empty", "not empty", "unknown"]
"""State of a compiler's cache on the disk just before the first compilation, as the plugin saw it.

Empty if the plugin does not say; `none` if the compiler keeps nothing on the disk; `unknown` if the cache cannot be
read, such as one on another machine.
"""


def cache_state(folders: Iterable[str]) -> CacheState:
    """State of these folders, or files, of a compiler's cache; a plugin asks just before its first compilation."""
    named = [pathlib.Path(folder) for folder in folders]
    if not named:
        return "none"
    found = (one.is_file() for place in named for one in (place, *place.rglob("*")))
    return "not empty" if any(found) else "empty"


class Compilation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Proof that the compiled path ran: the number of graphs, of breaks between them, of compilations after the first.

    `parts` of a training step run in compiled graphs. On the path `jit` a training step is proven when all its parts
    are compiled: a part left to Python, or not reported, counts like a break. `reasons` give the reason of each break
    in a line. `calls` counts the calls of compiled graphs since `build`, if the plugin counts them. `cache` is the
    state of the compiler's cache on the disk just before the first compilation (`cache_state`).

    The core adds `late`, the recompilations after warm-up, and `calls_per_step`, the calls of graphs in each call of
    the plugin after warm-up. A plugin leaves both out.
    """

    graphs: Count
    breaks: Count
    recompilations: Count
    late: Count = 0
    parts: tuple[Part, ...] = ()
    reasons: tuple[str, ...] = ()
    calls: Count | None = None
    calls_per_step: float | None = None
    cache: CacheState = ""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that a plugin states of itself before anything is built; every one may be left out.

    `sizes` maps the words of `--size` to options of the factory, `options` the keywords that `--set` may give to a
    sentence each, `batch_sizes` a size to its batch. `inputs` (the batch first), `targets` and `outputs` describe the
    arrays of a plugin that names no task; `names` the keywords of its call. `inferred` lists the facts that were found
    out, a line each, the option's word first: `loss mse, from the targets`. The core adds `phases`, those that
    `LacksPhases` leaves; a plugin leaves them out.
    """

    framework: Name = ""
    architecture: Name = ""
    task: Name = ""
    sizes: dict[Name, dict[Name, Option]] = {}
    batch_sizes: dict[Name, Positive] = {}
    options: dict[Name, Text] = {}
    paths: tuple[Path, ...] = ()
    phases: tuple[PhaseName, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    targets: InputSpec | None = None
    outputs: ArraySpec | None = None
    loss: Name = ""
    optimizer: Optimizer | None = None
    inferred: tuple[Text, ...] = ()
