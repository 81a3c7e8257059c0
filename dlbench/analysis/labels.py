"""Labels for workloads and arms that are unique within one report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from dlbench.spec import AXES, WORKLOAD_AXES, Spec, Workload, workload, workload_key

KEYS = tuple(axis.field for axis in WORKLOAD_AXES if axis.field != "phase")
"""Keys that tell workloads of one architecture and phase apart; those before are tried first."""


class Labels:
    """Names for the arms of these workloads, each with as many keys as it takes to tell it from the others."""

    def __init__(self, loads: Iterable[Workload]) -> None:
        alike: dict[tuple[str, str], list[Workload]] = {}
        for load in dict.fromkeys(loads):
            alike.setdefault((load.phase, load.architecture), []).append(load)
        self._telling = {head: _telling(found) for head, found in alike.items()}

    def title(self, load: Workload) -> str:
        """A workload in a few words: phase, architecture, size, and its distinguishing axes."""
        return _joined(f"{load.phase}, {load.architecture} {load.size}", load, self._keys(load, "size"))

    def arm(self, load: Workload, label: str) -> str:
        """An arm of a workload: `train, tf.lstm jit`, and its distinguishing axes."""
        return _joined(f"{load.phase}, {label}", load, self._keys(load))

    def spec(self, spec: Spec) -> str:
        """The arm that a Spec is."""
        return self.arm(workload(spec), spec.label)

    def label(self, spec: Spec) -> str:
        """The same without the phase."""
        load = workload(spec)
        return _joined(spec.label, load, self._keys(load))

    def _keys(self, load: Workload, *said: str) -> list[str]:
        return [key for key in self._telling.get((load.phase, load.architecture), ()) if key not in said]


def of_specs(specs: Iterable[Spec]) -> Labels:
    """Names for these Specs."""
    return Labels(map(workload_key, dict.fromkeys(specs)))


def _telling(loads: Sequence[Workload]) -> list[str]:
    """The first keys that together tell all of these apart; one that adds nothing to those before it is left out."""
    chosen: list[str] = []
    for key in KEYS:
        if _distinct(loads, [*chosen, key]) > _distinct(loads, chosen):
            chosen.append(key)
    return chosen


def _distinct(loads: Sequence[Workload], keys: Sequence[str]) -> int:
    return len(set(map(attrgetter(*keys), loads))) if keys else 1


def _joined(head: str, load: Workload, keys: Sequence[str]) -> str:
    return ", ".join([head, *(AXES[key].told(getattr(load, key)) for key in keys)])
