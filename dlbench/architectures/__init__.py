"""The built-in architectures, stated once: sizes, parameters, initial values, FLOPs and a NumPy forward pass.

Every framework's version is proven equal to the one here. A new architecture is a module with a class that has the
methods of `Architecture`, and one row in `_MODULES`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dlbench.errors import UnknownName
from dlbench.spec import PHASES, PhaseName, Spec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlbench.plugin import Signature

    Floats = npt.NDArray[np.float32]


class Architecture(Protocol):
    """One architecture at one size; a frozen record whose fields are its configuration."""

    @property
    def batch_size(self) -> int:
        """Samples in a batch unless the user says otherwise."""
        ...

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of one sample that this size is stated for; None where the task decides."""
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
    """Of an architecture whose prediction is no third of its training step."""

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


def describes(spec: Spec) -> bool:
    """True if the core describes the model of a Spec: its architecture is a built-in one, and a package brings it."""
    return spec.model is None and is_builtin(spec.architecture)


def meaning(architecture: str) -> str:
    """Meaning of the word after the dot of a plugin's name, a sentence without its full stop."""
    if is_builtin(architecture):
        return f"{architecture} names an architecture that dlbench describes"
    near = difflib.get_close_matches(architecture.lower(), _MODULES, n=1)
    apart = f"; not {near[0]}, which dlbench describes" if near else ""
    return f"{architecture} is an architecture of the plugin's own{apart}"


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

    Predicting is the forward third of a training step; an architecture of several networks says what it is itself.
    """
    if PHASES[phase].trains:
        return configuration.flops_per_step(signature)
    if isinstance(configuration, CountsPredictions):
        return configuration.flops_per_prediction(signature)
    return configuration.flops_per_step(signature) / 3.0


def _row(architecture: str) -> _Row:
    if architecture not in _MODULES:
        raise UnknownName("architecture", architecture, _MODULES)
    module: Any = importlib.import_module(_MODULES[architecture])
    row: _Row = module
    return row
