"""The built-in architectures, stated once: sizes, parameters, initial values, FLOPs and a NumPy forward pass.

Every framework's version is proven equal to the one here. A new architecture is a module with a class that has the
methods of `Architecture`, `SIZES` and `DEFAULT_TASK`, and one row in `_MODULES`; one of another package is an entry
point of the group `dlbench.architectures`, named as plugins are after their first dot, whose value is such a module, or
an object with the same two attributes.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dlbench.errors import ContractViolation, UnknownName
from dlbench.spec import PHASES, PhaseName, Spec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlbench.plugin import Signature
    from dlbench.registry.entry_points import Entry

    Floats = npt.NDArray[np.float32]


class Architecture(Protocol):
    """One architecture at one size; a frozen record whose fields are its configuration."""

    @property
    def batch_size(self) -> int:
        """Samples in a batch unless the user says otherwise."""
        ...

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of one sample that this size is stated for; None if the task decides."""
        ...

    def initial_parameters(self, signature: Signature, seed: int) -> dict[str, Floats]:
        """Initial values by canonical name in canonical layout; same seed, same values."""
        ...

    def flops_per_step(self, signature: Signature) -> float:
        """Floating-point operations of one training step: forward, and twice as many backward."""
        ...

    def forward(self, parameters: Mapping[str, Any], inputs: Any, signature: Signature) -> Floats:
        """The outputs without dropout, in NumPy float64 rounded to float32: the oracle for every framework."""
        ...


@runtime_checkable
class CountsPredictions(Protocol):
    """An architecture whose prediction is not a third of its training step."""

    def flops_per_prediction(self, signature: Signature) -> float:
        """Floating-point operations of the outputs of one batch."""
        ...


class _Row(Protocol):
    DEFAULT_TASK: str
    SIZES: Mapping[str, Architecture]


_MODULES = {
    name: f"dlbench.architectures.{name}"
    for name in ("cnn", "gan", "gru", "linear", "lstm", "mlp", "rnn", "transformer")
}


def is_builtin(architecture: str) -> bool:
    """True if the core describes this architecture."""
    return architecture in _MODULES


def is_known(architecture: str) -> bool:
    """True if the core, or an installed package, describes this architecture.

    Raises PluginLoadError when the metadata of that package shows that it cannot work.
    """
    return is_builtin(architecture) or entry_of(architecture) is not None


def describes(spec: Spec) -> bool:
    """True if the architecture of a Spec is known, and a package brings the plugin. Raises as `is_known` does."""
    return spec.model is None and is_known(spec.architecture)


def entry_of(architecture: str) -> Entry | None:
    """The entry point of an architecture of another package. Raises PluginLoadError as `is_known` does."""
    from dlbench.registry import offers  # rendering a report needs no plugins

    return offers.find(offers.ARCHITECTURES, architecture, _MODULES)


def entries() -> list[Entry]:
    """The architectures of other packages, broken ones included; imports none of them."""
    from dlbench.registry import offers

    return offers.entries(offers.ARCHITECTURES, _MODULES)


def meaning(architecture: str) -> str:
    """Meaning of the word after the dot of a plugin's name, a sentence without its full stop."""
    if is_builtin(architecture):
        return f"{architecture} names an architecture that dlbench describes"
    if (entry := entry_of(architecture)) is not None:
        return f"{architecture} names an architecture that {entry.distribution} describes"
    near = _misspelt(architecture.lower())
    meant = f"; if {near} was meant, which dlbench describes, it is misspelt" if near else ""
    return f"{architecture} is an architecture of the plugin's own{meant}"


def _misspelt(word: str) -> str:
    """The built-in architecture with nearly this name, or with its letters in another order; empty if there is none."""
    turned = [name for name in _MODULES if sorted(name) == sorted(word)]
    return next(iter(turned or difflib.get_close_matches(word, _MODULES, n=1, cutoff=0.8)), "")


def configuration(architecture: str, size: str) -> Architecture:
    """The architecture at this size. Raises UnknownName."""
    sizes = _row(architecture).SIZES
    if size not in sizes:
        raise UnknownName(f"size of {architecture}", size, sizes)
    return sizes[size]


def default_task(architecture: str) -> str:
    """The task that closes this architecture unless the user names one. Raises UnknownName."""
    return _row(architecture).DEFAULT_TASK


def flops(configuration: Architecture, signature: Signature, phase: PhaseName) -> float:
    """Floating-point operations of one step of a phase.

    Predicting is the forward third of a training step; an architecture of several networks states its own count.
    """
    if PHASES[phase].trains:
        return configuration.flops_per_step(signature)
    if isinstance(configuration, CountsPredictions):
        return configuration.flops_per_prediction(signature)
    return configuration.flops_per_step(signature) / 3.0


def _row(architecture: str) -> _Row:
    """An architecture's row. Raises UnknownName, PluginLoadError, and ContractViolation without sizes or a task."""
    if architecture in _MODULES:
        row: _Row = _imported(_MODULES[architecture])
        return row
    from dlbench.registry import offers

    entry = entry_of(architecture)
    if entry is None:
        raise UnknownName("architecture", architecture, _MODULES)
    found: _Row = offers.load(offers.ARCHITECTURES, entry)
    missing = [name for name in ("DEFAULT_TASK", "SIZES") if not hasattr(found, name)]
    if missing:
        raise ContractViolation(
            f"architecture {architecture} of {entry.distribution}: {entry.value} has no {' and no '.join(missing)}"
        )
    return found


def _imported(module: str) -> Any:
    return importlib.import_module(module)
