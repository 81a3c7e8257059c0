"""The tables of all frameworks: arms as rows, workloads as columns, the fastest of a column bold."""

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from click.testing import CliRunner
from example_runs import good_run, spec

from dlbench.errors import SpecError
from dlbench.record.parity import Parity
from dlbench.record.schema import Plan
from dlbench.spec import Policy
from studies import frameworks

pytestmark = pytest.mark.untimed


def section(architecture, **steps):
    arms = [
        SimpleNamespace(label=f"{name}.{architecture} {path}", metrics={"step_time": SimpleNamespace(value=value)})
        for (name, path), value in steps["arms"].items()
    ]
    paybacks = [SimpleNamespace(label=f"torch.{architecture} jit", steps=steps.get("pays"))]
    return SimpleNamespace(
        workload=SimpleNamespace(architecture=architecture, size="small", phase="train"), arms=arms, paybacks=paybacks
    )


REPORT = SimpleNamespace(
    sections=[
        section("mlp", arms={("torch", "eager"): 2e-3, ("torch", "jit"): 1e-3}, pays=1234.4),
        section("cnn", arms={("torch", "eager"): 5e-3}),
    ]
)


def test_an_arm_is_a_row_and_the_fastest_of_a_workload_is_bold():
    rows = list(frameworks.steps(REPORT))
    assert rows[1:3] == ["| arm | mlp small | cnn small |", "| --- | --- | --- |"]
    assert rows[3:] == ["| torch eager | 2.00 ms | **5.00 ms** |", "| torch jit | **1.00 ms** | – |"]


def test_the_page_shows_the_tables_of_the_kept_report():
    root = Path(frameworks.__file__).parents[1]
    shown = CliRunner().invoke(frameworks.study, ["tables", str(root / frameworks.FOLDER)])
    assert shown.output.strip() in (root / "docs/frameworks.md").read_text()


def test_compiling_has_paid_after_steps_only_where_the_verdict_says_so(monkeypatch):
    faster, slower = (
        SimpleNamespace(load=one.workload, eager=True, told=told, found=one.paybacks[0])
        for one, told in zip(REPORT.sections, ("faster", "inconclusive"), strict=True)
    )
    monkeypatch.setattr(frameworks.payoff, "of_report", lambda _: [faster, slower])
    rows = list(frameworks.compiling(REPORT))
    assert rows[3] == "| mlp small, train | torch.mlp jit | – | faster | about 1,200 steps |"
    assert rows[4] == "| cnn small, train | torch.cnn jit | – | inconclusive | not told |"


@pytest.fixture
def sessions(monkeypatch):
    """Names of the sessions that were started, none of which measures; that of a cnn fails once."""
    started = []

    def session(folder, architecture, *_, **__):
        folder.mkdir(parents=True, exist_ok=True)
        started.append(folder.name)
        if started == ["small-transformer", "small-cnn"]:
            raise SpecError("no room")
        (folder / "done").touch()

    monkeypatch.setattr(frameworks, "session", session)
    monkeypatch.setattr(frameworks, "finished", lambda folder, _: (folder / "done").exists())
    return started


def test_what_tells_most_is_measured_first_and_the_same_command_goes_on(sessions, tmp_path):
    command = ["measure", "--parts", str(tmp_path), "--out", str(tmp_path), "--size", "small,base"]
    first = CliRunner().invoke(frameworks.study, command)
    assert sessions == [f"{size}-{name}" for size in ("small", "base") for name in frameworks.SEVEN]
    assert (first.exit_code, first.output) == (1, "Error: small-cnn: no room\n")
    again = CliRunner().invoke(frameworks.study, command)
    assert (again.exit_code, sessions[14:]) == (0, ["small-cnn"])


def test_a_used_budget_starts_nothing_and_says_so(sessions, tmp_path):
    found = CliRunner().invoke(frameworks.study, ["measure", "--parts", str(tmp_path), "--budget", "0"])
    assert (found.exit_code, sessions) == (1, [])
    assert "small-transformer and all after it are left; run it again" in found.output


