"""Workers of data-parallel training: their number, and the part of a batch that each of them gets.

Under weak scaling every worker gets a batch of the Spec's size, under strong scaling an equal part of one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from dlbench.spec.axes import Axis
from dlbench.spec.ranges import require
from dlbench.spec.source import with_batch_size

if TYPE_CHECKING:
    from dlbench.spec.spec import Spec
    from dlbench.spec.workloads import Workload

Workers: TypeAlias = int | UnsetType
"""Number of workers, of two and more; unset for one."""
Scaling: TypeAlias = Literal["strong"] | UnsetType
"""Unset for weak scaling."""
SCALINGS = ("weak", "strong")
MOST = 4096
TRAINING = "train"
"""The one phase that workers share."""


def _of_counts(asked: Sequence[int]) -> list[Workers]:
    for count in asked:
        require(1 <= count <= MOST, "workers", count, f"between 1 and {MOST}")
    return [UNSET if count == 1 else count for count in asked]


def _of_scalings(asked: Sequence[str]) -> list[Scaling]:
    for word in asked:
        require(word in SCALINGS, "scaling", word, f"one of {', '.join(SCALINGS)}")
    return ["strong" if word == "strong" else UNSET for word in asked]


AXES = (
    Axis(
        "workers",
        "workload",
        "Workers of data-parallel training, a process each; 1 unless given.",
        kind=int,
        plain=UNSET,
        absent="1",
        label="workers {}",
        read=_of_counts,
    ),
    Axis(
        "scaling",
        "workload",
        "Batch of several workers: weak, each has a whole one; strong, they share one; weak unless given.",
        choices=SCALINGS,
        closed=False,
        plain=UNSET,
        absent="weak",
        label="{} scaling",
        read=_of_scalings,
    ),
)
"""Rows of `dlbench.spec.AXES`."""


def check(spec: Spec) -> None:
    """Raise SpecError for workers that do not train, or cannot share the batch."""
    if spec.workers is UNSET:
        require(spec.scaling is UNSET, "scaling", spec.scaling, "left out for one worker; give --workers 2 or more")
        return
    count = spec.workers
    require(2 <= count <= MOST, "workers", count, f"between 2 and {MOST}, or left out for one")
    require(
        spec.phase == TRAINING, "phase", spec.phase, f"{TRAINING} for {count} workers, who do nothing else together"
    )
    require(":" not in spec.device and spec.device != "auto", "device", spec.device, "cpu or gpu for several workers")
    if spec.scaling is not UNSET:
        shares = spec.batch_size % count == 0
        require(
            shares, "batch size", spec.batch_size, f"a multiple of {count}, whose workers share it (strong scaling)"
        )


def count(of: Spec | Workload) -> int:
    """Number of workers."""
    return 1 if of.workers is UNSET else of.workers


def share_size(of: Spec | Workload) -> int:
    """Samples of each worker in a step."""
    return of.batch_size if of.scaling is UNSET else of.batch_size // count(of)


def samples(of: Spec | Workload) -> int:
    """Samples in a step of all workers."""
    return share_size(of) * count(of)


def in_one_process(spec: Spec) -> bool:
    """True if the workers are devices of one process, rather than a process each."""
    return spec.together and spec.variant is not UNSET and bool(spec.variant.devices)


def threads(spec: Spec) -> int:
    """Threads of the process that is started for this Spec: those of one worker, or of all that it holds."""
    return spec.threads * (count(spec) if in_one_process(spec) else 1)


def whole(spec: Spec) -> Spec:
    """The Spec of one worker that computes a batch of the same size: the worker alone of which efficiency is read."""
    return _alone(spec, spec.batch_size)


def share(spec: Spec) -> Spec:
    """The Spec of one worker that computes what each of several does in a step."""
    return _alone(spec, share_size(spec))


def gathered(spec: Spec) -> Spec:
    """The Spec of one process that computes the step of all workers, which are its devices."""
    return _resized(spec, samples(spec))


def _alone(spec: Spec, size: int) -> Spec:
    variant = spec.variant if spec.variant is UNSET else spec.variant.of_one_worker
    return msgspec.structs.replace(_resized(spec, size), variant=variant)


def _resized(spec: Spec, size: int) -> Spec:
    model = spec.model
    if model is not None and size != spec.batch_size:
        arrays = {name: getattr(model, name) for name in ("targets", "outputs")}
        parts = {name: with_batch_size(one, size) for name, one in arrays.items() if one is not None}
        inputs = tuple(with_batch_size(one, size) for one in model.inputs)
        model = msgspec.structs.replace(model, inputs=inputs, **parts)
    return msgspec.structs.replace(spec, workers=UNSET, scaling=UNSET, batch_size=size, model=model)


def combinations(counts: Sequence[Workers], scalings: Sequence[Scaling]) -> list[dict[str, Workers | Scaling]]:
    """Both values by field, for each number of workers on each scaling; one worker scales in no way.

    Raises SpecError for strong scaling of one worker alone.
    """
    several = any(count is not UNSET for count in counts)
    alone = not several and any(one is not UNSET for one in scalings)
    require(not alone, "scaling", "strong", "left out for one worker, or given with --workers 2 or more")
    pairs = dict.fromkeys((count, UNSET if count is UNSET else one) for count in counts for one in scalings)
    return [{"workers": count, "scaling": one} for count, one in pairs]
