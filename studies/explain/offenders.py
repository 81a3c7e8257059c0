"""Faults in a program, which is then profiled: two that were found by hand, an unfused optimizer, a broken fusion.

    python -m studies.explain.offenders NAME old|new

prints the profile as JSON: `joined-biases` is `tf.gan jit` on two threads with all parameters in one variable, for
which XLA computes the sums of the biases' gradients again for every element; `beta-powers` is `torch.mlp jit` with
`beta**count`, which Inductor computes in its loop over each parameter; `unfused-optimizer` is `torch.mlp eager` at size
base with PyTorch's optimizer as a loop over the parameters; `broken-fusion` is `torch.mlp jit` at size base, whose
update Inductor does not fuse: each new value of a parameter and of its moments is a loop of its own.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dlbench.measure.profiling.profile import profile_to_file
from dlbench.spec import Spec


class Offender(NamedTuple):
    """The Spec of an arm, the function that plants the old form, and the categories that it shows in.

    Both forms run with `environment` added to this process's own.
    """

    spec: Spec
    plant: Callable[[], None]
    categories: tuple[str, ...]
    environment: Mapping[str, str] = {}


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


def _split() -> None:
    from torch._inductor import config

    config.max_fusion_size = 1


_KEPT_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
}
"""glibc keeps what is freed. Else a step has 2,400 new pages or more in a profile, and next to none without one.

Products, which write large tensors, took longer for them: an eighth of a profile of the fused form.
"""
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
    "broken-fusion": Offender(
        msgspec.structs.replace(_MLP, size="base", batch_size=64),
        _split,
        ("elementwise",),
        _KEPT_MEMORY,
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
