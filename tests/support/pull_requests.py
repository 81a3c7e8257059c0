"""A small local repository with commits to gate, GitHub's files, a service for comments, and the action's steps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
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
    "slower": "def predict(self, inputs): return [LinearPlugin.predict(self, inputs) for _ in range(9)][0]",
    "larger": "def build(self, request): return msgspec.structs.replace(super().build(request), parameter_count=99)",
    "broken": "def build(self, request): raise ValueError('told to fail')",
}
"""The body of the plugin in each commit: a branch of that name, whose parent is `base`."""
INSTALL = """
import os, pathlib, sysconfig
found = [os.getcwd(), *os.environ["FOUND"].split(os.pathsep)]
pathlib.Path(sysconfig.get_path("purelib"), "found.pth").write_text("\\n".join(found) + "\\n")
"""
"""Installs a checkout without the network: its environment finds it, and the packages of this one."""
GATE = """[tool.dlbench.gate]
plugin = ["acme.net"]
phase = ["predict"]
task = "line"
fail-on = {fail_on}
{effort} = true
install = "python install.py"
"""


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path, fail_on: str = '["counts"]', effort: str = "quick") -> Path:
    """A repository with `base` and a branch for every other change."""
    metadata = folder / "acme-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[dlbench.plugins]\nacme.net = acme:Net\n")
    (folder / "install.py").write_text(INSTALL)
    (folder / "pyproject.toml").write_text(GATE.format(fail_on=fail_on, effort=effort))
    git(folder, "init", "--quiet")
    for name, change in CHANGES.items():
        git(folder, "checkout", "--quiet", *(["-b", name] if name == "base" else ["-b", name, "base"]))
        (folder / "acme.py").write_text(PLUGIN.format(change=change))
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", name)
    return folder


def merged(folder: Path, branch: str) -> str:
    """Check out the merge of a branch into a base that went on, as GitHub does; its hash."""
    git(folder, "checkout", "--quiet", "--detach", "base")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "another")
    git(folder, "merge", "--quiet", "--no-ff", "--no-edit", branch)
    return git(folder, "rev-parse", "HEAD")


def pull_request(folder: Path, branch: str, number: int = 7) -> dict[str, object]:
    """The fields of GitHub's event that name the commits."""
    sides = {"base": {"sha": git(folder, "rev-parse", "base")}, "head": {"sha": git(folder, "rev-parse", branch)}}
    return {"action": "synchronize", "number": number, "pull_request": {"number": number, **sides}}


class Workflow:
    """GitHub's variables and files for the steps of a job, which run here."""

    def __init__(self, folder: Path, event: object, api: str = "http://127.0.0.1:9") -> None:
        folder.mkdir()
        self.temporary, self.summary, self.outputs = folder, folder / "summary.md", folder / "outputs"
        (folder / "event.json").write_text(json.dumps(event))
        (folder / "dlbench" / "bin").mkdir(parents=True)
        (folder / "dlbench" / "bin" / "dlbench").symlink_to(Path(sys.executable).with_name("dlbench"))
        found = [path for path in sys.path if Path(path).is_dir() and Path(path).name != "support"]
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
            "FOUND": os.pathsep.join(found),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": "",  # an empty requirement: install.py brings dlbench
            "GITHUB_API_URL": api,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_REPOSITORY": "acme/net",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "RUNNER_TEMP": str(folder),
        }

    def step(self, name: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a step of the action as a runner does."""
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps()[name]]
        return subprocess.run(
            command, cwd=folder, env={**self.variables, **more}, capture_output=True, text=True, check=False
        )

    def written(self) -> str:
        """Every file that the steps left."""
        files = [path for path in self.temporary.rglob("*") if path.is_file() and not path.is_symlink()]
        return "".join(path.read_text(errors="replace") for path in files)


def steps() -> dict[str, str]:
    """The scripts of action.yml by the names of their steps."""
    text = (ROOT / "action.yml").read_text()
    found = re.findall(r"^    - name: (.+)\n(?:      .*\n)*?      run: \|\n((?:        .*\n)+)", text, re.MULTILINE)
    return {name: re.sub("^        ", "", script, flags=re.MULTILINE) for name, script in found}


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
