"""Training as one of several workers: MultiWorkerMirroredStrategy, whose all-reduce the plugin's own step calls.

Variables are those of each worker: all start alike, and are updated by the same mean of gradients.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dlbench.errors import Unsupported
from dlbench.plugin import Peers
from dlbench.spec import Spec
from dlbench_tf import device, loopback


def mean(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Means over all workers."""
    found: list[tf.Tensor] = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
    return found


class Group:
    """The strategy of this worker, and its server; both are made before anything else of TensorFlow."""

    mean, at = staticmethod(mean), 0

    def __init__(self, spec: Spec, peers: Peers) -> None:
        """Join. Raises Unsupported for a step of XLA, and as `device.prepare` does."""
        if spec.path == "jit":
            raise Unsupported(
                f"path jit with several workers: TensorFlow {tf.__version__} compiles no exchange of processes into "
                "a step of XLA on a CPU (collectives are not implemented there); choose --path graph"
            )
        loopback.require_linux()
        device.prepare(spec)
        task = {"cluster": {"worker": list(peers.addresses)}, "task": {"type": "worker", "index": peers.rank}}
        os.environ["TF_CONFIG"] = json.dumps(task)
        os.environ["NCCL_SOCKET_IFNAME"] = "lo"  # by default NCCL takes another interface than the loopback
        self._exchange = " over gRPC" if spec.device == "cpu" else ""  # on GPUs TensorFlow chooses, and does not tell
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy()
        loopback.hold()

    def run(self, update: Callable[..., tf.Tensor], inputs: Any, targets: tf.Tensor) -> tf.Tensor:
        """The update of this worker, in which `mean` is that of all."""
        return self._strategy.run(update, args=(inputs, targets))

    def leave(self) -> None:
        """Return when all have come so far."""
        one = tf.constant(1.0)
        self._strategy.reduce(tf.distribute.ReduceOp.SUM, one, axis=None)

    @property
    def words(self) -> str:
        """The means of exchange."""
        return f"{self._strategy.num_replicas_in_sync}, MultiWorkerMirroredStrategy{self._exchange}"
