"""Real sessions of the study of verdicts: commands, resumption, and the page, with a runner that measures nothing."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from example_runs import good_run

from dlbench.plugin import Batch
from studies.decision_quality import repeated, sessions, sessions_page
from studies.decision_quality.__main__ import main
from studies.decision_quality.sessions import AGAIN, KINDS, SLOWER, Order, Session

pytestmark = pytest.mark.untimed

SAID = {"slower": ("slower", "ci-beyond", 1.031), "again": ("same", "equivalent", 1.001)}


class Runner:
    """Writes the report that a session would, and remembers the commands."""

    def __init__(self, exit_code: int = 0, errors: str = "", ends_after: int = 99) -> None:
        self.commands: list[list[str]] = []
        self.exit_code, self.errors, self.ends_after = exit_code, errors, ends_after

    def __call__(self, words):
        self.commands.append(list(words))
        if len(self.commands) > self.ends_after:
            raise KeyboardInterrupt
        if not self.errors:
            candidate = words[words.index("--plugin") + 1].split(",")[1].partition(".")[0]
            verdict, code, ratio = SAID[candidate]
            _write(Path(words[words.index("--out") + 1]), verdict, code, ratio)
        return self.exit_code, self.errors


def _write(out: Path, verdict: str, code: str, ratio: float) -> None:
    said = {
        "metric": "step_time",
        "verdict": verdict,
        "code": code,
        "ratio": {"value": ratio, "low": ratio - 0.01, "high": ratio + 0.01, "n": 10},
        "more_groups": None,
        "more_seconds": None,
    }
    cost = {"seconds": 20.0, "groups": 10, "parts": {"pilot": 2.0, "steady": 5.0}}
    out.mkdir(parents=True)
    (out / "report.json").write_text(json.dumps({"sections": [{"comparisons": [said], "cost": cost}]}))
    (out / "runs.jsonl").write_bytes(msgspec.json.encode(good_run()) + b"\n")


def _measure(folder: Path, runner: Runner, kinds=("numpy",), count=2) -> list[Session]:
    return sessions.measure(folder, Order(kinds, count, 60.0), lambda _: None, runner)


def test_a_session_is_an_adaptive_run_of_two_plugins_with_more_and_with_equal_work_in_turn(tmp_path):
    runner = Runner()
    found = _measure(tmp_path, runner, ("numpy", "torch-2"))
    assert [(one.kind, one.number, one.candidate) for one in found] == [
        (kind, number, candidate) for number in (0, 1) for kind in ("numpy", "torch-2") for candidate in (SLOWER, AGAIN)
    ]
    first = runner.commands[0]
    assert Path(first[0]).name == "dlbench"
    assert first[first.index("--plugin") + 1] == "base.gemm,slower.gemm"
    assert "--adaptive" in first
    assert "--quiet" not in first
    assert [one.verdict for one in found[:2]] == ["slower", "same"]
    assert found[0].groups == 10
    assert found[0].spent == {"before and after": pytest.approx(-20.0, abs=1.0), "pilot": 2.0, "steady": 5.0}


def test_a_session_that_is_there_is_not_run_again_and_an_interrupted_one_is(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _measure(tmp_path, Runner(ends_after=1))
    torn = tmp_path / "reports" / "numpy-0-again"
    torn.mkdir()
    (torn / "plan.json").write_text("{}")
    with (tmp_path / sessions.KEPT).open("a") as file:
        file.write('{"kind": "nu')
    runner = Runner()
    assert len(_measure(tmp_path, runner)) == 4
    assert len(runner.commands) == 3
    assert not (torn / "plan.json").exists()
    assert sessions.read(tmp_path) == _measure(tmp_path, Runner(ends_after=0))


def test_no_session_begins_when_the_time_is_up(tmp_path):
    assert sessions.measure(tmp_path, Order(["numpy"], 1, 0.0), lambda _: None, Runner()) == []


def test_a_session_without_a_report_counts_as_one_without_a_verdict_and_a_refused_command_ends_the_study(tmp_path):
    (found, *_) = _measure(tmp_path, Runner(exit_code=1, errors="line\nit broke\n"), count=1)
    assert (found.verdict, found.problem, found.exit_code) == ("", "it broke", 1)
    assert sessions_page.outcome(found) == "without verdict"
    with pytest.raises(RuntimeError, match="dlbench refuses numpy: no such plugin"):
        _measure(tmp_path / "other", Runner(exit_code=2, errors="no such plugin"))


@pytest.mark.parametrize(
    ("candidate", "verdict", "code", "outcome"),
    [
        (SLOWER, "slower", "ci-beyond", "found"),
        (SLOWER, "faster", "ci-beyond", "found the wrong way"),
        (SLOWER, "same", "equivalent", "wrong `same`"),
        (SLOWER, "inconclusive", "too-few-groups", "inconclusive"),
        (SLOWER, "inconclusive", "unsteady", "without verdict"),
        (AGAIN, "slower", "ci-beyond", "alarm"),
        (AGAIN, "faster", "ci-beyond", "alarm"),
        (AGAIN, "same", "equivalent", "right `same`"),
        (AGAIN, "", "", "without verdict"),
    ],
)
def test_an_answer_is_judged_by_the_work_that_was_planted(candidate, verdict, code, outcome):
    assert sessions_page.outcome(_session(candidate, verdict, code)) == outcome


def test_the_page_counts_answers_and_says_which_were_in_time_and_on_which_machine():
    slow = [_session(SLOWER, "slower", "ci-beyond", seconds) for seconds in (40.0, 50.0, 70.0)]
    wrong = _session(SLOWER, "same", "equivalent", 30.0)
    page = sessions_page.render([*slow, wrong, _session(AGAIN, "faster", "ci-beyond", 20.0)], "a command")
    assert "| numpy | 4 | 3 | 2 in 60 s | 1 | 0 | 0 | 1 | 1 | 0 | 0 | 0 |" in page
    assert "| numpy | 40 | 20 | 70 | 10 | 5.0 |" in page
    assert "a machine: 5 sessions" in page
    beside = sessions_page.render([_session(SLOWER, "slower", "ci-beyond", 170.0, neighbours=1)], "a command")
    assert "1 neighbour at work for 50% of the time" in beside
    assert "| 1 in 180 s |" in beside


def test_sessions_of_other_turns_or_of_another_machine_have_a_table_of_their_own():
    first = _session(SLOWER, "slower", "ci-beyond", 40.0)
    others = [msgspec.structs.replace(first, turn_seconds=0.01), msgspec.structs.replace(first, machine="another one")]
    page = sessions_page.render([first, *others], "a command")
    assert page.count("## No neighbour, turns of 20 ms") == 2
    assert page.count("## No neighbour, turns of 10 ms") == 1
    assert page.count("| numpy | 1 | 1 | 1 in 60 s |") == 3


def _session(candidate, verdict, code, seconds=30.0, neighbours=0) -> Session:
    return Session(
        kind="numpy",
        number=0,
        candidate=candidate,
        neighbours=neighbours,
        duty=0.5,
        started="2026",
        machine="a machine",
        seconds=seconds,
        exit_code=0,
        groups=10,
        verdict=verdict,
        code=code,
        spent={"steady": 5.0},
    )


def test_the_command_writes_the_page_of_what_is_there_and_refuses_an_empty_folder(tmp_path):
    _measure(tmp_path, Runner(), count=1)
    ran = CliRunner().invoke(main, ["sessions", str(tmp_path), "--kind", "numpy", "--sessions", "1"])
    assert ran.exit_code == 0, ran.output
    assert "| numpy | 1 | 1 |" in (tmp_path / "sessions.md").read_text()
    (tmp_path / "empty").mkdir()
    ran = CliRunner().invoke(main, ["sessions", str(tmp_path / "empty"), "--minutes", "0"])
    assert ran.exit_code == 2
    assert "holds no session" in ran.output


def test_the_slower_plugin_computes_3_percent_more_and_every_kind_has_three_plugins():
    class Counting:
        calls = 0

        def build(self, request):
            raise NotImplementedError

        def train_step(self, batch: Batch):
            return 1.0

        def predict(self, inputs):
            self.calls += 1
            return inputs

    plugins = [repeated.repeated(Counting(), times) for times in (repeated.TIMES, repeated.MORE)]
    assert [plugin.predict(3) for plugin in plugins] == [3, 3]
    assert plugins[1].calls / plugins[0].calls == pytest.approx(1.03, abs=0.001)
    named = Path(sessions.PLUGINS / "dlbench_study-1.dist-info" / "entry_points.txt").read_text()
    for kind in KINDS.values():
        for name in ("base", AGAIN, SLOWER):
            assert f"\n{name}.{kind.architecture} = studies.decision_quality.repeated:" in named
