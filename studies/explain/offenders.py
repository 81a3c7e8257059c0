"""Faults in a plugin, which is then profiled: two of this project that were found by hand, and an unfused optimizer.

    python -m studies.explain.offenders NAME old|new

prints the profile as JSON: `joined-biases` is `tf.gan jit` on two threads with all parameters in one variable, for
which XLA computes the sums of the biases' gradients again for every element; `beta-powers` is `torch.mlp jit` with
`beta**count`, which Inductor computes in its loop over each parameter; `unfused-optimizer` is `torch.mlp eager` at size
base with PyTorch's optimizer as a loop over the parameters.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dlbench.measure.profiling.profile import profile_to_file
from dlbench.spec import Spec


class Offender(NamedTuple):
    """The Spec of an arm, the function that plants the old form, and the categories that it shows in."""

    spec: Spec
    plant: Callable[[], None]
    categories: tuple[str, ...]


def _join() -> None:
    from dlbench_tf import functional

    patched: Any = functional
    patched.Weights = partial(_flat, patched.Weights)


def _flat(make: Any, *given: Any, **_: bool) -> Any:
    return make(*given, flat=True)


def _power() -> None:
    from dlbench_torch import optimizers

    def update(self: Any, values: Any, gradients: Any, moments: Any, scalars: Any) -> Any:
        adam, (means, squares), count = self._settings, moments, scalars[0]
        rate = (adam.learning_rate / (1 - adam.beta1**count)).float()
        correction = (1 / (1 - adam.beta2**count)).sqrt().float()
        for name, gradient in gradients.items():
            means[name].mul_(adam.beta1).add_(gradient, alpha=1 - adam.beta1)
            squares[name].mul_(adam.beta2).add_(gradient * gradient, alpha=1 - adam.beta2)
            values[name].sub_(rate * means[name] / (squares[name].sqrt() * correction + adam.epsilon))
        return count + 1, scalars[1] + 1

    optimizers._WrittenAdam.update = update  # type: ignore[method-assign]


def _single() -> None:
    from dlbench_torch import optimizers

    patched: Any = optimizers
    patched.KERNELS = {**optimizers.KERNELS, "fused": optimizers.KERNELS["single"]}


_SMALL: dict[str, Any] = {"path": "jit", "size": "small", "threads": 1}
_MLP = Spec(plugin="torch.mlp", phase="train", task="synthetic", batch_size=32, **_SMALL)
OFFENDERS = {
    "joined-biases": Offender(
        Spec(plugin="tf.gan", phase="train", task="synthetic_gan", batch_size=64, **{**_SMALL, "threads": 2}),
        _join,
        ("reduction", "data movement", "elementwise", "fused code"),
    ),
    "beta-powers": Offender(_MLP, _power, ("elementwise", "fused code")),
    "unfused-optimizer": Offender(
        msgspec.structs.replace(_MLP, path="eager", size="base"),
        _single,
        ("optimizer",),
    ),
}


def main(name: str, form: str) -> None:
    """Profile one form, and print it."""
    offender = OFFENDERS[name]
    if form == "old":
        offender.plant()
    with tempfile.TemporaryDirectory() as folder:
        found = profile_to_file(offender.spec, str(Path(folder) / "trace.json"))
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
