"""A small local repository with commits to gate, and a service that keeps the comments of a pull request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from studies.gate.repository import make

TOKEN = "ghs_" + "hush" * 9
PLUGIN = """
import msgspec
from dlbench_fake.linear import LinearPlugin

class Net(LinearPlugin):
    {change}
"""
CHANGES = {
    "base": "pass",
    "no-op": "'''Documented.'''",
    "larger": "def build(self, request): return msgspec.structs.replace(super().build(request), parameter_count=99)",
    "broken": "def build(self, request): raise ValueError('told to fail')",
}
"""The body of the plugin in each commit: a branch of that name, whose parent is `base`."""
SETTINGS = """[tool.dlbench.gate]
plugin = ["acme.net"]
phase = ["predict"]
task = "line"
fail-on = ["counts"]
quick = true
install = "python install.py"
"""


def repository(folder: Path) -> Path:
    """A repository with `base` and a branch for every other change."""
    return make(folder, SETTINGS, {name: PLUGIN.format(change=change) for name, change in CHANGES.items()})


class Comments(BaseHTTPRequestHandler):
    """The comments of one pull request, a page of two each; `refuse` is a code that every request is answered with."""

    kept: list[dict[str, object]]
    asked: list[tuple[str, str]]
    refuse = 0

    def do_GET(self) -> None:
        """A page of comments."""
        number = int(re.findall(r"[?&]page=(\d+)", self.path)[0])
        size = int(re.findall(r"per_page=(\d+)", self.path)[0])
        self._answer(self.kept[(number - 1) * size : number * size])

    def do_POST(self) -> None:
        """A new comment."""
        self.kept.append({"id": 100 + len(self.kept), "body": self._body()})
        self._answer({})

    def do_PATCH(self) -> None:
        """A changed one."""
        (one,) = [one for one in self.kept if self.path.endswith(f"/repos/acme/net/issues/comments/{one['id']}")]
        one["body"] = self._body()
        self._answer({})

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _body(self) -> str:
        return "" if self.refuse else json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def _answer(self, found: object) -> None:
        self.asked.append((self.command, self.headers.get("Authorization", "")))
        self.send_response(self.refuse or 200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())


@contextmanager
def service(refuse: int = 0, kept: int = 0) -> Iterator[tuple[str, type[Comments]]]:
    """The address of a service with this number of comments by others, and what it keeps."""

    class Here(Comments):
        pass

    Here.kept, Here.asked, Here.refuse = (
        [{"id": number, "body": f"I say {number}"} for number in range(kept)],
        [],
        refuse,
    )
    server = HTTPServer(("127.0.0.1", 0), Here)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", Here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
