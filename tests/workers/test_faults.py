"""The fault matrix: every way to misbehave, in every place, costs one row with a status and a reason.

Each group holds a good plugin and one misbehaving arm for each way, all in lockstep.
"""

import re
import tempfile
import uuid
from typing import NamedTuple

import msgspec
import pytest
from left_over import left_over

from dlbench.record import journal
from dlbench.record.reading import read_runs
from dlbench.record.schema import Plan
from dlbench.session import schedule
from dlbench.session.listener import Quiet
from dlbench.session.machine import here
from dlbench.session.plan import Group
from dlbench.spec import Member, Policy, Spec
from dlbench.workers.backends import Starter
from dlbench_fake import naughty

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
    "litter": ("ok", ""),
}
TYPED = {
    "raise=Unsupported": ("unsupported", "told to fail"),
    "raise=SpecError": ("error", "told to fail"),
    "raise=RecordError": ("error", "told to fail"),
    "raise=ContractViolation": ("error", "told to fail"),
    "raise=MemoryError": ("out-of-memory", "MemoryError"),
}
WORDS = {
    "raise=own-cause": ("error", "ValueError: told to fail"),
    "raise=circle": ("error", "ValueError: told to fail"),
    "raise=recursion": ("error", "RecursionError: maximum recursion depth"),
    "raise=mute": ("error", r"its text cannot be read"),
    "raise=wordless": ("error", r"its text cannot be read"),
    "raise=nameless": ("error", "told to fail"),
    "raise=group": ("error", r"told to fail.*\[ValueError: a member"),
    "raise=unprintable": ("error", r"told to fail \\x1b\[31m\\x00\\ud800"),
    "raise=huge": ("error", r"told to fail.*\(52,\d{3},\d{3} characters left out\)"),
    "raise=SystemExit": ("crashed", "exited with code 'told to fail'"),
    "raise=KeyboardInterrupt": ("error", "KeyboardInterrupt: told to fail"),
    "raise=GeneratorExit": ("error", "GeneratorExit: told to fail"),
}
WORLD = {
    "helper": ("ok", ""),
    "helper=daemon": ("ok", ""),
    "helper=fork": ("ok", ""),
    "helper=holds": ("ok", ""),
    "read": ("ok", ""),
    "read=input": ("error", "EOFError"),
    "chdir=/": ("ok", ""),
    "roam": ("ok", ""),
    "threads=2": ("ok", ""),
    "close-streams": ("ok", ""),
    "close-descriptors": ("crashed", "the plugin closed the descriptors over which dlbench"),
    "write-everywhere": ("error", "writes to the descriptor of its replies"),
    "kill-parent": ("crashed", "SIGKILL"),
}
RESULTS = {
    "return=complex": ("error", r"must return.*complex|makes no sense|no attribute|0, 0|NoneType"),
    "return=digits": ("error", r"must return|makes no sense|no attribute|0, 0|NoneType"),
    "return=objects": ("error", r"must return|makes no sense|no attribute|0, 0|NoneType"),
}
NUMBERS = {"return=negative": ("error", "must return|makes no sense"), "return=text": ("error", "must|makes no sense")}
DECLARED = {
    "return=pattern": ("error", r"variables\(\) names 'OMP_\*', which no variable can be"),
    "return=number": ("error", r"variables\(\) names 7, which no variable can be"),
    "return=text": ("error", r"variables\(\) returned 'not a number', no list of names"),
    "return=none": ("error", r"variables\(\) returned None, no list of names"),
    "return=thousands": ("error", "more than 1,000 names"),
    "return=secret": ("ok", ""),
}
ONCE = ("print", "thread", "roam", "helper", "read", "chdir", "close", "write", "litter")
"""These at one call; the others from that call on."""


class Place(NamedTuple):
    """A place of a call in a phase, the calls that misbehave (the first, a later one), and the misdeeds."""

    phase: str
    where: str
    calls: tuple[str, ...]
    ways: dict[str, tuple[str, str]]


LATER = ("", "@20")
PLACES = {
    "import": Place("train", "import", ("",), WAYS),
    "build": Place("train", "build", ("",), WAYS),
    "stage": Place("train", "stage", ("", "@5"), WAYS),
    "train_step": Place("train", "train_step", LATER, WAYS),
    "predict": Place("predict", "predict", LATER, WAYS),
    "words at import": Place("train", "import", ("",), WORDS),
    "words in a step": Place("train", "train_step", ("@20",), WORDS),
    "world at import": Place("train", "import", ("",), WORLD),
    "world in a step": Place("train", "train_step", ("@20",), WORLD),
    "types in a step": Place("train", "train_step", LATER, TYPED | RESULTS),
    "types in predict": Place("predict", "predict", ("@20",), TYPED | RESULTS),
    "evaluation": Place("converge", "predict", ("",), TYPED | RESULTS),
    "sync": Place("train", "sync", ("@20",), TYPED),
    "memory": Place("train", "device_memory_peak", ("@3",), TYPED | NUMBERS),
    "compilation": Place("train", "compilation", ("",), TYPED | NUMBERS),
    "variables": Place("train", "variables", ("",), TYPED | DECLARED),
    "close": Place("train", "multiply", ("",), TYPED | RESULTS),
}

