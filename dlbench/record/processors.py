"""Processors and threads of a process, as they were read in it; and of each of several workers."""

from __future__ import annotations

import msgspec

from dlbench.stats.ranges import NotNegative, Whole


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A loaded library with threads, as it says itself; OpenMP starts no more than `limit`, fewer if `dynamic`."""

    library: str
    threads: Whole
    limit: Whole | None = None
    dynamic: bool = False


class Actual(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Processors and threads of the process, read in it: facts beside the settings that the rest of a Run holds.

    `held_to` numbers the processors that it was confined to before it loaded the plugin, `cpus` those that its working
    threads could run on after the last step. `taken_in` names the precisions of the operands of the model's products,
    by its outputs (`dlbench.measure.rounding`); empty if that was not checked or cannot be told.
    """

    held_to: tuple[NotNegative, ...] = ()
    cpus: tuple[NotNegative, ...] = ()
    pools: tuple[Pool, ...] = ()
    taken_in: tuple[str, ...] = ()


class Rank(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of several workers after the last step: the framework's threads, and its device in the words of a Spec.

    `cpus` are the processors that its working threads could run on. `weights` is a digest of its trained parameters,
    which all workers have in common.
    """

    threads: NotNegative | None
    device: str
    cpus: tuple[NotNegative, ...] = ()
    weights: str = ""
