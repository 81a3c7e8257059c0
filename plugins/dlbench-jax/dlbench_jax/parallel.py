"""Training as one of several workers: a batch sharded over processes, which `jax.distributed` makes one system.

Each worker holds all parameters and its share of a batch; the loss is the mean over the whole batch, so that XLA puts
the exchange of gradients into the step. On a CPU the processes exchange by gloo. Several devices of one process would
share its threads, and exchange nothing but pointers.
"""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np
from jax._src import distributed, lib, xla_bridge
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from dlbench.errors import Unsupported
from dlbench.plugin import Peers
from dlbench.spec import Spec
from dlbench_jax import machine

AXIS, LOOPBACK = "workers", "127.0.0.1"


class Group:
    """The processes of all workers, with a device each."""

    def __init__(self, spec: Spec, peers: Peers) -> None:
        """Join. Raises Unsupported as `listen_on_loopback` and `machine.prepare` do."""
        machine.start(spec)
        on_gpu = spec.device.startswith("gpu")
        os.environ["NCCL_SOCKET_IFNAME"] = "lo"  # by default NCCL takes another interface than the loopback
        jax.distributed.initialize(
            peers.addresses[0],
            peers.count,
            peers.rank,
            local_device_ids=[peers.rank] if on_gpu else None,
            coordinator_bind_address=peers.addresses[0],
            cluster_detection_method="deactivate",
        )
        listen_on_loopback()
        machine.prepare(spec)
        self._mesh = Mesh(np.array(jax.devices()), (AXIS,))
        self.words = f"{peers.count}, sharded over processes, {'NCCL' if on_gpu else 'gloo'}"

    def replicated(self, arrays: Any) -> Any:
        """The arrays, of which every worker holds all."""
        return self._placed(arrays, PartitionSpec())

    def sharded(self, arrays: Any, axis: int) -> Any:
        """Arrays of which this worker gives its share of the samples, along this axis."""
        return self._placed(arrays, PartitionSpec(*[None] * axis, AXIS))

    def leave(self) -> None:
        """Return when all have come so far, and end the system."""
        multihost_utils.sync_global_devices("leave")
        jax.distributed.shutdown()

    def _placed(self, arrays: Any, parts: PartitionSpec) -> Any:
        where = NamedSharding(self._mesh, parts)
        return jax.tree.map(lambda one: jax.make_array_from_process_local_data(where, np.asarray(one)), arrays)


def listen_on_loopback() -> None:
    """Have the CPU client exchange by a gloo that listens there: JAX's own listens at the address of the host's name.

    To be called between `jax.distributed.initialize` and the start of the clients. Raises Unsupported for a JAX whose
    private names for this are others.
    """
    try:
        client = distributed.global_state.client
        make = lib._jax.make_gloo_tcp_collectives  # type: ignore[attr-defined]
        gloo = make(distributed_client=client, hostname=LOOPBACK)
        start = xla_bridge.make_cpu_client
        xla_bridge.register_backend_factory("cpu", lambda: start(gloo), priority=0, fail_quietly=False)
    except (AttributeError, TypeError) as error:
        raise Unsupported(
            f"several workers: JAX {jax.__version__} cannot be told to listen on the loopback interface alone as JAX "
            f"0.10 can ({error}); install that, or leave --workers out"
        ) from error
