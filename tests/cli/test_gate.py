"""`dlbench gate` and the action: two commits of a local repository, GitHub's events and files, comments, refusals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from command import started
from pull_requests import SETTINGS, TOKEN, repository, service

from dlbench.api import commits, github, render
from dlbench.cli import gate_request
from dlbench.cli import main as command_line
from dlbench.errors import DlbenchError, SpecError
from dlbench.record.interrupts import Interrupted
from dlbench.report import pull_request as pull_request_page
from dlbench.workers.environments.commands import Place
from studies.gate.repository import found, git, merged, pull_request
from studies.gate.workflow import COMMENT, MEASURE, Workflow

pytestmark = pytest.mark.untimed


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    return repository(tmp_path_factory.mktemp("repositories") / "net")


def run(*arguments):
    return command_line.cli.main(["gate", *map(str, arguments)], standalone_mode=False)


def test_the_steps_of_the_action_turn_a_worse_pull_request_red_and_comment_once(repo, tmp_path):
    merge, event = merged(repo, "larger"), pull_request(repo, "larger")
    with service(kept=3) as (api, found):
        job = Workflow(tmp_path / "runner", event, api)
        measured = job.step(MEASURE, repo, BASE="", UNDECIDED="warn")
        assert measured.returncode == 1, measured.stderr
        for _ in range(2):
            commented = job.step(COMMENT, repo, GITHUB_TOKEN=TOKEN)
            assert commented.returncode == 0, commented.stderr
    body = found.kept[3]["body"]
    assert [one["id"] for one in found.kept] == [0, 1, 2, 103]
    assert body.startswith(pull_request_page.MARKER)
    assert "regression" in body
    assert f"head {merge[:12]}" in body
    assert f"base {git(repo, 'rev-parse', 'HEAD^1')[:12]}" in body
    assert job.summary.read_text().strip() in body
    assert "::error title=dlbench counts%3A regression::" in measured.stdout
    assert "result=regression" in job.outputs.read_text()
    again = f"dlbench gate --base {git(repo, 'rev-parse', 'HEAD^1')[:12]} --head {merge[:12]} --dlbench ''"
    _, report = render.read(tmp_path / "runner" / "dlbench-gate")
    assert report.command == again
    for text in (body, (tmp_path / "runner" / "dlbench-gate" / "report.md").read_text()):
        assert again in text
        assert "base=PYTHON" not in text
    assert "configuration of both commits: pyproject.toml of this folder, as it is committed\n" in measured.stderr
    assert re.search(r"installing head \(commit .*\ninstalled head in \d+ s\n", measured.stderr)
    assert {path.name for path in (tmp_path / "runner" / "dlbench-gate").iterdir()} >= {"comment.md", "report.md"}
    assert git(repo, "worktree", "list").count("\n") == 0
    assert {said for _, said in found.asked} == {f"Bearer {TOKEN}"}
    assert TOKEN not in job.written() + measured.stdout + measured.stderr + commented.stdout + commented.stderr


@pytest.mark.slow
def test_a_pull_request_that_changes_nothing_is_green(repo, tmp_path):
    merged(repo, "no-op")
    job = Workflow(tmp_path / "runner", pull_request(repo, "no-op"))
    measured = job.step(MEASURE, repo, BASE="", UNDECIDED="fail")
    assert measured.returncode == 0, measured.stderr
    assert "::notice title=dlbench gate::1 of 1 passed" in measured.stdout
    assert "Commits: head " in job.summary.read_text()
    assert "result=passed" in job.outputs.read_text()


@pytest.mark.slow
def test_a_commit_that_does_not_run_fails_and_the_summary_says_why(repo, tmp_path):
    merged(repo, "broken")
    job = Workflow(tmp_path / "runner", pull_request(repo, "broken"))
    measured = job.step(MEASURE, repo, BASE="", UNDECIDED="warn")
    assert measured.returncode == 2, measured.stderr
    assert "told to fail" in job.summary.read_text()


@pytest.mark.parametrize(
    ("code", "undecided", "exit_code"), [(3, "warn", 0), (3, "fail", 3), (1, "warn", 1), (0, "fail", 0)]
)
def test_an_undecided_gate_is_a_warning_unless_the_action_is_told_to_fail(tmp_path, code, undecided, exit_code):
    job = Workflow(tmp_path / "runner", {})
    program = tmp_path / "runner" / "dlbench" / "bin" / "dlbench"
    program.unlink()
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    done = job.step(MEASURE, tmp_path, BASE="", UNDECIDED=undecided)
    assert done.returncode == exit_code
    assert done.stdout.startswith("::warning") == ((code, undecided) == (3, "warn"))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, "the gate has no base commit; give --base COMMIT"),
        ({"action": "opened"}, "this event of GitHub names no base commit"),
        ({"before": "0" * 40}, "the first push of a branch has no base commit"),
    ],
)
def test_no_base_commit_is_one_line(repo, event, said):
    with pytest.raises(SpecError, match=re.escape(said)):
        github.base(event, repo, "HEAD")


def test_the_base_is_that_of_the_event(repo):
    base, head = git(repo, "rev-parse", "base"), git(repo, "rev-parse", "no-op")
    assert github.base({"before": base}, repo, head) == base
    assert github.base({"merge_group": {"base_sha": base}}, repo, head) == base
    behind = pull_request(repo, "no-op")
    behind["pull_request"]["base"]["sha"] = merged(repo, "larger")
    assert github.base(behind, repo, head) == base, "commits of the target branch alone are nobody's regression"


def test_a_shallow_clone_without_the_base_says_how_to_get_it(repo, tmp_path, monkeypatch):
    merged(repo, "no-op")
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repo}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    base = git(repo, "rev-parse", "base")
    with pytest.raises(SpecError, match=f"commit '{base}' is not in this clone, which is shallow; fetch it .git fetch"):
        run("--base", base)
    assert [path.name for path in (tmp_path / "shallow").iterdir() if path.name == "reports"] == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('plugin = ["acme.net"]', "fails on nothing"),
        ('fail-on = ["counts"]', "measures nothing; state plugin = ['acme.net'] or model = "),
        ('plugin = ["acme.net"]\nfail-on = ["slower"]', "pyproject.toml:3: "),
        ('fail-on = ["slower:1%"]\ninstall = 3', "install must be a command, such as 'pip install .'"),
        (
            'plugin = ["acme.net"]\nfail-on = ["slower:1%"]\nprocesses = 0',
            "pyproject.toml:4: processes is 0: it must be",
        ),
        ('plugin = ["acme.net"]\nfail-on = ["slower:1%"]\nbudget = inf', "pyproject.toml:4: budget is inf: it must be"),
        ('plugin = ["acme.net"]\nfail-on = ["slower:1%"]\nthreads = 0', "pyproject.toml:4: threads is 0: it must be"),
        ('fail-on = ["slower:1%"]\nplugins = ["acme.net"]', "unknown option 'plugins'"),
        ('fail-on = ["slower:1%"]\nmodel = ["net.py:Net"]', "both environments would read this file"),
    ],
)
def test_a_gate_that_cannot_be_is_refused_before_anything_is_installed(repo, tmp_path, monkeypatch, table, said):
    git(tmp_path, "clone", "--quiet", str(repo), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    (tmp_path / "clone" / "pyproject.toml").write_text(f"[tool.dlbench.gate]\n{table}\n")
    with pytest.raises(DlbenchError, match=re.escape(said)):
        run("--base", "HEAD")


def test_no_suite_named_gate_and_an_unknown_commit_are_one_line(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(repo)
    with pytest.raises(SpecError, match="commit 'nowhere' is not in this clone; give --base"):
        run("--base", "nowhere")
    with pytest.raises(SpecError, match="commit '--all' is not in this clone"):
        run("--base", "--all")
    (tmp_path / "pyproject.toml").write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"no gate is stated here; add a table \[tool.dlbench.gate\] to pyproject.toml"):
        run("--base", "HEAD")


def test_a_folder_that_is_no_clone_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"not a git repository.*; run the gate in a clone"):
        run("--base", "HEAD")


def test_changes_that_are_not_committed_are_said_to_be_left_out(repo, tmp_path, monkeypatch):
    git(tmp_path, "clone", "--quiet", str(repo), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    (line,) = gate_request.of_this_folder()
    assert line.endswith("as it is committed")
    Path("install.py").write_text("")
    assert [*gate_request.of_this_folder()][1:] == [
        "changes of this folder are not measured until they are committed: install.py"
    ]


def test_a_failed_installation_names_the_commit_its_whole_command_and_its_last_line(
    repo, tmp_path, monkeypatch, capsys
):
    git(tmp_path, "clone", "--quiet", str(repo), "clone")
    clone = tmp_path / "clone"
    monkeypatch.chdir(clone)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("API_TOKEN", TOKEN)
    text = (clone / "pyproject.toml").read_text().replace("python install.py", f"echo no wheel {TOKEN}; exit 4")
    (clone / "pyproject.toml").write_text(text)
    base = git(clone, "rev-parse", "HEAD")[:12]
    said = f"base (commit {base}) could not be installed: sh -euc 'echo no wheel ***; exit 4' ended with exit code 4 "
    with pytest.raises(DlbenchError, match=re.escape(f"{said}(no wheel ***); run it in a checkout of the commit")):
        run("--base", "HEAD", "--dlbench", "", "--out", tmp_path / "out")
    said = capsys.readouterr().err
    assert f"installing base (commit {base})" in said
    assert "installed base" not in said
    assert "no wheel" in (tmp_path / "summary").read_text()
    assert "no wheel" in (tmp_path / "out" / "comment.md").read_text()
    assert TOKEN not in (tmp_path / "summary").read_text()


@pytest.mark.parametrize(("ended", "by"), [(KeyboardInterrupt(), "Ctrl-C"), (Interrupted(15), "SIGTERM")])
def test_an_interrupted_gate_has_to_be_started_anew_and_its_comment_says_so(
    repo, tmp_path, monkeypatch, capsys, ended, by
):
    git(tmp_path, "clone", "--quiet", str(repo), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    (tmp_path / "clone" / "pyproject.toml").write_text(SETTINGS + "\n")
    monkeypatch.setattr(commits, "do", lambda *_: (_ for _ in ()).throw(ended))
    with pytest.raises(click.Abort):  # what click makes of it in this process
        run("--base", "HEAD", "--out", tmp_path / "out")
    head = git(tmp_path / "clone", "rev-parse", "HEAD")[:12]
    said = capsys.readouterr().err
    page = (tmp_path / "out" / "comment.md").read_text()
    for text in (said, page):
        assert f"interrupted by {by}: partial, nothing is decided on counts" in text
        assert f"started anew: dlbench gate --base {head} --head {head}" in text
    assert f" --out {tmp_path / 'out'}\n" in said
    assert page.startswith(pull_request_page.MARKER)
    assert "configuration of both commits: pyproject.toml of this folder, with changes that are not committed" in said


def test_a_folder_of_dlbench_is_that_of_the_call_and_not_of_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dlbench").mkdir()
    assert gate_request.requirement("./dlbench") == str(tmp_path / "dlbench")
    assert [gate_request.requirement(one) for one in ("dlbench", "", "./none")] == ["dlbench", "", "./none"], (
        "as pip reads them"
    )


@pytest.mark.slow
def test_a_gate_that_is_told_to_end_while_it_measures_promises_no_way_to_go_on(repo, tmp_path):
    git(tmp_path, "clone", "--quiet", str(repo), "clone")
    (tmp_path / "clone" / "pyproject.toml").write_text(SETTINGS.replace("quick = true", "processes = 50"))
    words = [Path(sys.executable).with_name("dlbench"), "gate", "--base", "HEAD", "--dlbench", "", "--out", "out"]
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path / "clone"}
    with started(words, env={**os.environ, "FOUND": os.pathsep.join(found())}, **told) as process:
        patience = time.monotonic() + 300
        while not (tmp_path / "clone" / "out" / "runs.jsonl").exists():
            assert time.monotonic() < patience
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 143, errors
    assert "has to be started anew: dlbench gate --base " in errors
    assert "--resume" not in errors
    assert "interrupted by SIGTERM: partial" in (tmp_path / "clone" / "out" / "comment.md").read_text()
    page = (tmp_path / "clone" / "out" / "report.md").read_text()
    assert "dlbench gate --base " in page
    assert "dlbench run" not in page


def test_a_dlbench_that_pip_does_not_find_names_the_option_that_gives_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    place = Place("head (commit 1)", tmp_path, dict(os.environ))
    words = r"pip install --quiet dlbench==0\.0\.nowhere ended .*; give --dlbench .* a checkout"
    with pytest.raises(DlbenchError, match=r"head \(commit 1\) could not be installed: .*" + words):
        commits.install_dlbench(place, sys.executable, "dlbench==0.0.nowhere")


@pytest.mark.parametrize(
    "found",
    [
        {"pull_request": None},
        {"pull_request": []},
        {"pull_request": {"base": {"sha": "a" * 40}, "head": None}},
        {"merge_group": None},
        {"merge_group": []},
        {"before": 5},
        {"before": ["a"]},
        {"before": "\0"},
    ],
)
def test_an_event_that_states_no_commit_where_it_should_is_one_line(tmp_path, found):
    with pytest.raises(SpecError, match=r"names no base .*; give --base COMMIT"):
        github.base(found, tmp_path, "HEAD")
