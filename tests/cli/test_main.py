"""The command line from outside: exit codes, one clear line for bad input, files, and nothing half-written."""

import re
import signal
import subprocess
import sys
import time

import pytest
from command import SHORT, answered, dlbench, raw_runs, short, started

pytestmark = pytest.mark.untimed

SHARED = pytest.mark.xdist_group("a session of the command line")
FAST = ("--task", "line", "--processes", "2", "--threads", "1")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """One real session of two good plugins, in lockstep."""
    folder = tmp_path_factory.mktemp("session")
    done = short("run", "--plugin", "fake.linear,twin.linear", "--quick", *FAST[:2], "--out", "out", cwd=folder)
    return folder, done


@SHARED
def test_a_session_measures_writes_and_shows(session):
    folder, done = session
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "digests.json",
        "fidelity.jsonl",
        "parity.jsonl",
        "plan.json",
        "report.json",
        "report.md",
        "runs.jsonl",
    ]
    assert [(run["spec"]["plugin"], run["spec"]["phase"], run["status"]) for run in raw_runs(folder / "out")] == [
        (plugin, phase, "ok") for phase in ("train", "predict", "converge") for plugin in ("fake.linear", "twin.linear")
    ]
    assert done.stdout.rstrip().endswith("Report: out/report.md")
    assert "samples/s" in done.stderr
    assert "indicative" in (folder / "out" / "report.md").read_text()


