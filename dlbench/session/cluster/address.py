"""Addresses of Ray clusters, as `--cluster` takes them."""

from __future__ import annotations

import os
import re
import socket

from dlbench.errors import DlbenchError, SpecError

LOCAL = "local"
"""A cluster of this machine alone, which dlbench starts for one command."""
FORM = re.compile(r"(?P<client>ray://)?(?P<host>\[[0-9a-fA-F:]+\]|[\w.-]+):(?P<port>\d{1,5})")
PATIENCE = 5.0
"""Seconds in which somebody must listen: Ray itself would try for minutes."""
TO_ANSWER = 20.0
"""Seconds in which a listener must answer, on a busy machine too."""


def check(text: str) -> str:
    """The address, if it has the form of one. Raises SpecError."""
    found = FORM.fullmatch(text)
    if text != LOCAL and (found is None or not 0 < int(found["port"]) < 1 << 16):
        raise SpecError(
            f"--cluster is {text!r}; give {LOCAL}, ray://HOST:PORT (the port of clients, 10001 unless changed), or "
            "HOST:PORT (the head's own, 6379 unless changed) on a node of the cluster"
        )
    return text


TLS = "RAY_USE_TLS"
"""Ray's variable for encrypted connections, which are not looked into."""
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""Beginning of a connection of HTTP/2, in which Ray speaks: a fixed text, and an empty frame of settings (RFC 9113)."""
HEAD, SETTINGS = 9, 4
"""Bytes of the head of a frame, and the type of one of settings, with which a server must begin."""


def require_answer(address: str) -> None:
    """Raise DlbenchError unless something at this address listens that may be Ray."""
    found = FORM.fullmatch(address)
    assert found is not None
    host, port = found["host"].strip("[]"), int(found["port"])
    try:
        with socket.create_connection((host, port), PATIENCE) as connection:
            speaks = bool(os.environ.get(TLS)) or _speaks(connection)
    except OSError as error:
        why = error.strerror or str(error)
        raise DlbenchError(
            f"--cluster {address}: nothing answers there ({why}); run ray start --head there, or give its address"
        ) from error
    if not speaks:
        raise DlbenchError(
            f"--cluster {address}: something listens there that does not answer as Ray does; give HOST:PORT of Ray's "
            "head (6379 unless changed), or ray://HOST:PORT of its port for clients (10001 unless changed)"
        )


def _speaks(connection: socket.socket) -> bool:
    """True if the other side answers in HTTP/2: Ray itself would try others for minutes, without a word."""
    connection.settimeout(TO_ANSWER)
    try:
        connection.sendall(GREETING)
        with connection.makefile("rb") as answer:  # recv() gives the first piece alone where there is a time limit
            head = answer.read(HEAD)
    except OSError:
        return False
    return len(head) == HEAD and head[3] == SETTINGS
