"""The steps of action.yml, run here with the variables and files that GitHub gives a job."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from studies.gate import repository

ACTION = Path(__file__).parents[2] / "action.yml"
MEASURE, COMMENT = "Measure and gate", "Comment on the pull request"


def steps() -> dict[str, str]:
    """The scripts of action.yml by the names of their steps."""
    text = ACTION.read_text()
    found = re.findall(r"^    - name: (.+)\n(?:      .*\n)*?      run: \|\n((?:        .*\n)+)", text, re.MULTILINE)
    return {name: re.sub("^        ", "", script, flags=re.MULTILINE) for name, script in found}


class Workflow:
    """A job in a new folder, for an event; `api` is the address of the service that keeps comments."""

    def __init__(self, folder: Path, event: object, api: str = "http://127.0.0.1:9") -> None:
        folder.mkdir(parents=True)
        self.temporary, self.summary, self.outputs = folder, folder / "summary.md", folder / "outputs"
        self.report = folder / "dlbench-gate"
        (folder / "event.json").write_text(json.dumps(event))
        (folder / "dlbench" / "bin").mkdir(parents=True)
        (folder / "dlbench" / "bin" / "dlbench").symlink_to(Path(sys.executable).with_name("dlbench"))
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
            "FOUND": os.pathsep.join(repository.found()),
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

    def result(self) -> str:
        """The output `result` of the gate; empty if the step ended before it."""
        text = self.outputs.read_text() if self.outputs.exists() else ""
        return next((line.removeprefix("result=") for line in text.splitlines() if line.startswith("result=")), "")

    def written(self) -> str:
        """Every file that the steps left."""
        files = [path for path in self.temporary.rglob("*") if path.is_file() and not path.is_symlink()]
        return "".join(path.read_text(errors="replace") for path in files)