def test_a_python_runs_the_dlbench_that_it_has(tmp_path):
    command = [sys.executable, "-m", "dlbench"]
    listed = subprocess.run([*command, "list"], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert "fake.linear" in listed.stdout
    wrong = subprocess.run([*command, "lst"], check=False, cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("dlbench: No such command")


@SHARED
def test_arms_took_turns_sample_by_sample(session):
    folder, _ = session
    first, second = (run["samples"] for run in raw_runs(folder / "out")[:2])
    turns = [
        {sample["turn"]: sample["round"] for sample in samples if sample.get("turn") is not None}
        for samples in (first, second)
    ]
    assert sorted([*turns[0], *turns[1]]) == list(range(40))
    assert sorted(turns[0].values()) == sorted(turns[1].values()) == list(range(20))


@SHARED
def test_a_report_is_rendered_again_from_its_runs(session):
    folder, _ = session
    done = answered("report", "out", "--out", "again", "--format", "markdown,json", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    for name in ("report.md", "report.json"):
        assert (folder / "again" / name).read_text() == (folder / "out" / name).read_text()
    assert done.stdout.split() == ["again/report.md", "again/report.json"]


def test_a_dry_run_says_what_would_be_measured_and_leaves_nothing(tmp_path):
    arguments = ("--plugin", "[ft]*.linear", "--phase", "train,converge", "--size", "small,base", "--processes", "3")
    done = answered("run", *arguments, "--path", "eager,graph", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *others, last = done.stdout.splitlines()
    assert first.startswith("train linear small, task line, batch 32, device cpu, threads ")
    assert first.endswith(
        "3 processes an arm: fake.linear eager, fake.linear graph, twin.linear eager, twin.linear graph"
    )
    assert [line.partition(",")[0] for line in others] == [
        "train linear base",
        "converge linear small",
        "converge linear base",
    ]
    assert last == (
        "48 processes in 12 groups, after 8 to check that arms are the same model and 8 that are discarded; "
        "nothing was measured"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_no_plugin_of_a_pattern_has_is_one_line_of_the_report(tmp_path):
    arguments = ("--plugin", "[ft]*.linear", "--path", "graph,eager", "--phase", "converge", "--size", "small,base")
    done = short("run", *arguments, "--quick", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "report.md").read_text()
    (refused,) = [line for line in text.splitlines() if "| unsupported |" in line]
    assert refused.startswith(
        "| converge, fake.linear graph; converge, twin.linear graph | unsupported | 4 in 4 arms |"
    )
    assert text.count("same model: yes") == 2


def test_quiet_prints_the_place_of_the_report_alone_and_one_format_is_one_file(tmp_path):
    arguments = ("--plugin", "fake.linear", "--quick", "--phase", "converge", "--quiet", "--format", "json")
    done = short("run", *arguments, "--out", "out", cwd=tmp_path)
    assert (done.stdout.split(), done.stderr) == (["out/report.json"], "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "digests.json",
        "fidelity.jsonl",
        "plan.json",
        "report.json",
        "runs.jsonl",
    ]


def test_quiet_says_why_an_arm_failed_and_nothing_of_one_that_was_refused(tmp_path):
    arguments = ("--plugin", "fake.linear,naughty.linear", "--path", "eager,graph", "--phase", "predict", "--quiet")
    done = short("run", *arguments, "--quick", "--out", "out", misdeed="build:raise", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (2, ["out/report.md"])
    reason = "error: ValueError: told to fail"
    assert done.stderr.splitlines() == [
        f"dlbench: predict, naughty.linear {path}: {reason}" for path in ("eager", "graph")
    ]


BAD_INPUT = [
    (("run",), "--plugin"),
    (("run", "--plugin", "fake.liner"), "did you mean fake.linear"),
    (("run", "--plugin", "acme.mlp"), "pip install dlbench-acme"),
    (("run", "--plugin", "fake.linear", "--path", "jot"), "'jot' is none of eager, graph, jit"),
    (("run", "--plugin", "fake.linear", "--phase", "test"), "'test' is none of train, predict, converge"),
    (("run", "--plugin", "fake.linear", "--batch-size", "0"), "batch size is 0: it must be between 1 and 2147483647"),
    (("run", "--plugin", "fake.linear", "--batch-size", "many"), "'many' is not a whole number"),
    (("run", "--plugin", "fake.linear", "--size", "huge"), "unknown size of linear 'huge'"),
    (("run", "--plugin", "fake.linear", "--task", "tex"), "did you mean text"),
    (("run", "--plugin", "fake.linear", "--threads", "0"), "threads is 0"),
    (("run", "--plugin", "fake.linear", "--steps-per-call", "0"), "steps per call is 0"),
    (("run", "--plugin", "fake.linear", "--steps-per-call", "4"), "it must be 1 in the phase predict"),
    (("run", "--plugin", "fake.linear", "--data", "disk"), "'disk' is none of device, host"),
    (("run", "--plugin", "fake.linear", "--precision", "fp8"), "'fp8' is none of fp32, tf32, bf16, fp16"),
    (("run", "--plugin", "fake.linear", "--precision", "bf16", "--quick"), "precision bf16"),
    (("run", "--plugin", "fake.linear", "--compiler", "xla"), "needs the path jit; add --jit"),
    (("run", "--plugin", "fake.linear", "--allow-breaks"), "needs the path jit; add --jit"),
    (("run", "--plugin", "fake.linear", "--processes", "0"), "processes is 0"),
    (("run", "--plugin", "fake.linear", "--budget", "-1"), "budget is -1.0"),
    (("run", "--plugin", "fake.linear", "--quick", "--rigorous"), "--quick and --rigorous contradict"),
    (("run", "--plugin", "fake.linear", "--format", "pdf"), "unknown format 'pdf'"),
    (("run", "--plugin", "fake.linear", "--out", "/dev/null/x"), "/dev/null/x"),
    (("run", "--plugin", "fake.linear", "--path", "graph", "--quick"), "graph"),
    (("run", "--plugin", "fake.linear", "--device", "gpu", "--quick"), "gpu"),
    (("run", "--plugin", "fake.minimal", "--quick"), "give --task NAME"),
    *(
        (("run", "--plugin", "fake.linear", "--task", "line", "--phase", "train", flag, value), f"{name} is")
        for flag, value, name in (
            ("--timeout", "1e10", "timeout"),
            ("--timeout", "inf", "timeout"),
            ("--timeout", "nan", "timeout"),
            ("--budget", "inf", "budget"),
            ("--memory-limit", "99999999T", "memory limit"),
            ("--memory-limit", "9" * 400, "memory limit"),
            ("--threads", "1000000000", "threads"),
            ("--processes", "1000000000", "processes"),
            ("--batch-size", str(2**63), "batch size"),
            ("--steps-per-call", str(2**70), "steps per call"),
            ("--seed", str(2**31), "seed"),
        )
    ),
    (("parity", "fake.linear", "twin.linear", "--timeout", "inf"), "timeout is inf: it must be between"),
    (
        ("parity", "fake.linear", "twin.linear", "--seeds", "1000000000"),
        "'--seeds': 1000000000 is no whole number between 1 and 1000",
    ),
    (("check", "fake.linear", "--timeout", "1e10"), "timeout is 10000000000.0: it must be between"),
    (("report", "nowhere"), "cannot be read"),
    (("rn",), "No such command"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD_INPUT, ids=[" ".join(arguments) for arguments, _ in BAD_INPUT])
def test_bad_input_is_one_clear_line_and_leaves_nothing_behind(arguments, text, tmp_path):
    done = answered(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("dlbench: ")]
    assert len(lines) == 1
    assert text in lines[0]
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_plugin_that_cannot_be_imported_is_one_clear_line(tmp_path):
    done = dlbench("run", "--plugin", "naughty.linear", cwd=tmp_path, misdeed="import:raise=ImportError")
    assert done.returncode == 2
    assert "dlbench-fake" in done.stderr
    assert "ImportError" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("misdeed", "status"),
    [("build:raise", "error"), ("train_step:return=nan", "diverged"), ("train_step:signal=SIGSEGV@30", "crashed")],
)
def test_one_bad_plugin_costs_its_rows_and_the_rest_goes_on(misdeed, status, tmp_path):
    arguments = ("--plugin", "fake.linear,naughty.linear", "--phase", "train", "--quick", "--out", "out")
    done = short("run", *arguments, cwd=tmp_path, misdeed=misdeed)
    assert done.returncode == 2
    assert {run["spec"]["plugin"]: run["status"] for run in raw_runs(tmp_path / "out")} == {
        "fake.linear": "ok",
        "naughty.linear": status,
    }
    assert status in (tmp_path / "out" / "report.md").read_text()


DAMAGE = {
    "truncated": (lambda text: text[:-20], "truncated"),
    "another schema": (lambda text: re.sub(r'"schema":\d+', '"schema":99', text), "schema 99"),
    "not JSON": (lambda text: "hello\n" + text, "runs.jsonl:1: not a Run"),
    "empty": (lambda text: "", "holds no Run"),
}


@SHARED
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_record_is_named_by_file_and_line(kind, session, tmp_path):
    spoil, text = DAMAGE[kind]
    (tmp_path / "runs.jsonl").write_text(spoil((session[0] / "out" / "runs.jsonl").read_text()))
    done = answered("report", ".", "--format", "markdown", cwd=tmp_path)
    assert done.returncode == 2
    assert text in done.stderr
    assert "runs.jsonl" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["runs.jsonl"]


def test_ctrl_c_keeps_what_is_finished_and_ends_the_children(tmp_path):
    arguments = [*SHORT, "run", "--plugin", "fake.linear", "--processes", "50", "--phase", "predict", "--out", "out"]
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(arguments, cwd=tmp_path, **told) as process:
        patience = time.monotonic() + 120
        while not (tmp_path / "out" / "runs.jsonl").exists():
            assert time.monotonic() < patience
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "partial; dlbench run --resume out goes on" in errors
    finished = len(raw_runs(tmp_path / "out"))
    assert 1 <= finished < 50
    assert f"{finished} of 50" in (tmp_path / "out" / "report.md").read_text()


def test_list_shows_plugins_and_tasks(tmp_path):
    done = dlbench("list", cwd=tmp_path)
    assert done.returncode == 0
    assert "fake.linear" in done.stdout
    assert "dlbench-fake" in done.stdout
    assert "text" in done.stdout


def test_list_asks_for_devices_when_told_to(tmp_path):
    from dlbench import registry
    from dlbench.cli import listing
    from dlbench.registry.entry_points import Entry
    from dlbench.workers.calls import ask_devices

    entry = Entry("fake.linear", "dlbench-fake", "0", "x:y")
    original = registry.entries
    registry.entries = lambda name="": [entry]
    try:
        shown = list(listing.lines(with_devices=True))
    finally:
        registry.entries = original
    assert shown[-1].split()[:2] == ["fake", "cpu"]
    assert ask_devices("fake.linear")["cpu"] in shown[-1]


def test_help_and_list_import_nothing_heavy():
    program = (
        "import sys, dlbench.cli.main; from dlbench.cli import listing; "
        "list(listing.lines(with_devices=False)); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "scipy", "rich", "torch", "tensorflow", "keras", "jax", "dlbench_fake"}


def test_a_session_in_which_nothing_can_be_loaded_leaves_nothing_behind(tmp_path):
    arguments = ("--plugin", "naughty.linear,fake.naughty", "--task", "line", "--quick", "--out", "out")
    done = short("run", *arguments, cwd=tmp_path, misdeed="import:raise=ImportError")
    assert done.returncode == 2
    assert "ImportError" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
