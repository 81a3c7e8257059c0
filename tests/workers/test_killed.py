"""The parent is killed at any moment: no child outlives it, and going on loses no Run and repeats none."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import msgspec
import psutil
import pytest
from command import DLBENCH, started

from dlbench.record.reading import read_runs
from dlbench.record.schema import Plan
from dlbench.session.plan import expand, groups
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

POLICY = Policy(samples=2, sample_seconds=0.001, settle_seconds=0.0, settle_cap_seconds=0.05, latency_steps=2)


@pytest.mark.parametrize(
    ("isolation", "kills", "processes"),
    [
        pytest.param("none", 50, 12, marks=pytest.mark.slow),
        ("none", 6, 6),
        ("fresh", 2, 2),
        pytest.param("fork", 3, 3, marks=pytest.mark.slow),
    ],
)
def test_kills_at_any_moment_lose_no_run_and_repeat_none(isolation, kills, processes, tmp_path):
    policy = msgspec.structs.replace(POLICY, processes=processes, isolation=isolation)
    specs = expand({"plugin": ["fake.linear", "twin.linear"], "phase": ["train"], "threads": [1]}, policy)
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(Plan(session="s", specs=tuple(specs), policy=policy)))
    killing = [
        sys.executable,
        str(Path(__file__).parents[1] / "support" / "killing.py"),
        str(tmp_path),
        str(kills),
        "7",
    ]
    done = subprocess.run(killing, check=True, capture_output=True, text=True)
    kept = [line.split() for line in done.stdout.splitlines()]
    assert len(kept) == kills
    assert {(unchanged, orphans) for _, unchanged, orphans in kept} == {("True", "0")}
    assert kills < 50 or len({number for number, *_ in kept}) >= 8, "kills came between Runs"
    assert done.stderr == ""
    runs = read_runs(tmp_path / "runs.jsonl")
    assert [(run.spec, run.group) for run in runs] == [
        (spec, group.number) for group in groups(specs, policy) for spec in group.specs
    ]
    assert {run.status for run in runs} == {"ok"}


@pytest.mark.parametrize(
    ("how", "isolation"),
    [(signal.SIGKILL, "fresh"), (signal.SIGKILL, "fork"), (signal.SIGTERM, "fresh"), (signal.SIGINT, "fork")],
)
def test_a_plugin_that_loops_for_ever_does_not_outlive_its_parent(how, isolation, tmp_path):
    plan = Plan(
        session="s",
        specs=tuple(expand({"plugin": ["fake.linear", "naughty.linear"], "phase": ["train"], "threads": [1]}, POLICY)),
        policy=msgspec.structs.replace(POLICY, isolation=isolation),
    )
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(plan))
    environment = {**os.environ, "DLBENCH_FAKE": "build:helper build:helper=daemon train_step:hang@3"}
    command = [DLBENCH, "run", "--resume", str(tmp_path), "--no-parity"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # in the background of a shell it is ignored
    with started(command, env=environment, preexec_fn=heeds, **silent) as parent:
        patience, busy = time.monotonic() + 100, []
        while not busy:
            assert time.monotonic() < patience
            time.sleep(0.05)
            family = parent.children(recursive=True)
            busy = [one for one in family if one.is_running() and one.cpu_times().user > 1.5]
        parent.send_signal(how)
        code = parent.wait(timeout=60)
        assert code == {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}[how]
    assert psutil.wait_procs(family, timeout=30)[1] == []
