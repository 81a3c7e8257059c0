"""Exit codes, standard streams and signals: a crash is no finding, and no terminal takes a result away."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from command import DLBENCH, SHORT, answered, dlbench, raw_runs, short, started

from dlbench.cli import ending, streams
from dlbench.errors import DlbenchError, RecordError, SpecError, exit_codes

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("exits and streams")]

ASCII = {"PYTHONIOENCODING": "ascii"}
LATIN = {"PYTHONIOENCODING": "latin-1"}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a comparison in it, and one like it of another session."""
    folder = tmp_path_factory.mktemp("saved")
    arguments = ("--plugin", "fake.linear,twin.linear", "--quick", "--phase", "predict", "--out", "out", "--quiet")
    done = short("run", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "other").mkdir()
    session = raw_runs(folder / "out")[0]["session"]
    text = (folder / "out" / "runs.jsonl").read_text(encoding="utf-8").replace(session, "other")
    (folder / "other" / "runs.jsonl").write_text(text, encoding="utf-8")
    return folder


def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("metric"), 70),
        (MemoryError(), 70),
        (RecursionError(), 70),
        (OSError(28, "No space left on device"), 70),
        (BrokenPipeError(32, "Broken pipe"), 70),
        (UnicodeEncodeError("ascii", "×", 0, 1, "no"), 70),
        (SystemExit(1), 70),
        (GeneratorExit(), 70),
        (DlbenchError("x"), 2),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_exception_leaves_with_the_code_of_a_finding(
    error: BaseException, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ending.code_of(lambda: raising(error)) == code
    said = capfd.readouterr().err
    assert ("fault of dlbench" in said and ending.PROJECT in said and "Traceback" in said) == (code == exit_codes.FAULT)


def test_the_answer_of_a_command_is_its_exit_code() -> None:
    assert [ending.code_of(lambda code=code: code) for code in (None, 0, 1, 2, 3)] == [0, 0, 1, 2, 3]


def test_a_crash_of_a_whole_command_says_where_to_report_it(tmp_path: Path) -> None:
    code = "import dlbench.cli.listing as l, dlbench.cli.main as c; l.lines = None; c.main()"
    done = subprocess.run([sys.executable, "-c", code, "list"], check=False, capture_output=True, text=True)
    assert done.returncode == 70
    assert done.stderr.startswith("Traceback")
    assert done.stderr.splitlines()[-1].endswith(f"{ending.PROJECT}/issues")


@pytest.mark.parametrize("arguments", [("list", "--nonsense"), ("lst",), ("report",), ("compare", "a")])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = answered(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("variables", [ASCII, LATIN, C_LOCALE], ids=["ascii", "latin-1", "C"])
def test_a_terminal_without_our_signs_gets_others_and_loses_nothing(variables: dict[str, str], saved: Path) -> None:
    environment = {**os.environ, **variables}
    command = [DLBENCH, "compare", "out", "other", "--allow", "session", "--fail-on", "counts", "--out", "compared"]
    done = subprocess.run(command, cwd=saved, env=environment, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    shown = done.stdout.decode("latin-1")
    assert "Candidate over baseline" in shown
    assert "inconclusive" in shown or "indicative" in shown
    assert {"|", "-+-"} <= {sign for sign in ("|", "-+-", "│", "?") if sign in shown}
    assert "95 % intervals" in (saved / "compared" / "comparison.md").read_text(encoding="utf-8")


def test_a_session_on_such_a_terminal_is_measured_and_shown(tmp_path: Path) -> None:
    command = [*SHORT, "run", "--plugin", "fake.linear", "--quick", "--phase", "predict", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **C_LOCALE}, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"us" in done.stdout
    assert "µs" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_signs_are_spelt_out_and_foreign_letters_numbered_so_that_no_two_names_are_alike() -> None:
    assert streams.plainer("1.5× µs, 1–2 ≠ 3 │ ▁█") == "1.5x us, 1-2 != 3 | 18"
    assert streams.plainer("é") != streams.plainer("è") != "e"
    assert streams.plainer("a\udcff") == "a\\udcff"


@pytest.mark.parametrize("columns", ["0", "1", "7"])
def test_a_terminal_of_no_width_shows_every_figure(columns: str, saved: Path) -> None:
    done = subprocess.run(
        [DLBENCH, "report", "out"],
        cwd=saved,
        env={**os.environ, "COLUMNS": columns},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "fake.linear eager" in done.stdout
    assert "Throughput" in done.stdout
    assert "…" not in done.stdout


@pytest.mark.parametrize("where", ["| true", "2>&1 | true", ">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["report out", "compare out other --allow session --fail-on counts", "list"])
def test_a_reader_that_goes_away_changes_no_exit_code(command: str, where: str, saved: Path) -> None:
    script = f"{DLBENCH} {command} {where}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=saved, check=False, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_what_is_printed_goes_to_no_file_that_took_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    script = f"{shlex.join(SHORT)} run --plugin fake.linear --quick --phase predict --out out >&- 2>&-"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert [run["status"] for run in raw_runs(tmp_path / "out")] == ["ok"]
    assert (
        (tmp_path / "out" / "report.md").read_text(encoding="utf-8").startswith("# Prediction steps: fake.linear eager")
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_one_line(saved: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{DLBENCH} report out > /dev/full"], cwd=saved, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "dlbench: standard output cannot be written (No space left on device); free some space\n"


def test_a_terminal_that_hung_up_ends_nothing(saved: Path) -> None:
    ours, theirs = pty.openpty()
    os.close(ours)
    done = subprocess.run([DLBENCH, "report", "out"], cwd=saved, check=False, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_pipe_that_is_full_for_the_moment_is_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    child = subprocess.Popen(["bash", "-c", f"sleep 0.2; cat <&{source} | wc -c"], pass_fds=[source])
    os.close(source)
    data, written = memoryview(b"x" * 300_000), 0
    stream = streams.Enduring(sink, required=True)
    while written < len(data):
        written += stream.write(data[written:])
    os.close(sink)
    child.wait(60)
    assert capfd.readouterr().out.strip() == "300000"


@pytest.mark.parametrize(
    ("signals", "code"),
    [([signal.SIGHUP], 129), ([signal.SIGHUP, signal.SIGHUP, signal.SIGTERM], 129), ([signal.SIGTERM], 143)],
)
def test_what_is_finished_is_reported_with_a_hint_when_the_session_is_told_to_end(
    signals: list[signal.Signals], code: int, tmp_path: Path
) -> None:
    process, errors = _told(tmp_path, signals)
    assert process.returncode == code, errors
    assert "partial; dlbench run --resume out goes on" in errors
    assert "Traceback" not in errors
    finished = len(raw_runs(tmp_path / "out"))
    assert f"{finished} of 50" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_session_under_nohup_goes_on_when_its_terminal_goes(tmp_path: Path) -> None:
    process, errors = _told(tmp_path, [signal.SIGHUP], "trap '' HUP; exec ", "--processes", "3")
    assert process.returncode == 0, errors
    assert len(raw_runs(tmp_path / "out")) == 3


WITH_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
os.execvp("bash", ["bash", "-c", sys.argv[1]])
"""


def _told(
    folder: Path, signals: list[signal.Signals], before: str = "exec ", *arguments: str
) -> tuple[psutil.Popen, str]:
    """A session that gets these signals after its first Run, and its whole output."""
    asked = " ".join(arguments or ("--processes", "50"))
    script = f"{before}{shlex.join(SHORT)} run --plugin fake.linear --phase predict --out out {asked}"
    with started(
        [sys.executable, "-c", WITH_A_TERMINAL, script], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        patience = time.monotonic() + 120
        while not (folder / "out" / "runs.jsonl").exists():
            assert time.monotonic() < patience
            time.sleep(0.02)
        for one in signals:
            process.send_signal(one)
            time.sleep(0.02)
        _, errors = process.communicate(timeout=120)
    return process, errors


def test_a_stream_that_fails_raises_where_it_is_required() -> None:
    with pytest.raises(RecordError, match="standard output"):
        streams.Enduring(os.open("/dev/full", os.O_WRONLY), required=True).write(b"x")
    assert streams.Enduring(os.open("/dev/full", os.O_WRONLY), required=False).write(b"x") == 1


def test_an_error_of_several_lines_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    ending.code_of(lambda: raising(SpecError("one\n\x1b[31mtwo\x00")))
    assert capfd.readouterr().err == "dlbench: one [31mtwo\n"


def test_help_that_nobody_asked_for_keeps_its_lines(tmp_path):
    done = dlbench(cwd=tmp_path)
    assert done.returncode == exit_codes.FAILED
    assert "Commands:\n  bisect " in done.stderr
