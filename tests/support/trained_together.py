"""Several workers of a plugin, from the first one: their last words, and where they listen meanwhile.

As a program it is one of several workers, or all of them in one process, without the rest of a child: `python
trained_together.py SPEC PEERS FILES` writes the parameters after STEPS steps, to a file for each.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psutil

from dlbench.measure import shares
from dlbench.measure.build import build_checked, prepare, stage
from dlbench.plugin import Peers
from dlbench.registry import adaptors
from dlbench.spec import Policy, Spec, workers
from dlbench.workers.child import fresh_child
from dlbench.workers.protocol import Build, Built, Close, Closed, First, Settle, Settled, Stepped, Take, Taken
from dlbench.workers.ranks import free_addresses

STEPS = 6
SHORT = Policy(sample_seconds=0.001, settle_seconds=0.0, settle_cap_seconds=0.2)


class Listening(NamedTuple):
    """Addresses at which processes listen, and the ports to which one can connect from `here` or `elsewhere`.

    Elsewhere is an address of this machine that is not the loopback's: packets to it come from there.
    """

    addresses: set[str]
    here: set[int]
    elsewhere: set[int]


def train(spec: Spec, timeout: float = 300.0) -> tuple[Built, Closed, Listening]:
    """Build, step, close; and where workers listen after the first step."""
    child = fresh_child(spec.threads, timeout)
    try:
        built = child.request(Build(spec=spec), Built)
        child.request(First(), Stepped)
        listening = listening_of(child.process.pid)
        steps = child.request(Settle(policy=SHORT), Settled).steps
        child.request(Take(stage="steady", steps=steps, count=2), Taken)
        return built, child.request(Close(compile_again=False, multiply=False), Closed), listening
    finally:
        child.close()


def listening_of(pid: int) -> Listening:
    """Addresses and ports of this process and all below it; one of IPv4 that is mapped into IPv6 is the IPv4 one."""
    first = psutil.Process(pid)
    found = [one for process in (first, *first.children(recursive=True)) for one in process.net_connections("inet")]
    listening = [one.laddr for one in found if one.status == psutil.CONN_LISTEN]
    ports = {one.port for one in listening}
    addresses = [one.address for of in psutil.net_if_addrs().values() for one in of if one.family == socket.AF_INET]
    others = [address for address in addresses if not address.startswith("127.")]
    return Listening(
        {one.ip.removeprefix("::ffff:") for one in listening},
        {port for port in ports if _accepts("127.0.0.1", port)},
        {port for port in ports for address in others if _accepts(address, port)},
    )


def _accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def weights_together(spec: Spec, folder: Path) -> list[dict[str, Any]]:
    """Parameters of all workers after STEPS steps, and of one worker alone at the end."""
    addresses = tuple(free_addresses(workers.count(spec)))
    (folder / "meet").mkdir()
    files = [folder / f"{rank}.npz" for rank in range(workers.count(spec))]
    running = [] if not spec.in_one_process else [_started(spec, "", *files)]
    for rank, file in enumerate(files if not running else ()):
        peers = Peers(rank, workers.count(spec), addresses, str(folder / "meet"))
        running.append(_started(spec, msgspec.json.encode(peers).decode(), file))
    running.append(_started(workers.whole(spec), "", folder / "alone.npz"))
    for process in running:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
    return [_loaded(folder / f"{name}.npz") for name in (*range(workers.count(spec)), "alone")]


def _started(spec: Spec, peers: str, *files: Path) -> psutil.Popen:
    command = [sys.executable, __file__, msgspec.json.encode(spec).decode(), peers, *map(str, files)]
    return psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _loaded(file: Path) -> dict[str, Any]:
    with np.load(file) as arrays:
        return dict(arrays)


def differences(found: Collection[dict[str, Any]]) -> tuple[float, float]:
    """Largest difference between any two workers, and from the worker alone at the end."""
    first, *others, alone = found
    return max((_apart(first, one) for one in others), default=0.0), _apart(first, alone)


def _apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def main(said: str, peers: str, *files: str) -> None:
    spec = msgspec.json.decode(said, type=Spec)
    plugin: Any = adaptors.load_plugin(spec)
    if peers:
        prepared = shares.prepare_share(spec, plugin, msgspec.json.decode(peers, type=Peers))
    elif spec.in_one_process:
        prepared = shares.prepare_gathered(spec, plugin)
    else:
        prepared = prepare(spec, plugin)
    build_checked(plugin, prepared.request)
    for step in range(STEPS):
        loss = plugin.train_step(stage(plugin, prepared.request.spec, prepared.task.batch(0, step)))
        assert np.isfinite(float(loss))
    found = [weights for _, weights in plugin.weights_of_devices()] if len(files) > 1 else [plugin.weights()]
    for file, weights in zip(files, found, strict=True):
        np.savez(file, **weights)
    if peers:
        plugin.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
