"""The fault matrix: every way to misbehave, in every place, costs one row with a status and a reason.

Each group holds a good plugin and one misbehaving arm for each way, all in lockstep.
"""

import re

import msgspec
import pytest

from dlbench import journal, schedule
from dlbench.decoding import read_runs
from dlbench.plan import Group
from dlbench.progress import Quiet
from dlbench.record import Plan
from dlbench.spec import Policy, Spec
from dlbench.start import Starter

pytestmark = pytest.mark.untimed

MEBI = 1 << 20
POLICY = Policy(
    processes=1,
    samples=2,
    sample_seconds=0.002,
    settle_seconds=0.01,
    settle_cap_seconds=0.5,
    latency_steps=2,
    timeout_seconds=120.0,
    memory_limit_bytes=512 * MEBI,
)
GOOD = Spec(plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)

WAYS = {
    "raise=ValueError": ("error", "told to fail"),
    "exit=3": ("crashed", "exited with code 3"),
    "os-exit=7": ("crashed", "exited with code 7"),
    "signal=SIGSEGV": ("crashed", "SIGSEGV"),
    "signal=SIGKILL": ("crashed", "SIGKILL"),
    "hang": ("timeout", "1 s that a process may work"),
    "allocate": ("out-of-memory", "Unable to allocate"),
    "return=nan": ("diverged", "nan|not finite"),
    "return=shape": ("error", r"shape|returned 2|must return|no attribute"),
    f"print={64 * MEBI}": ("ok", ""),
    "thread": ("ok", ""),
}
ONCE = ("print", "thread")
"""These at one call; the others from that call on."""
PLACES = {
    "import": ("train", ("",)),
    "build": ("train", ("",)),
    "stage": ("train", ("", "@5")),
    "train_step": ("train", ("", "@20")),
    "predict": ("predict", ("", "@20")),
}
"""In which phase a place is passed, and its first and later calls; a plugin is imported and built once."""


def expected(place, way):
    """Status and reason of a cell; a result that no place checks is that of whoever stumbles over it."""
    if way == "return=nan" and place in ("stage", "build"):
        return "error", "attribute|must return"
    return WAYS[way]


def cells(place, later):
    ways = [way for way in WAYS if not (place == "import" and way.startswith("return"))]
    deeds = [(way, f"{place}:{way}{later}{'!' * way.startswith(ONCE)}") for way in ways]
    return dict(enumerate(deeds, start=1))


class Misled:
    """Starts each child with the misdeed that its Spec's seed stands for."""

    def __init__(self, misdeeds, starter, monkeypatch):
        self.misdeeds, self.starter, self.monkeypatch = misdeeds, starter, monkeypatch

    def __call__(self, spec, policy):
        _, misdeed = self.misdeeds.get(spec.seed, ("", ""))
        self.monkeypatch.setenv("DLBENCH_FAKE", misdeed)
        seconds = 1.0 if ":hang" in misdeed else policy.timeout_seconds
        return self.starter(spec, msgspec.structs.replace(policy, timeout_seconds=seconds))


@pytest.mark.parametrize(
    ("place", "later"), [(place, later) for place, (_, calls) in PLACES.items() for later in calls]
)
def test_every_misdeed_costs_one_row_and_the_good_plugin_is_measured(place, later, tmp_path, monkeypatch):
    phase, misdeeds = PLACES[place][0], cells(place, later)
    good = msgspec.structs.replace(GOOD, phase=phase)
    bad = [msgspec.structs.replace(good, plugin="naughty.linear", seed=seed) for seed in misdeeds]
    group = Group(0, (good, *bad), 1)
    plan = Plan(session="s", specs=group.specs, policy=POLICY)
    with journal.begin(tmp_path / "out", plan) as book, Starter() as starter:
        schedule.record([group], book, Quiet(), Misled(misdeeds, starter, monkeypatch))
    runs = read_runs(tmp_path / "out" / "runs.jsonl")
    assert [run.spec for run in runs] == list(group.specs), "exactly one Run for every Spec"
    assert runs[0].status == "ok"
    assert sum(sample.stage == "steady" for sample in runs[0].samples) == POLICY.samples
    found = {run.spec.seed: (run.status, run.reason) for run in runs[1:]}
    for seed, (way, misdeed) in misdeeds.items():
        status, reason = expected(place, way)
        assert found[seed][0] == status, (misdeed, found[seed])
        assert re.search(reason, found[seed][1]) if reason else not found[seed][1], (misdeed, found[seed])