def test_a_report_of_another_name_has_sessions_of_its_own(sessions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(frameworks.study, ["measure", "--only", "mlp", "--out", "try"]).exit_code == 0
    assert (tmp_path / "reports/local/try/small-mlp/done").exists()


def test_a_session_is_finished_when_every_repetition_of_every_phase_is_there(monkeypatch, tmp_path):
    run = lambda phase, group: SimpleNamespace(spec=SimpleNamespace(phase=phase), group=group, groups=2)  # noqa: E731
    runs = [run("train", 0), run("predict", 0), run("train", 1)]
    assert not frameworks.finished(tmp_path, ["train"]), "no file"
    monkeypatch.setattr(frameworks, "measured", lambda _: runs)
    assert frameworks.finished(tmp_path, ["train"])
    assert not frameworks.finished(tmp_path, ["train", "predict"])
    runs.append(run("predict", 1))
    assert frameworks.finished(tmp_path, ["train", "predict"])


def test_a_run_that_was_being_written_is_in_no_report_and_stops_none(tmp_path):
    """A process that is killed leaves a part of a line; its session measures that Run again."""
    line, other = (
        msgspec.json.encode(good_run(session=name, spec=spec(f"tf.{name}"))) + b"\n" for name in ("cnn", "mlp")
    )
    parts = tmp_path / "parts"
    for name, content in (("small-cnn", line + other[:99]), ("small-mlp", other), ("small-rnn", b"")):
        (parts / name).mkdir(parents=True)
        (parts / name / "runs.jsonl").write_bytes(content)
    assert len(frameworks.measured(parts / "small-cnn")) == 1
    assert not frameworks.finished(parts / "small-rnn", ["train"])
    frameworks.join(parts, tmp_path / "out")
    assert (tmp_path / "out/runs.jsonl").read_bytes() == line + other
    frameworks.join(parts / "none", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_session_replaces_a_kept_column_when_it_is_whole_and_a_check_that_of_its_pair(tmp_path, monkeypatch):
    monkeypatch.setattr(frameworks.render, "write", lambda *_: None)
    monkeypatch.setattr(frameworks.render, "read", lambda _: ((), None))

    def run(session, group, **changes):
        of = msgspec.structs.replace(good_run().spec, **changes)
        return msgspec.json.encode(good_run(session=session, group=group, groups=2, spec=of))

    def check(plugin, steps):
        sides = {"baseline": spec("tf.mlp"), "candidate": spec(plugin)}
        return msgspec.json.encode(Parity(**sides, seeds=(0,), steps=steps, differences=()))

    def write(folder, runs, checks):
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in (("runs.jsonl", runs), ("parity.jsonl", checks)):
            (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))

    def joined():
        frameworks.join(parts, out)
        return [(out / name).read_bytes().splitlines() for name in ("runs.jsonl", "parity.jsonl")]

    parts, out = tmp_path / "parts", tmp_path / "out"
    base, predicted = run("kept", 0, size="base"), run("kept", 0, phase="predict")
    old = [run("kept", group) for group in (0, 1)]
    write(out, [base, predicted, *old], [check("torch.mlp", 20), check("jax.mlp", 20)])
    write(parts / "small-mlp", [run("new", 0)], [check("torch.mlp", 5)])
    assert joined() == [[base, predicted, *old], [check("torch.mlp", 5), check("jax.mlp", 20)]]
    new = [run("new", group) for group in (0, 1)]
    write(parts / "small-mlp", new, [check("torch.mlp", 5)])
    for _ in range(2):
        assert joined() == [[base, predicted, *new], [check("torch.mlp", 5), check("jax.mlp", 20)]]
    write(parts / "small-mlp", [run("other", 0)], [])
    assert joined()[0] == [base, predicted, *new], "a session that was cut short"


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ((), ""),
        (("--processes", "1"), "--processes"),
        (("--phase", "train"), "--phase"),
        (("--threads", "2"), "--threads"),
        (("--frameworks", "tf"), "--frameworks"),
    ],
)
def test_a_session_of_other_options_is_not_taken_for_what_is_asked(words, option, sessions, tmp_path):
    specs = [
        spec(f"{name}.mlp", phase=phase, threads=1)
        for name in (*frameworks.TRAIN, *frameworks.PREDICT_ONLY)
        for phase in ("train", "predict")
    ]
    folder = tmp_path / "small-mlp"
    folder.mkdir()
    planned = Plan(session="a", specs=tuple(specs), policy=Policy(processes=2))
    (folder / "plan.json").write_bytes(msgspec.json.encode(planned))
    command = ["measure", "--parts", str(tmp_path), "--out", str(tmp_path / "out"), "--only", "mlp", *words]
    found = CliRunner().invoke(frameworks.study, command)
    assert (found.exit_code, sessions) == ((1, []) if option else (0, ["small-mlp"]))
    if option:
        assert f"{folder} was measured with another {option}; give another --parts" in found.output
