"""Servers of this process held to the loopback interface.

TensorFlow's server listens on every interface, and has no option for another address. A socket filter of Linux (the
kernel's networking/filter; packet(7) has the offsets) drops every packet to it that comes from elsewhere, so that
nobody else can connect.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from dlbench.errors import Unsupported

_ATTACH_FILTER = 26
"""SO_ATTACH_FILTER of asm-generic/socket.h."""
_HEADER = 0xFFF00000
"""SKF_NET_OFF of linux/filter.h: offsets from it are in the header of IP."""
_LOAD_BYTE, _AND, _IF_EQUAL, _RETURN = 0x30, 0x54, 0x15, 0x06
"""Codes of linux/bpf_common.h: BPF_LD|BPF_B|BPF_ABS, BPF_ALU|BPF_AND|BPF_K, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K."""
_PROGRAM = (
    (_LOAD_BYTE, 0, 0, _HEADER),  # version and length of the header
    (_AND, 0, 0, 0xF0),
    (_IF_EQUAL, 0, 3, 0x40),  # IPv4, else to the end: workers meet at 127.0.0.1
    (_LOAD_BYTE, 0, 0, _HEADER + 12),  # the first byte of the source
    (_IF_EQUAL, 0, 1, 127),
    (_RETURN, 0, 0, 0xFFFFFFFF),  # the whole packet
    (_RETURN, 0, 0, 0),  # nothing of it
)


def require_linux() -> None:
    """Raise Unsupported where a server cannot be held to the loopback interface."""
    if not sys.platform.startswith("linux"):
        raise Unsupported(
            f"several workers on {sys.platform}: TensorFlow's server would listen on every interface, and only Linux "
            "can keep others out; leave --workers out"
        )


def hold() -> None:
    """Let nobody but this machine connect to a server of this process."""
    code = b"".join(struct.pack("HBBI", *one) for one in _PROGRAM)
    held = ctypes.create_string_buffer(code)
    program = struct.pack("HL", len(_PROGRAM), ctypes.addressof(held))
    for server in _servers():
        server.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def _servers() -> Iterator[socket.socket]:
    """Sockets of this process that listen, other than on the loopback interface, each until the next."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        if not _target(entry).startswith("socket:"):
            continue
        with socket.socket(fileno=os.dup(int(entry.name))) as found:
            internet = found.family in (socket.AF_INET, socket.AF_INET6)
            if internet and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                yield found


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)  # noqa: PTH115
    except OSError:  # it was closed meanwhile
        return ""
