"""The contract between the core and a plugin: three methods, and capabilities that a plugin may add.

A plugin builds, steps and predicts. It never owns a clock: the core times, counts, stops and records. A plugin that
cannot meet a Spec raises `dlbench.errors.Unsupported`; it never does something else instead.

Steps per call. If `Spec.steps_per_call` is K > 1, each array of the batches that `train_step` gets has a further first
axis of K: the batches of K consecutive steps. The plugin takes the K updates in order, in one call of the compiled
function on the paths `graph` and `jit`, and returns the K losses in one array, K first. `predict` and `gradients` take
one batch as ever.

Data. With `data` `device` every batch is handed to `stage`, outside the clock, before a step gets it; with `host` the
step and `predict` get the core's own NumPy arrays and copy them themselves, each time, within the clock.

Workers. If a plugin is told to `join` others, each of its training steps ends in an update by the mean of all workers'
gradients. Weak scaling is of workers who get a batch of the Spec each, strong scaling of workers who share it. A
setting may make the workers devices of one process, which then gets the batches of all.

Precision. `fp32`: values and products. `tf32`: values are float32 and products and convolutions are rounded to TF32.
`bf16` and `fp16`: parameters, optimizer and loss stay float32, and matrix products and convolutions are computed in the
type, as each framework's own automatic mixed precision does; `fp16` with dynamic loss scaling.
"""

from __future__ import annotations

from dlbench.plugin.capabilities import (
    Adapts,
    ComputesGradients,
    CountsFlops,
    Describes,
    ExchangesParameters,
    Instruments,
    LacksPhases,
    ListsDevices,
    ModelPlugin,
    MultipliesMatrices,
    Profiles,
    ReadsVariables,
    ReportsCompilation,
    ReportsDeviceMemory,
    Stages,
    Synchronizes,
    TakesSettings,
    TrainsInParallel,
    TrainsOnDevices,
)
from dlbench.plugin.contract import CONTRACT_VERSION
from dlbench.plugin.profiles import CATEGORIES, HOST, STEP, UNATTRIBUTED, Category, ProfileEvent
from dlbench.plugin.reports import (
    PARTS,
    CacheState,
    Compilation,
    Count,
    Description,
    DeviceNames,
    ModelInfo,
    Name,
    Part,
    Positive,
    Setting,
    SettingsRead,
    Text,
    cache_state,
)
from dlbench.plugin.requests import (
    SGD,
    Adam,
    AdamW,
    Array,
    ArraySpec,
    Batch,
    BuildRequest,
    Optimizer,
    OwnOptimizer,
    Parameters,
    Peers,
    Signature,
)
from dlbench.spec import InputSpec, ModelSource, Option, Path, PhaseName, Spec, Variant

__all__ = [
    "CATEGORIES",
    "CONTRACT_VERSION",
    "HOST",
    "PARTS",
    "SGD",
    "STEP",
    "UNATTRIBUTED",
    "Adam",
    "AdamW",
    "Adapts",
    "Array",
    "ArraySpec",
    "Batch",
    "BuildRequest",
    "CacheState",
    "Category",
    "Compilation",
    "ComputesGradients",
    "Count",
    "CountsFlops",
    "Describes",
    "Description",
    "DeviceNames",
    "ExchangesParameters",
    "InputSpec",
    "Instruments",
    "LacksPhases",
    "ListsDevices",
    "ModelInfo",
    "ModelPlugin",
    "ModelSource",
    "MultipliesMatrices",
    "Name",
    "Optimizer",
    "Option",
    "OwnOptimizer",
    "Parameters",
    "Part",
    "Path",
    "Peers",
    "PhaseName",
    "Positive",
    "ProfileEvent",
    "Profiles",
    "ReadsVariables",
    "ReportsCompilation",
    "ReportsDeviceMemory",
    "Setting",
    "SettingsRead",
    "Signature",
    "Spec",
    "Stages",
    "Synchronizes",
    "TakesSettings",
    "Text",
    "TrainsInParallel",
    "TrainsOnDevices",
    "Variant",
    "cache_state",
]
