"""The mean of several workers' gradients: the first one adds them up, over sockets of the loopback interface.

`DLBENCH_FAKE_WORKER="FAULT RANK"` makes one worker do otherwise: `dies` at its third exchange, `drifts` by adding to
its own mean, `refuses` to join, `hangs` in its third exchange.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import numpy as np

from dlbench.errors import Unsupported
from dlbench.plugin import Peers

if TYPE_CHECKING:
    from dlbench.plugin import Array

    Arrays = dict[str, Array]

FAULT_VARIABLE = "DLBENCH_FAKE_WORKER"


def fault_of(rank: int) -> str:
    """The fault of this worker; empty for another one."""
    fault, _, faulty = os.environ.get(FAULT_VARIABLE, " -1").partition(" ")
    return fault if int(faulty) == rank else ""


class Exchange:
    """Connections between the first worker and each of the others."""

    def __init__(self, peers: Peers) -> None:
        """Connect. Raises Unsupported if the fault says so."""
        self._fault = fault_of(peers.rank)
        if self._fault == "refuses":
            raise Unsupported("this worker will not join")
        self._rank, self._count, self._exchanges = peers.rank, peers.count, 0
        host, port = peers.addresses[0].split(":")
        if peers.rank:
            self._sockets = [_connected(host, int(port))]
        else:
            with socket.create_server((host, int(port))) as server:
                self._sockets = [server.accept()[0] for _ in range(peers.count - 1)]

    def mean(self, values: Arrays) -> Arrays:
        """The mean over all workers of these values."""
        self._exchanges += 1
        if self._exchanges == 3:
            self._misbehave()
        flat = np.concatenate([value.ravel() for value in values.values()])
        total = self._total(flat) / np.float32(self._count)
        total = total + np.float32(1e-3) if self._fault == "drifts" else total
        ends = np.cumsum([value.size for value in values.values()])[:-1]
        return {
            name: part.reshape(values[name].shape) for name, part in zip(values, np.split(total, ends), strict=True)
        }

    def close(self) -> None:
        """Wait for all, and disconnect."""
        self._total(np.zeros(1, np.float32))
        for one in self._sockets:
            one.close()

    def _total(self, flat: Array) -> Array:
        if self._rank:
            self._sockets[0].sendall(flat.tobytes())
            return _received(self._sockets[0], flat)
        total = np.sum([flat, *(_received(one, flat) for one in self._sockets)], axis=0, dtype=np.float32)
        for one in self._sockets:
            one.sendall(total.tobytes())
        return np.asarray(total)

    def _misbehave(self) -> None:
        if self._fault == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        while self._fault == "hangs":
            time.sleep(1)


def _connected(host: str, port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection((host, port))
        except ConnectionRefusedError:
            time.sleep(0.01)


def _received(connection: socket.socket, like: Array) -> Array:
    found = b""
    while len(found) < like.nbytes:
        part = connection.recv(like.nbytes - len(found))
        if not part:
            raise ConnectionError("another worker is gone")
        found += part
    return np.frombuffer(found, like.dtype)
