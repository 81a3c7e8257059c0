"""Addresses of Ray clusters, as `--cluster` takes them."""

from __future__ import annotations

import re
import socket

from dlbench.errors import DlbenchError, SpecError

LOCAL = "local"
"""A cluster of this machine alone, which dlbench starts for one command."""
FORM = re.compile(r"(?P<client>ray://)?(?P<host>\[[0-9a-fA-F:]+\]|[\w.-]+):(?P<port>\d{1,5})")
PATIENCE = 5.0
"""Seconds in which somebody must answer: Ray itself would try for minutes."""


def check(text: str) -> str:
    """The address, if it has the form of one. Raises SpecError."""
    found = FORM.fullmatch(text)
    if text != LOCAL and (found is None or not 0 < int(found["port"]) < 1 << 16):
        raise SpecError(
            f"--cluster is {text!r}; give {LOCAL}, ray://HOST:PORT (the port of clients, 10001 unless changed), or "
            "HOST:PORT (the head's own, 6379 unless changed) on a node of the cluster"
        )
    return text


def require_answer(address: str) -> None:
    """Raise DlbenchError unless something listens at this address."""
    found = FORM.fullmatch(address)
    assert found is not None
    host, port = found["host"].strip("[]"), int(found["port"])
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise DlbenchError(
            f"--cluster {address}: nothing answers there ({why}); run ray start --head there, or give its address"
        ) from error
