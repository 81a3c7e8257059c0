"""Training as one of several workers: DistributedDataParallel, over gloo on CPUs and NCCL on GPUs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from torch import distributed, nn

from dlbench.errors import Unsupported
from dlbench.plugin import Peers
from dlbench.spec import Spec
from dlbench_torch import device
from dlbench_torch.network import Network
from dlbench_torch.objective import Objective

LOOPBACK = "lo" if sys.platform.startswith("linux") else "lo0"
INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
"""Variables that name the interface on which a backend listens; by default it is that of the host's name."""


class Group:
    """The process group of this worker. Its members find each other by a file, so that no server is needed."""

    def __init__(self, spec: Spec, peers: Peers) -> None:
        """Join. Raises Unsupported for a compiled step, and as `device.prepare` does."""
        if spec.path == "jit":
            raise Unsupported(
                "path jit with several workers: DistributedDataParallel exchanges gradients between parts of a step, "
                "and this package compiles a step whole; choose --path eager"
            )
        self._device = device.prepare(spec)
        self.backend = "nccl" if self._device.type == "cuda" else "gloo"
        os.environ.update(dict.fromkeys(INTERFACES, LOOPBACK))
        method = (Path(peers.folder) / "group").as_uri()
        distributed.init_process_group(self.backend, init_method=method, rank=peers.rank, world_size=peers.count)

    def exchanging(self, network: Network, objective: Objective) -> nn.Module:
        """The network whose backward pass leaves means over all workers. Raises Unsupported for several losses."""
        if len(objective.owners) > 1:
            raise Unsupported(
                "several losses with several workers: DistributedDataParallel sees one backward pass only"
            )
        own = [self._device] if self._device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=own)

    def leave(self) -> None:
        """End the group when all have come so far: who ends it early makes the others fail."""
        distributed.barrier()
        distributed.destroy_process_group()

    @property
    def words(self) -> str:
        """The means of exchange."""
        return f"{distributed.get_world_size()}, DistributedDataParallel over {distributed.get_backend()}"