SLOW = ("stage", "words at import", "world at import", "types in predict", "memory", "close")
"""Places whose misdeeds another place of the same phase or the same misdeeds in a step stand for in `make test`."""


def expected(place, way):
    """Status and reason of a cell; a result that no place checks has the outcome of its first use."""
    if way == "return=nan" and place in ("stage", "build"):
        return "error", "attribute|must return"
    return PLACES[place].ways[way]


def cells(place, later):
    _, where, _, ways = PLACES[place]
    possible = [way for way in ways if not (where == "import" and way.startswith("return"))]
    deeds = [(way, f"{where}:{way}{later}{'!' * way.startswith(ONCE)}") for way in possible]
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
    ("place", "later"),
    [
        pytest.param(place, later, marks=pytest.mark.slow if at or place in SLOW else ())
        for place, row in PLACES.items()
        for at, later in enumerate(row.calls)
    ],
)
def test_every_misdeed_costs_one_row_and_the_good_plugin_is_measured(place, later, tmp_path, monkeypatch):
    phase, misdeeds = PLACES[place].phase, cells(place, later)
    mark = f"DLBENCH_TEST_{uuid.uuid4().hex}"
    monkeypatch.setenv(mark, "1")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    good = msgspec.structs.replace(GOOD, phase=phase)
    bad = [msgspec.structs.replace(good, plugin="naughty.linear", seed=seed) for seed in misdeeds]
    group = Group(0, tuple(map(Member, (good, *bad))), 1)
    plan = Plan(session="s", specs=group.specs, policy=POLICY)
    with journal.begin(tmp_path / "out", plan) as book, Starter() as starter:
        schedule.record([group], book, Quiet(), here(Misled(misdeeds, starter, monkeypatch)))
    runs = read_runs(tmp_path / "out" / "runs.jsonl")
    assert [run.spec for run in runs] == list(group.specs), "exactly one Run for every Spec"
    assert runs[0].status == "ok"
    steady = sum(sample.stage == "steady" for sample in runs[0].samples)
    assert runs[0].evaluations if phase == "converge" else steady == POLICY.samples
    found = {run.spec.seed: (run.status, run.reason) for run in runs[1:]}
    for seed, (way, misdeed) in misdeeds.items():
        status, reason = expected(place, way)
        assert found[seed][0] == status, (misdeed, found[seed])
        assert re.search(reason, found[seed][1]) if reason else not found[seed][1], (misdeed, found[seed])
    assert left_over(mark) == []
    assert list(temporary.iterdir()) == [], "no temporary file is left of any child"


@pytest.mark.parametrize(
    ("phase", "misdeed"),
    [
        ("train", "build:raise=SpecError"),
        ("train", "train_step:raise=Unsupported"),
        ("train", "train_step:raise=SpecError@20"),
        ("predict", "predict:raise=Unsupported@20"),
        ("converge", "predict:raise=Unsupported"),
        ("train", "multiply:raise=Unsupported"),
    ],
)
@pytest.mark.parametrize("isolation", ["fresh", "none"])
def test_a_plugin_that_is_alone_and_gives_up_in_the_middle_has_its_row(
    phase, misdeed, isolation, tmp_path, monkeypatch
):
    if isolation == "none":
        monkeypatch.setattr(naughty, "MISCHIEF", naughty.Mischief(misdeed))
    spec = msgspec.structs.replace(GOOD, plugin="naughty.linear", phase=phase, seed=1)
    policy = msgspec.structs.replace(POLICY, isolation=isolation)
    plan = Plan(session="s", specs=(spec,), policy=policy)
    with journal.begin(tmp_path / "out", plan) as book, Starter() as starter:
        misled = Misled({1: ("", misdeed)}, starter, monkeypatch)
        schedule.record([Group(0, (Member(spec),), 1)], book, Quiet(), here(misled))
    (run,) = read_runs(tmp_path / "out" / "runs.jsonl")
    assert run.reason == "told to fail"
    assert run.status == ("unsupported" if "Unsupported" in misdeed else "error")
