"""The gate of the action on real pull requests of a small local repository.

    python -m studies.gate FOLDER --pull-requests 20 [--kind no-op --kind planted]
    python -m studies.gate FOLDER --pull-requests 0 --replayed 100

Half change nothing but a comment, half make a step 3 % slower: 103 pieces of work in place of 100. Each is one run of
the step of action.yml, with installation, in turn. Those in FOLDER are not run again, so the study can be stopped and
continued. `--replayed` adds sessions that are drawn from the pools of `studies.decision_quality`. FOLDER/report.md
holds the counts, and the minutes of each.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dlbench.system import environment
from studies import end_what_was_started
from studies.decision_quality import pool, rules
from studies.decision_quality.groups import Groups, lockstep
from studies.decision_quality.workloads import WORKLOADS
from studies.gate import repository
from studies.gate.workflow import MEASURE, Workflow

NO_OP, PLANTED = "no-op", "planted"
POOL_ARMS = {NO_OP: "again", PLANTED: "3%"}
POOL = Path("reports/decision-quality/pool-quiet.jsonl.gz")
PROGRAM = '''"""A program in NumPy.{comment}"""

import numpy as np

from dlbench.plugin import ModelInfo


class Net:
    def build(self, request):
        self.left, self.right = np.random.default_rng(0).random((2, 48, 48), np.float32)
        self.product = np.empty((48, 48), np.float32)
        self.outputs = np.zeros(request.signature.outputs.shape, np.float32)
        versions = {{"numpy": np.__version__}}
        return ModelInfo(parameter_count=0, device="cpu", precision="fp32", path="eager", versions=versions)

    def train_step(self, batch):
        self.predict(batch.inputs)
        return 1.0

    def predict(self, inputs):
        for _ in range({pieces}):
            np.matmul(self.left, self.right, out=self.product)
        return self.outputs
'''
TEXTS = {
    repository.BASE: PROGRAM.format(comment="", pieces=100),
    NO_OP: PROGRAM.format(comment=" Documented.", pieces=100),
    PLANTED: PROGRAM.format(comment="", pieces=103),
}
SETTINGS = """[tool.dlbench]
threads = 1
task = "line"

[tool.dlbench.gate]
plugin = ["acme.net"]
phase = ["predict"]
fail-on = ["slower:1%"]
adaptive = true
install = "python install.py"
"""


class Found(NamedTuple):
    """A pull request: its answer, whether the job was red, and its minutes, installation included."""

    kind: str
    number: int
    result: str
    red: bool
    minutes: float


def pull_requests(folder: Path, kinds: Sequence[str], count: int) -> Iterator[Found]:
    """Run the pull requests that the folder lacks, one of each kind in turn, and yield all."""
    home = folder / "repository"
    if count and not home.exists():
        repository.make(home, SETTINGS, TEXTS)
    for number in range(count):
        for kind in kinds:
            kept = folder / f"{kind}-{number:03}" / "found.json"
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(_one(folder, home, kind, number)._asdict()))
            yield Found(**json.loads(kept.read_text()))


def _one(folder: Path, home: Path, kind: str, number: int) -> Found:
    repository.merged(home, kind)
    place = folder / f"{kind}-{number:03}" / "runner"
    shutil.rmtree(place, ignore_errors=True)  # of a run that was stopped
    job = Workflow(place, repository.pull_request(home, kind, number))
    begin = time.monotonic()
    done = job.step(MEASURE, home, BASE="", UNDECIDED="warn")
    minutes = (time.monotonic() - begin) / 60
    (place / "log.txt").write_text(done.stdout + done.stderr)
    return Found(kind, number, job.result() or "failed", done.returncode != 0, minutes)


def replayed(path: Path, sessions: int) -> Iterator[tuple[str, str, int]]:
    """Workload, kind, and the number of red sessions among these, drawn from the pool."""
    batches = pool.read(path)
    for workload in WORKLOADS:
        of_load = [batch for batch in batches if batch.workload == workload]
        for kind, arm in POOL_ARMS.items():
            if sum(batch.kind == "lockstep" for batch in of_load) > 1:
                groups = lockstep(of_load, arm)
                yield (
                    workload,
                    kind,
                    sum(_red(groups, random.Random(f"{workload} {kind} {n}")) for n in range(sessions)),
                )


def _red(groups: Groups, generator: random.Random) -> bool:
    """True if the gate slower:1% fails a session of these groups in a random order."""
    drawn = groups.drawn(generator)
    used = rules.groups_used(drawn.log_ratios, drawn.seconds, drawn.is_steady)
    return rules.dlbench(drawn.log_ratios[:used]) == "slower"


def page(found: Sequence[Found], drawn: Sequence[tuple[str, str, int]], sessions: int) -> str:
    """The report of the study."""
    at = environment.describe()
    lines = [
        "# Pull requests under the gate of the action",
        "",
        "Gate `slower:1%`, `--adaptive`. Red is a job that fails. Made by `python -m studies.gate`.",
        "",
        f"On {at.processor}, {at.cores} cores, {at.system}, {at.python}.",
        "",
    ]
    if found:
        lines += [
            "| | Pull requests | Red | Undecided | Minutes, median | Minutes, most |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [
            _row(kind, [one for one in found if one.kind == kind]) for kind in dict.fromkeys(one.kind for one in found)
        ]
        lines += ["", "| Pull request | Answer | Minutes |", "|---|---|---:|"]
        lines += [f"| {one.kind} {one.number} | {one.result} | {one.minutes:.1f} |" for one in found]
    if drawn:
        lines += ["", f"## {sessions} sessions of each drawn from the pool of quiet groups", ""]
        lines += ["| Workload | Pull requests | Red |", "|---|---|---:|"]
        lines += [f"| {workload} | {kind} | {red} |" for workload, kind, red in drawn]
    return "\n".join(lines) + "\n"


def _row(kind: str, found: Sequence[Found]) -> str:
    red, undecided = (sum(test) for test in zip(*((one.red, one.result == "undecided") for one in found), strict=True))
    minutes = [one.minutes for one in found]
    return f"| {kind} | {len(found)} | {red} | {undecided} | {statistics.median(minutes):.1f} | {max(minutes):.1f} |"


def main() -> None:
    """Run the study and print where its page is."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pull-requests", type=int, default=20, help="Pull requests of each kind.")
    parser.add_argument("--kind", action="append", choices=[NO_OP, PLANTED], help="Both unless given.")
    parser.add_argument("--replayed", type=int, default=0, help="Sessions of each workload drawn from the pool.")
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = list(replayed(POOL, given.replayed)) if given.replayed else []
    found: list[Found] = []
    (folder / "report.md").write_text(page(found, drawn, given.replayed))
    for one in pull_requests(folder, given.kind or [NO_OP, PLANTED], given.pull_requests):
        found.append(one)
        print(f"{one.kind} {one.number}: {one.result}, {one.minutes:.1f} min", flush=True)
        (folder / "report.md").write_text(page(found, drawn, given.replayed))
    print(folder / "report.md")


if __name__ == "__main__":
    main()
